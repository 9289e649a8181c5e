/*
 * Every scenario: its name, the families it makes sense for, and how it is done.
 */
#include "traffic.h"

#include <linux/in.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define STREAM(n, f, b, ...) \
	{ .name = n, .families = f, .shape = stream_shape, .type = SOCK_STREAM, .rounds = 2, .bytes = b, \
	  .protocol_name = "tcp", __VA_ARGS__ }
#define DATAGRAMS(n, f, b, ...) \
	{ .name = n, .families = f, .shape = datagram_shape, .type = SOCK_DGRAM, .flags = DATAGRAM, .rounds = 3, .bytes = b, \
	  .protocol_name = "udp", __VA_ARGS__ }
#define BY(s, r) .send = s, .receive = r
#define ROLES(s, u) .serve = s, .use = u

const struct scenario scenarios[] = {
	/* Older than the capture, or alive at its end. */
	STREAM("tcp-blocked-reader", BOTH, 30000, .shape = blocked_reader_shape, .flags = EARLY),
	DATAGRAMS("udp-blocked-reader", BOTH, 20000, .shape = blocked_reader_shape, .flags = EARLY | DATAGRAM),
	STREAM("tcp-existing", EVERY, 50000, BY(by_send, by_recv), .shape = existing_shape, .flags = EARLY),
	STREAM("tcp-long-lived-idle", EVERY, 50000, BY(by_send, by_recv), .shape = idle_shape, .flags = HELD),
	DATAGRAMS("udp-long-lived-idle", BOTH, 20000, BY(by_send, by_recv), .shape = idle_shape, .flags = HELD | DATAGRAM),

	/* TCP by every call. */
	STREAM("tcp-send-recv", EVERY, 300000, BY(by_send, by_recv)),
	STREAM("tcp-write-read", EVERY, 300000, BY(by_write, by_read)),
	STREAM("tcp-writev-readv", EVERY, 300000, BY(by_writev, by_readv)),
	STREAM("tcp-pwritev2-preadv2", IPV4, 300000, BY(by_pwritev2, by_preadv2)),
	STREAM("tcp-sendmsg-recvmsg", EVERY, 300000, BY(by_sendmsg, by_recvmsg)),
	STREAM("tcp-sendmmsg-recvmmsg", BOTH, 300000, BY(by_sendmmsg, by_recvmmsg)),
	STREAM("tcp-non-blocking", EVERY, 500000, BY(by_trying_send, by_trying_recv), .prepare = small_buffer),
	STREAM("tcp-msg-more", IPV4, 100000, BY(by_more, by_recv)),
	STREAM("tcp-msg-peek", EVERY, 200000, BY(by_send, by_peek)),
	STREAM("tcp-msg-waitall", BOTH, 200000, BY(by_send, by_waitall)),
	STREAM("tcp-msg-trunc", BOTH, 200000, BY(by_send, by_trunc)),
	STREAM("tcp-msg-oob", BOTH, 20000, ROLES(oob_serve, oob_use)),
	STREAM("tcp-sendfile", EVERY, 300000, BY(by_sendfile, by_recv)),
	STREAM("tcp-splice-in", BOTH, 300000, BY(by_splice_in, by_recv)),
	STREAM("tcp-splice-out", EVERY, 300000, BY(by_send, by_splice_out)),
	STREAM("tcp-splice-both", BOTH, 300000, BY(by_splice_in, by_splice_out)),
	STREAM("tcp-vmsplice", BOTH, 300000, BY(by_vmsplice, by_recv)),
	STREAM("tcp-tee", BOTH, 200000, ROLES(tee_serve, tee_use)),
	STREAM("tcp-msg-zerocopy", BOTH, 300000, BY(by_zerocopy, by_recv), .prepare = allow_zerocopy),
	STREAM("tcp-zerocopy-receive", BOTH, 600000, BY(by_zerocopy, by_zerocopy_receive), .prepare = allow_zerocopy),
	STREAM("tcp-fast-open", BOTH, 900, .shape = fast_open_shape, .stage = fast_open_stage),
	STREAM("ktls-1.2", BOTH, 200000, BY(by_send, by_recv), .prepare = tls12),
	STREAM("ktls-1.3", BOTH, 200000, BY(by_send, by_recv), .prepare = tls13),
	STREAM("ktls-write-read", IPV4, 200000, BY(by_write, by_read), .prepare = tls12),
	STREAM("ktls-sendfile", BOTH, 200000, BY(by_sendfile, by_recvmsg), .prepare = tls12),
	STREAM("ktls-splice", IPV4, 200000, BY(by_splice_in, by_splice_out), .prepare = tls12),
	STREAM("ktls-msg-peek", IPV4, 100000, BY(by_send, by_peek), .prepare = tls12),
	STREAM("ktls-out-only", BOTH, 200000, ROLES(tls_out_serve, tls_out_use)),

	/* io_uring */
	STREAM("uring-send-recv", EVERY, 200000, BY(by_uring_send, by_uring_recv), .prepare = uring_ready),
	STREAM("uring-sendmsg-recvmsg", BOTH, 200000, BY(by_uring_sendmsg, by_uring_recvmsg), .prepare = uring_ready),
	STREAM("uring-write-read", BOTH, 200000, BY(by_uring_write, by_uring_read), .prepare = uring_ready),
	STREAM("uring-registered", BOTH, 200000, BY(by_uring_write_fixed, by_uring_read_fixed), .prepare = uring_ready),
	STREAM("uring-worker", BOTH, 200000, BY(by_uring_send_async, by_uring_recv_async), .prepare = uring_ready),
	STREAM("uring-sqpoll", BOTH, 200000, BY(by_uring_send, by_uring_recv), .prepare = uring_polled),
	STREAM("uring-send-zc", BOTH, 200000, BY(by_uring_send_zc, by_uring_recv), .prepare = uring_ready),
	STREAM("uring-multishot", BOTH, 200000, BY(by_uring_send, by_uring_recv_multishot), .prepare = uring_ready),
	STREAM("uring-splice", BOTH, 200000, BY(by_uring_splice_in, by_uring_splice_out), .prepare = uring_ready),
	DATAGRAMS("uring-udp", BOTH, 20000, BY(by_uring_send, by_uring_recv), .prepare = uring_ready),
	DATAGRAMS("uring-udp-messages", BOTH, 20000, BY(by_uring_sendmsg, by_uring_recvmsg), .prepare = uring_ready),

	/* Many connections, and their ends. */
	STREAM("tcp-short-connections", EVERY, 5000, .shape = short_connections_shape),
	STREAM("tcp-parallel", EVERY, 9000, .shape = parallel_shape),
	STREAM("tcp-closed-unread", BOTH, 20000, ROLES(unread_serve, unread_use)),
	STREAM("tcp-reset", BOTH, 20000, ROLES(reset_serve, reset_use)),
	STREAM("tcp-half-close", EVERY, 20000, ROLES(half_close_serve, half_close_use)),
	STREAM("tcp-no-payload", BOTH, 0, ROLES(no_payload, no_payload)),
	STREAM("tcp-refused", BOTH, 0, .shape = refused_shape),
	STREAM("tcp-reconnected", BOTH, 20000, .shape = stream_reconnected_shape),
	STREAM("tcp-many-processes", IPV4 | MAPPED, 2000, .shape = mass_shape, .seconds = 60),

	/* UDP */
	DATAGRAMS("udp-send-recv", EVERY, 25000, BY(by_send, by_recv)),
	DATAGRAMS("udp-write-read", EVERY, 25000, BY(by_write, by_read)),
	DATAGRAMS("udp-writev-readv", IPV4, 25000, BY(by_writev, by_readv)),
	DATAGRAMS("udp-sendmsg-recvmsg", EVERY, 25000, BY(by_sendmsg, by_recvmsg)),
	DATAGRAMS("udp-sendmmsg-recvmmsg", EVERY, 25000, BY(by_sendmmsg, by_recvmmsg)),
	DATAGRAMS("udp-splice-in", IPV4, 20000, BY(by_splice_in, by_recv)),
	DATAGRAMS("udp-msg-peek", BOTH, 25000, BY(by_send, by_peek_trunc)),
	DATAGRAMS("udp-msg-more", BOTH, 20000, BY(by_more, by_recv)),
	DATAGRAMS("udp-cork", EVERY, 20000, BY(corked, by_recv)),
	DATAGRAMS("udp-gso", EVERY, 60000, BY(with_segments, by_recv)),
	DATAGRAMS("udp-gso-message", BOTH, 60000, BY(with_segments_of_message, by_recv)),
	DATAGRAMS("udp-gso-gro", BOTH, 60000, BY(with_segments, by_recv), .prepare = wants_coalesced),
	DATAGRAMS("udp-msg-zerocopy", BOTH, 20000, BY(by_zerocopy, by_recv), .prepare = allow_zerocopy),
	DATAGRAMS("udp-peers", EVERY, 1200, .shape = peers_shape),
	DATAGRAMS("udp-peers-sendmsg", EVERY, 1200, .shape = peers_by_message_shape),
	DATAGRAMS("udp-peers-sendmmsg", BOTH, 1200, .shape = peers_by_messages_shape),
	DATAGRAMS("udp-recv-without-name", BOTH, 1200, .shape = unnamed_shape),
	DATAGRAMS("udp-reconnected", BOTH, 1200, .shape = reconnected_shape),
	DATAGRAMS("udp-connected-to-another", BOTH, 1200, .shape = elsewhere_shape),
	DATAGRAMS("udp-flood", EVERY, 1000, .shape = flood_shape),
	DATAGRAMS("udp-zero-length", BOTH, 0, ROLES(zero_length_serve, zero_length_use)),
	DATAGRAMS("udp-cut-short", EVERY, 0, ROLES(truncated_serve, truncated_use)),
	DATAGRAMS("udp-error-queue", EVERY, 900, .shape = error_queue_shape),

	/* Who it was. */
	STREAM("tcp-inherited", BOTH, 50000, ROLES(inherited_serve, two_parts_use)),
	STREAM("tcp-passed", BOTH, 50000, ROLES(passed_serve, two_parts_use)),
	STREAM("tcp-pidfd-getfd", IPV4, 50000, ROLES(taken_serve, two_parts_use)),
	STREAM("tcp-dup", IPV4, 50000, ROLES(duplicated_serve, two_parts_use)),
	STREAM("tcp-exec-in-place", BOTH, 50000, ROLES(executed_serve, two_parts_use)),
	DATAGRAMS("udp-inherited", BOTH, 20000, ROLES(inherited_serve, two_parts_use)),
	DATAGRAMS("udp-passed", BOTH, 20000, ROLES(passed_serve, two_parts_use)),
	STREAM("tcp-threads-one-socket", BOTH, 50000, ROLES(threads_serve, threads_use)),
	STREAM("tcp-threads-own-sockets", BOTH, 50000, .shape = threads_each_shape),
	STREAM("tcp-short-lived-process", EVERY, 5000, .shape = short_lived_shape),
	DATAGRAMS("udp-short-lived-process", BOTH, 5000, .shape = short_lived_datagram_shape),

	/* Namespaces */
	STREAM("netns-loopback-tcp", EVERY, 50000, BY(by_send, by_recv), .stage = own_space_stage),
	DATAGRAMS("netns-loopback-udp", EVERY, 20000, BY(by_send, by_recv), .stage = own_space_stage),
	STREAM("netns-veth-tcp", EVERY, 200000, BY(by_send, by_recv), .stage = veth_stage),
	DATAGRAMS("netns-veth-udp", EVERY, 20000, BY(by_send, by_recv), .stage = veth_stage),
	STREAM("netns-nat-tcp", EVERY, 100000, BY(by_send, by_recv), .stage = nat_stage),
	DATAGRAMS("netns-nat-udp", BOTH, 20000, .shape = nat_datagram_shape, .stage = nat_stage),
	STREAM("netns-twins", BOTH, 30000, .shape = twins_shape, .stage = twins_stage),
	DATAGRAMS("netns-multicast", BOTH, 900, .shape = multicast_shape, .stage = veth_stage),
	DATAGRAMS("netns-broadcast", IPV4, 900, .shape = broadcast_shape, .stage = veth_stage),

	/* Other protocols */
	STREAM("mptcp-send-recv", BOTH, 200000, BY(by_send, by_recv), .protocol = IPPROTO_MPTCP, .protocol_name = "mptcp"),
	STREAM("mptcp-sendfile-splice", IPV4, 200000, BY(by_sendfile, by_splice_out), .protocol = IPPROTO_MPTCP,
	       .protocol_name = "mptcp"),
	STREAM("mptcp-msg-peek", IPV4, 100000, BY(by_send, by_peek), .protocol = IPPROTO_MPTCP, .protocol_name = "mptcp"),
	STREAM("mptcp-parallel", BOTH, 9000, .shape = parallel_shape, .protocol = IPPROTO_MPTCP, .protocol_name = "mptcp"),
	STREAM("sctp-send-recv", BOTH, 50000, BY(by_send, by_recv), .protocol = IPPROTO_SCTP, .protocol_name = "sctp"),
	DATAGRAMS("udplite-send-recv", BOTH, 20000, BY(by_send, by_recv), .protocol = IPPROTO_UDPLITE,
		  .protocol_name = "udplite"),
	DATAGRAMS("icmp-ping", BOTH, 900, .shape = ping_shape, .stage = ping_stage, .protocol_name = "icmp"),
	DATAGRAMS("raw", BOTH, 900, .shape = raw_shape, .stage = own_space_stage, .protocol_name = "raw"),
	DATAGRAMS("raw-own-header", IPV4, 900, .shape = header_shape, .stage = own_space_stage, .protocol_name = "raw"),

	/* Not the network's. */
	STREAM("unix-netlink", IPV4, 0, .shape = uncounted_shape),
};

const size_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);
