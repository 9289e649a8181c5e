/* SPDX-License-Identifier: GPL-2.0 */
/* Counting by kprobes. A kretprobe can lose returns, so TCP and received UDP are counted without one. */
#ifndef WIREBOUND_KPROBE_H
#define WIREBOUND_KPROBE_H

#include "count.h"

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

#endif
