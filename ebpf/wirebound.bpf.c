// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes of every socket of the internet families, by socket and process. Programs come in groups, of which the loader
 * takes what the kernel allows: one group counts (tracepoints, fexit or kprobes), the others tell of TCP's states and
 * receives, of a socket's beginning and end, of remote ends, of processes, and of names.
 */
#include "cgroup.h"
#include "count.h"
#include "kprobe.h"
#include "names.h"
#include "process.h"

char LICENSE[] SEC("license") = "GPL";

/* --- tracepoints: Linux 6.3 and newer --- */

SEC("raw_tp/sock_send_length")
int tp_send(struct bpf_raw_tracepoint_args *ctx)
{
	return count_call((struct sock *)ctx->args[0], (__s32)ctx->args[1], 0, true);
}

SEC("raw_tp/sock_recv_length")
int tp_receive(struct bpf_raw_tracepoint_args *ctx)
{
	return count_call((struct sock *)ctx->args[0], (__s32)ctx->args[1], ctx->args[2], false);
}

/* --- fexit: Linux 5.5 and newer. One call for all protocols, before any of them; both families have their own. --- */

SEC("fexit/inet_sendmsg")
int BPF_PROG(fexit_send4, struct socket *socket, struct msghdr *message, unsigned long size, int result)
{
	return count_socket(socket, result, 0, true);
}

SEC("fexit/inet6_sendmsg")
int BPF_PROG(fexit_send6, struct socket *socket, struct msghdr *message, unsigned long size, int result)
{
	return count_socket(socket, result, 0, true);
}

SEC("fexit/inet_recvmsg")
int BPF_PROG(fexit_receive4, struct socket *socket, struct msghdr *message, unsigned long size, int flags, int result)
{
	return count_socket(socket, result, flags, false);
}

SEC("fexit/inet6_recvmsg")
int BPF_PROG(fexit_receive6, struct socket *socket, struct msghdr *message, unsigned long size, int flags, int result)
{
	return count_socket(socket, result, flags, false);
}

/* Raw IPv6 and DCCP: their sockets receive without the functions above. */
SEC("fexit/sock_common_recvmsg")
int BPF_PROG(fexit_receive_common, struct socket *socket, struct msghdr *message, unsigned long size, int flags,
	     int result)
{
	return count_socket(socket, result, flags, false);
}

/* sendfile and splice before Linux 6.5. Where a protocol has no sendpage of its own, inet_sendmsg comes after it. */
static __always_inline int count_page(struct socket *socket, __s64 result)
{
	__u16 protocol = BPF_CORE_READ(socket, sk, sk_protocol);

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return 0;
	return count_socket(socket, result, 0, true);
}

SEC("fexit/inet_sendpage")
int BPF_PROG(fexit_sendpage, struct socket *socket, struct page *page, int offset, unsigned long size, int flags,
	     long result)
{
	return count_page(socket, result);
}

/* --- all methods: TCP's receives, its states, and its end --- */

/* Each time a process has taken data out of a TCP socket, by recv, splice or mmap alike. */
SEC("raw_tp/tcp_rcv_space_adjust")
int tp_taken(struct bpf_raw_tracepoint_args *ctx)
{
	return look_at_tcp((struct sock *)ctx->args[0], false);
}

SEC("raw_tp/inet_sock_set_state")
int tp_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];
	__u8 old_state = ctx->args[1], new_state = ctx->args[2];
	struct wb_socket_key key;
	struct wb_socket *entry;
	struct wb_actor actor;

	if (!is_inet(sk, BY_CALL) || upper_layer(sk, BY_CALL) == 'm')
		return 0;
	entry = find_socket(&key, sk, BY_CALL);
	if (!entry) {
		if (key.cookie == 0 || (new_state != TCP_SYN_SENT && new_state != TCP_LISTEN && new_state != TCP_ESTABLISHED))
			return 0;
		entry = make_socket(&key, sk, old_state == TCP_SYN_RECV ? WB_ACCEPTED : 0, 0, 0);
		if (!entry)
			return 0;
	}
	if (new_state != TCP_CLOSE)
		refresh(entry, sk);	/* at the end the ends are gone from the socket: the entry keeps those that it has */
	entry->state = new_state;
	entry->changed_ns = bpf_ktime_get_boot_ns();
	if (new_state == TCP_SYN_SENT) {
		/* Where it was disconnected before, its TCP has begun to count anew, and what it counted then is added. */
		entry->taken = 0;
		entry->written = 0;
	}
	if (new_state == TCP_SYN_SENT && entry->opener_tgid == 0) {
		read_actor(&actor, sk, BY_CALL);
		entry->opener_tgid = actor.tgid;
		entry->opener_start_ns = actor.start_ns;
	}
	tell_state(&key, entry, old_state, new_state);
	return 0;
}

SEC("raw_tp/tcp_destroy_sock")
int tp_destroyed(struct bpf_raw_tracepoint_args *ctx)
{
	return end_socket((struct sock *)ctx->args[0]);
}
