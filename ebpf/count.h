/* SPDX-License-Identifier: GPL-2.0 */
/* What a call moved is counted to its process; and what TCP itself says was taken and written, under its lock. */
#ifndef WIREBOUND_COUNT_H
#define WIREBOUND_COUNT_H

#include "account.h"

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

#endif
