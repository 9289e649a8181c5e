/* SPDX-License-Identifier: GPL-2.0 */
/* Hooks of the cgroup: a socket's beginning and end, and remote ends. The context of most is the socket itself. */
#ifndef WIREBOUND_CGROUP_H
#define WIREBOUND_CGROUP_H

#include "account.h"

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

#endif
