/* SPDX-License-Identifier: GPL-2.0 */
/* Finding and making the entry of a socket, and adding bytes to the process that moved them, or to what is lost. */
#ifndef WIREBOUND_ACCOUNT_H
#define WIREBOUND_ACCOUNT_H

#include "socket.h"

struct wb_actor {
	__u32 tgid;
	__u64 start_ns;
};

struct wb_peer {
	__u8 address[16];
	__u16 port;
	__u16 is_noted;	/* 0: taken */
	__u16 padding[2];
};

/*
 * Remote end of the message that a thread is just sending or taking, by thread: cgroup hooks tell it, the count takes it.
 * An entry stays with its thread, empty when taken: only the thread itself writes to it, and that is cheaper than to make
 * one for each message.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct wb_peer);
} wb_peers SEC(".maps");

/* Remote end of a corked datagram, by cookie: only its first part names it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct wb_peer);
} wb_corks SEC(".maps");

static __always_inline bool kernels_own(const struct sock *sk, enum wb_reads reads)
{
	return reads != BY_CALL ? BPF_CORE_READ_BITFIELD(sk, sk_kern_sock) : BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock);
}

static __always_inline void read_actor(struct wb_actor *actor, const struct sock *sk, enum wb_reads reads)
{
	const struct task_struct *task;

	actor->tgid = 0;
	actor->start_ns = 0;
	if (kernels_own(sk, reads))
		return;
	actor->tgid = bpf_get_current_pid_tgid() >> 32;
	if (actor->tgid == 0)
		return;
	task = CAST(reads, task_struct, (void *)bpf_get_current_task());
	actor->start_ns = reads == BY_TYPE ? task->group_leader->start_boottime :
				  BPF_CORE_READ(task, group_leader, start_boottime);
}

/* Whether the socket can be named. It then has an entry under `key`, or could have one. */
static __always_inline bool name_socket(struct wb_socket_key *key, const struct sock *sk, enum wb_reads reads)
{
	key->cookie = SOCK_FIELD(reads, sk, __sk_common.skc_cookie.counter);
	key->netns = reads != BY_CALL ? sk->__sk_common.skc_net.net->ns.inum :
			     BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	key->padding = 0;
	/* An accepted MPTCP connection is a copy of its listener, cookie and all. */
	if (key->cookie == 0 || SOCK_FIELD(reads, sk, sk_protocol) == IPPROTO_MPTCP) {
		__u32 inode = inode_of(sk);

		key->cookie = inode == 0 ? 0 : WB_NO_COOKIE | inode;
	}
	return key->cookie != 0;
}

/* The entry, if there is one. A socket that was first seen without a cookie keeps the name that it got then. */
static __always_inline struct wb_socket *find_socket(struct wb_socket_key *key, const struct sock *sk,
						       enum wb_reads reads)
{
	struct wb_socket *entry;
	__u64 cookie;
	__u32 inode;

	if (!name_socket(key, sk, reads))
		return NULL;
	entry = bpf_map_lookup_elem(&wb_sockets, key);
	if (entry || (key->cookie & WB_NO_COOKIE))
		return entry;
	inode = inode_of(sk);
	if (inode == 0)
		return NULL;
	cookie = key->cookie;
	key->cookie = WB_NO_COOKIE | inode;
	entry = bpf_map_lookup_elem(&wb_sockets, key);
	if (!entry)
		key->cookie = cookie;
	return entry;
}

/*
 * Makes an entry under `key`. For TCP its base is what was written and taken until now, less `sent` and `received`, which
 * the caller counts to a process.
 */
static __noinline struct wb_socket *make_socket(struct wb_socket_key *key, const struct sock *sk, __u8 flags, __u64 sent,
						 __u64 received)
{
	struct wb_socket entry;
	__u32 zero = 0, *started;
	__u64 now = bpf_ktime_get_boot_ns();

	if (!key)
		return NULL;
	__builtin_memset(&entry, 0, sizeof(entry));
	entry.created_ns = now;
	entry.changed_ns = now;
	entry.flags = flags;
	entry.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	entry.protocol = BPF_CORE_READ(sk, sk_protocol);
	entry.type = BPF_CORE_READ(sk, sk_type);
	entry.uid = BPF_CORE_READ(sk, sk_uid.val);
	refresh(&entry, sk);
	if (entry.protocol == IPPROTO_TCP) {
		entry.taken = taken_of(sk, BY_CALL);
		entry.written = written_of(sk);
		if (flags & (WB_EXISTED | WB_LATE)) {
			entry.base_sent = entry.written > sent ? entry.written - sent : 0;
			entry.base_received = entry.taken > received ? entry.taken - received : 0;
		}
		if (upper_layer(sk, BY_CALL) == 't')
			entry.flags |= WB_TLS;
	}
	if (bpf_map_update_elem(&wb_sockets, key, &entry, BPF_NOEXIST) != 0) {
		struct wb_socket *other = bpf_map_lookup_elem(&wb_sockets, key);

		if (other)
			return other;
		started = bpf_map_lookup_elem(&wb_started, &zero);
		if (started && *started)
			*started = 2;
		ADD_LOSS(sockets_full, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&wb_sockets, key);
}

/*
 * How a socket is marked that is first met when it moves bytes. Only a connection that was accepted comes so late without
 * having lost anything: MPTCP and SCTP do not tell of it before, and TCP's fast open gives it data before it is established.
 */
static __always_inline __u8 met(const struct sock *sk)
{
	__u32 zero = 0, inode = inode_of(sk);
	__u32 *started = bpf_map_lookup_elem(&wb_started, &zero);
	__u16 type = BPF_CORE_READ(sk, sk_type);

	if (!started || *started == 0 || bpf_map_lookup_elem(&wb_existing, &inode))
		return WB_EXISTED;
	if (*started == 1 && inode != 0 && (type == SOCK_STREAM || type == SOCK_SEQPACKET) &&
	    (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP ||
	     BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_SYN_RECV))
		return WB_ACCEPTED;
	return WB_LATE;
}

static __always_inline void lose(__u64 sent, __u64 received)
{
	ADD_LOSS(lost_sent, sent);
	ADD_LOSS(lost_received, received);
}

static __always_inline bool is_unspecified(const struct wb_peer *peer)
{
	const __u64 *words = (const __u64 *)peer->address;

	return words[0] == 0 && words[1] == 0 && peer->port == 0;
}

/* A new process at a socket, or a new remote end. NULL where there is no room. */
static __noinline struct wb_bytes *make_bytes(struct wb_bytes_key *key)
{
	struct task_struct *leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);
	struct wb_bytes bytes;

	if (!key)
		return NULL;
	__builtin_memset(&bytes, 0, sizeof(bytes));
	if (key->tgid != 0) {
		bytes.parent_tgid = BPF_CORE_READ(leader, real_parent, tgid);
		bytes.uid = BPF_CORE_READ(leader, real_cred, uid.val);
		bpf_core_read_str(&bytes.comm, sizeof(bytes.comm), &leader->comm);
	}
	if (bpf_map_update_elem(&wb_bytes, key, &bytes, BPF_NOEXIST) != 0) {
		struct wb_bytes *other = bpf_map_lookup_elem(&wb_bytes, key);

		if (other)
			return other;
		ADD_LOSS(bytes_full, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&wb_bytes, key);
}

/* Adds bytes to a process at a socket; a remote end of its own where `peer` is not NULL. */
static __always_inline int add_bytes(struct wb_socket *socket, const struct wb_socket_key *key,
				     const struct wb_actor *actor, const struct wb_peer *peer, __u64 sent, __u64 received)
{
	struct wb_bytes_key name;
	struct wb_bytes *bytes;
	__u64 now = about_now();

	__builtin_memset(&name, 0, sizeof(name));
	name.cookie = key->cookie;
	name.netns = key->netns;
	name.tgid = actor->tgid;
	name.start_ns = actor->start_ns;
	if (peer && !is_unspecified(peer)) {
		__builtin_memcpy(name.peer, peer->address, 16);
		name.peer_port = peer->port;
	}
	bytes = bpf_map_lookup_elem(&wb_bytes, &name);
	if (!bytes && name.peer_port != 0) {
		if (socket->peers < wb_peers_max)
			bytes = make_bytes(&name);
		if (bytes) {
			__sync_fetch_and_add(&socket->peers, 1);
		} else {
			ADD_LOSS(peers_merged, 1);
			__builtin_memset(name.peer, 0, 16);
			name.peer_port = 0;
			bytes = bpf_map_lookup_elem(&wb_bytes, &name);
		}
	}
	if (!bytes)
		bytes = make_bytes(&name);
	if (!bytes) {
		lose(sent, received);
		socket->flags |= WB_LATE;	/* from here on what its rows tell is less than what it moved, and they say so */
		socket->changed_ns = now;
		return 0;
	}
	if (sent)
		__sync_fetch_and_add(&bytes->sent, sent);
	if (received)
		__sync_fetch_and_add(&bytes->received, received);
	bytes->changed_ns = now;
	socket->changed_ns = now;
	return 0;
}

static __always_inline bool is_datagram(__u16 protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

/* No process can move a byte of the socket any more, or the kernel is done with it. */
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

#endif
