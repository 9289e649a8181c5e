/* SPDX-License-Identifier: GPL-2.0 */
/* Maps, and what is read of a socket: who it is, its ends, what its TCP has counted. */
#ifndef WIREBOUND_SOCKET_H
#define WIREBOUND_SOCKET_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include "records.h"

/* Sizes are the program's to choose before it loads the object; these are the defaults. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct wb_socket_key);
	__type(value, struct wb_socket);
} wb_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct wb_bytes_key);
	__type(value, struct wb_bytes);
} wb_bytes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wb_loss);
} wb_losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} wb_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 19);
} wb_names SEC(".maps");

/*
 * Entry 0: how much is known of the sockets that have no entry. 0: nothing yet. 1: those that existed before are entered
 * or in wb_existing. 2: that is not sure, because one of the two was full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} wb_started SEC(".maps");

/* Inodes of the sockets that existed before and that no list of TCP or UDP sockets has. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u8);
} wb_existing SEC(".maps");

/* The time at the last tick of the kernel's clock, by CPU: reading the clock is dear, and a tick is exact enough for most. */
struct wb_tick {
	__u64 tick;
	__u64 time_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wb_tick);
} wb_ticks SEC(".maps");

/* How bytes of TCP are counted, decided before loading. */
const volatile __u32 wb_sends_by_sequence = 0;	/* by write_seq under the socket's lock, not by what calls returned */
const volatile __u32 wb_receives_by_calls = 0;	/* by what calls returned: tcp_rcv_space_adjust is not there */
const volatile __u32 wb_peers_max = 1024;	/* remote ends told apart per unconnected socket */

/* Whether the kernel lets a program give its pointers types (bpf_rdonly_cast). Found out by trying. */
const volatile __u32 wb_typed_reads = 0;

/*
 * How fields are read. By call works everywhere and is what each count would mostly consist of; by type a field is one
 * load. What reads for each count is made once for each way, by a constant.
 */
enum wb_reads {
	BY_CALL,
	BY_TYPE_OF_SOCK,	/* the socket alone has come with its type: an argument of fexit */
	BY_TYPE,
};

#define CAST(reads, type, pointer)                                                                             \
	((reads) == BY_TYPE ? (struct type *)bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(struct type)) : \
			      (struct type *)(pointer))
/* A field of what was cast, and one of the socket itself. */
#define FIELD(reads, pointer, field) ((reads) == BY_TYPE ? (pointer)->field : BPF_CORE_READ(pointer, field))
#define SOCK_FIELD(reads, sk, field) ((reads) != BY_CALL ? (sk)->field : BPF_CORE_READ(sk, field))

#define WB_NO_COOKIE (1ULL << 52)	/* no cookie is so high; the inode stands in for it */

/* CLOCK_BOOTTIME nanoseconds, up to one tick (1 to 10 ms) ago. */
static __always_inline __u64 about_now(void)
{
	__u32 zero = 0;
	struct wb_tick *last = bpf_map_lookup_elem(&wb_ticks, &zero);
	__u64 tick = bpf_jiffies64();

	if (!last)
		return bpf_ktime_get_boot_ns();
	if (last->tick != tick) {
		last->time_ns = bpf_ktime_get_boot_ns();
		last->tick = tick;
	}
	return last->time_ns;
}

static __always_inline struct wb_loss *losses(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wb_losses, &zero);
}

/*
 * Adds to a counter of this CPU, as one operation: a program can be interrupted, and on some kernels preempted, by another
 * one that adds to the same, and what is lost must be exact.
 */
#define ADD_LOSS(counter, amount)                                    \
	({                                                           \
		struct wb_loss *loss_ = losses();                    \
		if (loss_)                                           \
			__sync_fetch_and_add(&loss_->counter, amount); \
	})

static __always_inline bool is_inet(const struct sock *sk, enum wb_reads reads)
{
	__u16 family = SOCK_FIELD(reads, sk, __sk_common.skc_family);

	return family == AF_INET || family == AF_INET6;
}

static __always_inline __u32 inode_of(const struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	if (!socket)
		return 0;
	/* struct socket is the first member of struct socket_alloc. */
	return (__u32)BPF_CORE_READ((struct socket_alloc *)socket, vfs_inode.i_ino);
}

/* First letter of the upper layer protocol: 't' for kTLS, 'm' for a subflow of MPTCP, 0 for none. */
static __always_inline char upper_layer(const struct sock *sk, enum wb_reads reads)
{
	const struct tcp_sock *tcp = CAST(reads, tcp_sock, sk);
	const struct tcp_ulp_ops *ops = FIELD(reads, tcp, inet_conn.icsk_ulp_ops);
	char first = 0;

	if (ops)
		bpf_core_read(&first, 1, &ops->name);
	return first;
}

/* Payload that programs have taken from a TCP socket, over its whole life: what came in order, less what is unread. */
static __always_inline __u64 taken_of(const struct sock *sk, enum wb_reads reads)
{
	const struct tcp_sock *tcp = CAST(reads, tcp_sock, sk);
	__u32 unread = FIELD(reads, tcp, rcv_nxt) - FIELD(reads, tcp, copied_seq);
	__u64 received = FIELD(reads, tcp, bytes_received);

	/* A FIN takes a number and is counted as received; while it is unread it is in both. */
	if (unread == 0 && (SOCK_FIELD(reads, sk, __sk_common.skc_flags) & (1UL << SOCK_DONE_FLAG)) && received > 0)
		received -= 1;
	return received > unread ? received - unread : 0;
}

/* Payload that programs have written to a TCP socket, over its whole life: what was sent once, and what still waits. */
static __always_inline __u64 written_of(const struct sock *sk)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;
	__s32 waiting = BPF_CORE_READ(tcp, write_seq) - BPF_CORE_READ(tcp, snd_nxt);

	if (waiting < 0)
		waiting = 0;
	if (waiting > 0 && (BPF_CORE_READ(sk, sk_shutdown) & SEND_SHUTDOWN))
		waiting -= 1;	/* the FIN */
	return BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans) + waiting;
}

static __always_inline void mapped(__u8 *to, __be32 address)
{
	__builtin_memset(to, 0, 10);
	to[10] = 0xff;
	to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

static __always_inline void read_local(__u8 *to, const struct sock *sk, __u16 family)
{
	if (family == AF_INET)
		mapped(to, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	else
		bpf_core_read(to, 16, &sk->__sk_common.skc_v6_rcv_saddr);
}

static __always_inline void read_remote(__u8 *to, const struct sock *sk, __u16 family, enum wb_reads reads)
{
	if (family == AF_INET)
		mapped(to, SOCK_FIELD(reads, sk, __sk_common.skc_daddr));
	else
		bpf_core_read(to, 16, &sk->__sk_common.skc_v6_daddr);
}

/* Takes over the ends and the state as they are now. */
static __always_inline void refresh(struct wb_socket *entry, const struct sock *sk)
{
	entry->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	entry->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	entry->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	read_local(entry->local, sk, entry->family);
	read_remote(entry->remote, sk, entry->family, BY_CALL);
	if (entry->inode == 0)
		entry->inode = inode_of(sk);
}

#endif
