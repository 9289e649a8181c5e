// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes of every socket of the internet families, by socket and process. Programs come in groups, of which the loader
 * takes what the kernel allows: one group counts (tracepoints, fexit or kprobes), the others tell of TCP's states and
 * receives, of a socket's beginning and end, of remote ends, of processes, and of names.
 */
#include "account.h"
#include "process.h"
#include "names.h"

char LICENSE[] SEC("license") = "GPL";

/* Whether the socket is connected in the sense that its own remote end is every message's. */
static __always_inline bool is_datagram(__u16 protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

/* Remote end of the message, where it has one of its own. Takes what the cgroup hooks noted for this thread. */
static __always_inline bool take_peer(struct wb_peer *peer, const struct sock *sk, __u64 cookie, bool sending,
				      enum wb_reads reads)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct wb_peer *noted = bpf_map_lookup_elem(&wb_peers, &thread);
	const struct udp_sock *udp = CAST(reads, udp_sock, sk);
	bool corked = sending && FIELD(reads, udp, pending) != 0;

	if (noted && noted->is_noted) {
		__builtin_memcpy(peer, noted, sizeof(*peer));
		noted->is_noted = 0;
		if (corked)
			bpf_map_update_elem(&wb_corks, &cookie, peer, BPF_ANY);
		return true;
	}
	if (!sending || SOCK_FIELD(reads, sk, __sk_common.skc_dport) != 0)
		return false;
	noted = bpf_map_lookup_elem(&wb_corks, &cookie);
	if (!noted)
		return false;
	__builtin_memcpy(peer, noted, sizeof(*peer));
	if (!corked)
		bpf_map_delete_elem(&wb_corks, &cookie);
	return true;
}

static __always_inline bool is_own_remote(const struct wb_socket *entry, const struct wb_peer *peer)
{
	const __u64 *left = (const __u64 *)entry->remote;
	const __u64 *right = (const __u64 *)peer->address;

	return entry->remote_port == peer->port && left[0] == right[0] && left[1] == right[1];
}

/*
 * Keeps the entry's ends, and says whether the message's remote end is another than the entry's. A socket that is
 * connected anew keeps its first remote end, and has the later ones as peers.
 */
static __always_inline bool place(struct wb_socket *entry, const struct sock *sk, struct wb_peer *peer, bool has_peer,
				  enum wb_reads reads)
{
	__u16 remote_port = bpf_ntohs(SOCK_FIELD(reads, sk, __sk_common.skc_dport));

	if (entry->local_port == 0 || (remote_port != 0 && entry->remote_port == 0))
		refresh(entry, sk);
	if (!has_peer && remote_port != 0) {
		read_remote(peer->address, sk, entry->family, reads);
		peer->port = remote_port;
		has_peer = true;
	}
	return has_peer && !is_own_remote(entry, peer);
}

/* Counts what a call returned. */
static __always_inline int count(struct sock *sk, __s64 result, __u32 flags, bool sending, enum wb_reads reads)
{
	struct wb_socket_key key;
	struct wb_socket *entry;
	struct wb_actor actor;
	struct wb_peer peer = {};
	__u64 sent = sending ? result : 0;
	__u64 received = sending ? 0 : result;
	__u16 protocol;
	bool has_peer = false;
	bool tls = false;

	if (!is_inet(sk, reads))
		return 0;
	protocol = SOCK_FIELD(reads, sk, sk_protocol);
	entry = find_socket(&key, sk, reads);
	if (is_datagram(protocol))
		has_peer = take_peer(&peer, sk, key.cookie, sending, reads);
	if (result <= 0 || (!sending && (flags & (MSG_PEEK | MSG_ERRQUEUE))))
		return 0;
	/* When it is closed the layer is taken off again, so the mark stays. */
	if (protocol == IPPROTO_TCP)
		tls = (entry && (entry->flags & WB_TLS)) || upper_layer(sk, reads) == 't';
	if (protocol == IPPROTO_TCP && !tls && entry) {
		/* Counted elsewhere, under the socket's lock: by what was taken, and where it must be, by what was written. */
		if (!sending && !wb_receives_by_calls)
			return 0;
		if (sending && wb_sends_by_sequence)
			return 0;
	}
	if (!entry) {
		if (key.cookie == 0) {
			lose(sent, received);
			return 0;
		}
		entry = make_socket(&key, sk, met(sk), sent, received);
		if (!entry) {
			lose(sent, received);
			return 0;
		}
	}
	if (tls && !(entry->flags & WB_TLS))
		entry->flags |= WB_TLS;
	if (protocol != IPPROTO_TCP)
		has_peer = place(entry, sk, &peer, has_peer, reads);
	read_actor(&actor, sk, reads);
	return add_bytes(entry, &key, &actor, has_peer ? &peer : NULL, sent, received);
}

static __noinline int count_by_type(struct sock *sk, __s64 result, __u32 flags, bool sending)
{
	return count(CAST(BY_TYPE, sock, sk), result, flags, sending, BY_TYPE);
}

static __noinline int count_by_type_of_sock(struct sock *sk, __s64 result, __u32 flags, bool sending)
{
	return count(sk, result, flags, sending, BY_TYPE_OF_SOCK);
}

static __noinline int count_by_call(struct sock *sk, __s64 result, __u32 flags, bool sending)
{
	return count(sk, result, flags, sending, BY_CALL);
}

/* For a socket that is a mere number to the verifier. */
static __always_inline int count_call(struct sock *sk, __s64 result, __u32 flags, bool sending)
{
	return wb_typed_reads ? count_by_type(sk, result, flags, sending) : count_by_call(sk, result, flags, sending);
}

/* For the argument of a program that was given its type. */
static __always_inline int count_socket(struct socket *socket, __s64 result, __u32 flags, bool sending)
{
	struct sock *sk = socket->sk;

	if (!sk)
		return 0;
	return wb_typed_reads ? count_by_type(sk, result, flags, sending) :
				count_by_type_of_sock(sk, result, flags, sending);
}

/* Takes the growth of what was taken from, and where wanted written to, a TCP socket since the last look. It is locked. */
static __always_inline int look(struct sock *sk, bool writes, enum wb_reads reads)
{
	struct wb_socket_key key;
	struct wb_socket *entry;
	struct wb_actor actor;
	__u64 now_taken, now_written, sent = 0, received;
	__u8 state;

	if (SOCK_FIELD(reads, sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	/* A subflow of MPTCP has the inode of the connection that it is a part of, also when its layer is off again. */
	if (upper_layer(sk, reads) == 'm' ||
	    (SOCK_FIELD(reads, sk, __sk_common.skc_cookie.counter) == 0 && kernels_own(sk, reads)))
		return 0;
	entry = find_socket(&key, sk, reads);
	if (!entry) {
		/*
		 * Where calls are counted, the call that follows finds it missing too. What no process holds is done with, and
		 * what the kernel holds may be a part of an MPTCP connection.
		 */
		if (writes && key.cookie != 0 && inode_of(sk) != 0 && !kernels_own(sk, reads) && upper_layer(sk, reads) == 0)
			make_socket(&key, sk, met(sk), 0, 0);
		return 0;
	}
	if ((entry->flags & WB_TLS) || upper_layer(sk, reads) == 't') {
		entry->flags |= WB_TLS;
		return 0;
	}
	now_taken = taken_of(sk, reads);
	/* A socket that was disconnected and connected again counts from the beginning. */
	received = now_taken >= entry->taken ? now_taken - entry->taken : now_taken;
	if (received)
		entry->taken = now_taken;
	state = SOCK_FIELD(reads, sk, __sk_common.skc_state);
	/* Before the handshake and after a disconnect the numbers of the sequence mean nothing. */
	if (writes && state != TCP_SYN_SENT && state != TCP_CLOSE && state != TCP_LISTEN) {
		now_written = written_of(sk);
		sent = now_written >= entry->written ? now_written - entry->written : now_written;
		if (sent)
			entry->written = now_written;
	}
	if (sent == 0 && received == 0)
		return 0;
	read_actor(&actor, sk, reads);
	return add_bytes(entry, &key, &actor, NULL, sent, received);
}

static __noinline int look_by_type(struct sock *sk, bool writes)
{
	return look(CAST(BY_TYPE, sock, sk), writes, BY_TYPE);
}

static __noinline int look_by_call(struct sock *sk, bool writes)
{
	return look(sk, writes, BY_CALL);
}

static __always_inline int look_at_tcp(struct sock *sk, bool writes)
{
	return wb_typed_reads ? look_by_type(sk, writes) : look_by_call(sk, writes);
}

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

/* --- kprobes. A kretprobe can lose returns, so TCP and received UDP are counted without one. --- */

/* Called whenever a process gives the lock of a TCP socket back: after each send, receive, or wait within one. */
SEC("kprobe/tcp_release_cb")
int BPF_KPROBE(kprobe_tcp_release, struct sock *sk)
{
	return look_at_tcp(sk, true);
}

/* The end of every receive of a datagram: its length, or less than 0 for a peek. */
SEC("kprobe/skb_consume_udp")
int BPF_KPROBE(kprobe_udp_receive, struct sock *sk, struct sk_buff *skb, int length)
{
	return length > 0 ? count_call(sk, length, 0, false) : 0;
}

struct wb_call {
	struct sock *sk;
	__u32 flags;
	__u16 sending;
	__u16 counted;	/* in its socket's `calls` */
};

/* Calls under way whose result a kretprobe will tell, by thread. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct wb_call);
} wb_calls SEC(".maps");

static __noinline int begin_call(struct socket *socket, __u32 flags, bool sending)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);
	__u64 thread = bpf_get_current_pid_tgid();
	struct wb_call call = { .sk = sk, .flags = flags, .sending = sending };
	struct wb_socket_key key;
	struct wb_socket *entry;

	if (!is_inet(sk, BY_CALL))
		return 0;
	/* What is counted without a kretprobe. */
	if (protocol == IPPROTO_TCP && upper_layer(sk, BY_CALL) != 't')
		return 0;
	if (!sending && is_datagram(protocol))
		return 0;
	if (bpf_map_lookup_elem(&wb_calls, &thread))
		ADD_LOSS(returns_lost, 1);
	entry = find_socket(&key, sk, BY_CALL);
	if (entry) {
		call.counted = 1;
		entry->flags |= WB_RETURNS;
		__sync_fetch_and_add(&entry->calls, 1);
	}
	bpf_map_update_elem(&wb_calls, &thread, &call, BPF_ANY);
	return 0;
}

static __noinline int end_call(__s64 result)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct wb_call *call = bpf_map_lookup_elem(&wb_calls, &thread);
	struct wb_socket_key key;
	struct wb_socket *entry;
	struct wb_call now;

	if (!call)
		return 0;
	__builtin_memcpy(&now, call, sizeof(now));
	bpf_map_delete_elem(&wb_calls, &thread);
	count_call(now.sk, result, now.flags, now.sending);
	entry = now.counted ? find_socket(&key, now.sk, BY_CALL) : NULL;
	if (entry)
		__sync_fetch_and_add(&entry->calls, -1);
	return 0;
}

SEC("kprobe/inet_sendmsg")
int BPF_KPROBE(kprobe_send4, struct socket *socket)
{
	return begin_call(socket, 0, true);
}

SEC("kprobe/inet6_sendmsg")
int BPF_KPROBE(kprobe_send6, struct socket *socket)
{
	return begin_call(socket, 0, true);
}

SEC("kprobe/inet_sendpage")
int BPF_KPROBE(kprobe_sendpage, struct socket *socket)
{
	__u16 protocol = BPF_CORE_READ(socket, sk, sk_protocol);

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return 0;
	return begin_call(socket, 0, true);
}

SEC("kprobe/inet_recvmsg")
int BPF_KPROBE(kprobe_receive4, struct socket *socket, struct msghdr *message, unsigned long size, int flags)
{
	return begin_call(socket, flags, false);
}

SEC("kprobe/inet6_recvmsg")
int BPF_KPROBE(kprobe_receive6, struct socket *socket, struct msghdr *message, unsigned long size, int flags)
{
	return begin_call(socket, flags, false);
}

SEC("kretprobe/inet_sendmsg")
int BPF_KRETPROBE(kretprobe_send4, int result)
{
	return end_call(result);
}

SEC("kretprobe/inet6_sendmsg")
int BPF_KRETPROBE(kretprobe_send6, int result)
{
	return end_call(result);
}

SEC("kretprobe/inet_sendpage")
int BPF_KRETPROBE(kretprobe_sendpage, long result)
{
	return end_call(result);
}

SEC("kretprobe/inet_recvmsg")
int BPF_KRETPROBE(kretprobe_receive4, int result)
{
	return end_call(result);
}

SEC("kprobe/sock_common_recvmsg")
int BPF_KPROBE(kprobe_receive_common, struct socket *socket, struct msghdr *message, unsigned long size, int flags)
{
	return begin_call(socket, flags, false);
}

SEC("kretprobe/sock_common_recvmsg")
int BPF_KRETPROBE(kretprobe_receive_common, int result)
{
	return end_call(result);
}

SEC("kretprobe/inet6_recvmsg")
int BPF_KRETPROBE(kretprobe_receive6, int result)
{
	return end_call(result);
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

static __always_inline int end_socket(struct sock *sk)
{
	struct wb_socket_key key;
	struct wb_socket *entry = find_socket(&key, sk, BY_CALL);

	if (!entry || entry->closed_ns != 0)
		return 0;
	entry->closed_ns = bpf_ktime_get_boot_ns();
	entry->changed_ns = entry->closed_ns;
	return 0;
}

SEC("raw_tp/tcp_destroy_sock")
int tp_destroyed(struct bpf_raw_tracepoint_args *ctx)
{
	return end_socket((struct sock *)ctx->args[0]);
}

/* --- cgroup hooks: their context is the socket itself --- */

SEC("cgroup/sock_create")
int cgroup_create(struct bpf_sock *ctx)
{
	struct sock *sk = (struct sock *)ctx;
	struct wb_socket_key key;
	struct wb_socket *entry;
	struct wb_actor actor;

	bpf_get_socket_cookie(ctx);	/* gives the socket its cookie, which the other programs can't */
	if (!is_inet(sk, BY_CALL) || !name_socket(&key, sk, BY_CALL))
		return 1;
	entry = make_socket(&key, sk, 0, 0, 0);
	if (!entry)
		return 1;
	read_actor(&actor, sk, BY_CALL);
	entry->opener_tgid = actor.tgid;
	entry->opener_start_ns = actor.start_ns;
	return 1;
}

/* The last descriptor is closed: from here on no process can move a byte of it. */
SEC("cgroup/sock_release")
int cgroup_release(struct bpf_sock *ctx)
{
	end_socket((struct sock *)ctx);
	return 1;
}

static __always_inline int bound(struct bpf_sock *ctx)
{
	struct wb_socket_key key;
	struct wb_socket *entry = find_socket(&key, (struct sock *)ctx, BY_CALL);

	if (entry) {
		refresh(entry, (struct sock *)ctx);
		entry->changed_ns = bpf_ktime_get_boot_ns();
	}
	return 1;
}

SEC("cgroup/post_bind4")
int cgroup_bind4(struct bpf_sock *ctx)
{
	return bound(ctx);
}

SEC("cgroup/post_bind6")
int cgroup_bind6(struct bpf_sock *ctx)
{
	return bound(ctx);
}

static __always_inline int note_peer(const struct wb_peer *peer)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct wb_peer *noted = bpf_map_lookup_elem(&wb_peers, &thread);

	if (noted)
		__builtin_memcpy(noted, peer, sizeof(*peer));
	else
		bpf_map_update_elem(&wb_peers, &thread, peer, BPF_ANY);
	return 1;
}

static __always_inline int note_peer4(struct bpf_sock_addr *ctx)
{
	struct wb_peer peer = { .is_noted = 1 };

	mapped(peer.address, ctx->user_ip4);
	peer.port = bpf_ntohs(ctx->user_port);
	return note_peer(&peer);
}

static __always_inline int note_peer6(struct bpf_sock_addr *ctx)
{
	__u32 words[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };
	struct wb_peer peer = { .is_noted = 1 };

	__builtin_memcpy(peer.address, words, 16);
	peer.port = bpf_ntohs(ctx->user_port);
	return note_peer(&peer);
}

SEC("cgroup/sendmsg4")
int cgroup_send4(struct bpf_sock_addr *ctx)
{
	return note_peer4(ctx);
}

SEC("cgroup/sendmsg6")
int cgroup_send6(struct bpf_sock_addr *ctx)
{
	return note_peer6(ctx);
}

SEC("cgroup/recvmsg4")
int cgroup_receive4(struct bpf_sock_addr *ctx)
{
	return note_peer4(ctx);
}

SEC("cgroup/recvmsg6")
int cgroup_receive6(struct bpf_sock_addr *ctx)
{
	return note_peer6(ctx);
}

/* Gives an accepted socket its cookie before it is established: it was not made by socket(). */
SEC("sockops")
int sockops_cookie(struct bpf_sock_ops *ctx)
{
	bpf_get_socket_cookie(ctx);
	return 1;
}
