/* SPDX-License-Identifier: GPL-2.0 */
/* Names in packets: answers of name servers on their way in, and the first flight of a TLS client on its way out. */
#ifndef WIREBOUND_NAMES_H
#define WIREBOUND_NAMES_H

#include "account.h"

#define WB_PAYLOAD_SMALL 464
#define DNS_PORT 53
#define TLS_HANDSHAKE 22	/* RFC 8446, 5.1 */
#define TLS_CLIENT_HELLO 1	/* RFC 8446, 4 */

/* Where the parts of a packet are. Its network header is at 0. */
struct wb_packet {
	__u32 transport;	/* offset of the transport header */
	__u32 protocol;
	__u32 length;	/* of the whole, by its network header */
	__u8 source[16];
	__u8 destination[16];
};

/* False for what is neither plain IPv4 nor IPv6, or a later fragment. */
static __always_inline bool read_packet(struct wb_packet *packet, struct __sk_buff *skb)
{
	__u8 head[40];

	packet->length = skb->len;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, 0, head, 20) != 0)
			return false;
		if ((head[6] & 0x1f) != 0 || head[7] != 0)
			return false;
		packet->transport = (head[0] & 15) * 4;
		packet->protocol = head[9];
		__builtin_memset(packet->source, 0, 10);
		packet->source[10] = packet->source[11] = 0xff;
		__builtin_memcpy(packet->source + 12, head + 12, 4);
		__builtin_memset(packet->destination, 0, 10);
		packet->destination[10] = packet->destination[11] = 0xff;
		__builtin_memcpy(packet->destination + 12, head + 16, 4);
		return true;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) || bpf_skb_load_bytes(skb, 0, head, 40) != 0)
		return false;
	packet->transport = 40;
	packet->protocol = head[6];
	__builtin_memcpy(packet->source, head + 8, 16);
	__builtin_memcpy(packet->destination, head + 24, 16);
	return true;
}

static __always_inline void fill_name(struct wb_name *name, __u32 room, struct __sk_buff *skb, __u16 type, __u32 offset,
				      __u32 length, const __u8 *remote, __u16 port)
{
	__u64 last = (length < room ? length : room) - 1ULL;

	name->type = type;
	name->size = sizeof(*name);
	name->payload_length = length;
	name->time_ns = bpf_ktime_get_boot_ns();
	name->cookie = bpf_get_socket_cookie(skb);
	name->netns = 0;
	name->remote_port = port;
	name->padding = 0;
	__builtin_memcpy(name->remote, remote, 16);
	barrier_var(last);	/* the verifier has to see the bound, which the compiler knows to hold */
	if (last < room && bpf_skb_load_bytes(skb, offset, name + 1, last + 1) == 0)
		name->size = sizeof(*name) + last + 1;
}

static __noinline int tell_name(struct __sk_buff *skb, __u16 type, struct wb_packet *packet, __u32 payload, __u16 port)
{
	const __u8 *remote;
	struct wb_name *name;
	__u32 length;

	if (!packet || payload >= packet->length)
		return 0;
	remote = type == WB_CLIENT_HELLO ? packet->destination : packet->source;
	length = packet->length - payload;
	if (length <= WB_PAYLOAD_SMALL) {
		name = bpf_ringbuf_reserve(&wb_names, sizeof(*name) + WB_PAYLOAD_SMALL, 0);
		if (name) {
			fill_name(name, WB_PAYLOAD_SMALL, skb, type, payload, length, remote, port);
			bpf_ringbuf_submit(name, 0);
			return 0;
		}
	} else {
		name = bpf_ringbuf_reserve(&wb_names, sizeof(*name) + WB_PAYLOAD_MAX, 0);
		if (name) {
			fill_name(name, WB_PAYLOAD_MAX, skb, type, payload, length, remote, port);
			bpf_ringbuf_submit(name, 0);
			return 0;
		}
	}
	ADD_LOSS(names_full, 1);
	return 0;
}

/* Copies what is at an offset below 64 KB: in place where the kernel has it there, which costs next to nothing. */
#define PEEK(skb, offset, to)                                                                   \
	({                                                                                      \
		const __u8 *at_ = (const __u8 *)(long)(skb)->data + (offset);                   \
		bool is_there_ = true;                                                          \
		barrier_var(at_); /* the verifier has to see the same pointer checked and read */ \
		if (at_ + sizeof(*(to)) <= (const __u8 *)(long)(skb)->data_end)                 \
			__builtin_memcpy(to, at_, sizeof(*(to)));                               \
		else                                                                            \
			is_there_ = bpf_skb_load_bytes(skb, offset, to, sizeof(*(to))) == 0;    \
		is_there_;                                                                      \
	})

/* Offset of the transport header, and its protocol; 0 for what is neither IPv4 nor IPv6. Every packet comes by here. */
static __always_inline __u32 find_transport(struct __sk_buff *skb, __u8 *protocol)
{
	__u8 first;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		return PEEK(skb, 0, &first) && PEEK(skb, 9, protocol) ? (first & 15) * 4 : 0;
	return skb->protocol == bpf_htons(ETH_P_IPV6) && PEEK(skb, 6, protocol) ? 40 : 0;
}

/* Offset of a TCP segment's payload; 0 where it has none. */
static __always_inline __u32 tcp_payload(struct __sk_buff *skb, __u32 transport)
{
	__u8 offset;

	return PEEK(skb, transport + 12, &offset) ? transport + (offset >> 4) * 4 : 0;
}

SEC("cgroup_skb/ingress")
int skb_ingress(struct __sk_buff *skb)
{
	struct wb_packet packet;
	__u8 protocol = 0, port[2];
	__u32 transport = find_transport(skb, &protocol), payload;

	if (transport == 0 || (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP) || !PEEK(skb, transport, &port))
		return 1;
	if (port[0] != 0 || port[1] != DNS_PORT || !read_packet(&packet, skb))
		return 1;
	if (protocol == IPPROTO_UDP) {
		tell_name(skb, WB_DNS_UDP, &packet, packet.transport + 8, DNS_PORT);
		return 1;
	}
	payload = tcp_payload(skb, transport);
	if (payload != 0)
		tell_name(skb, WB_DNS_TCP, &packet, payload, DNS_PORT);
	return 1;
}

SEC("cgroup_skb/egress")
int skb_egress(struct __sk_buff *skb)
{
	struct wb_packet packet;
	struct wb_ports ports;
	__u8 protocol = 0, head[6];
	__u32 transport = find_transport(skb, &protocol), payload;

	if (transport == 0 || protocol != IPPROTO_TCP)
		return 1;
	payload = tcp_payload(skb, transport);
	if (payload == 0 || payload + sizeof(head) > skb->len || !PEEK(skb, payload, &head))
		return 1;
	if (head[0] != TLS_HANDSHAKE || head[1] != 3 || head[5] != TLS_CLIENT_HELLO || !read_packet(&packet, skb))
		return 1;
	if (bpf_skb_load_bytes(skb, packet.transport, &ports, sizeof(ports)) == 0)
		tell_name(skb, WB_CLIENT_HELLO, &packet, payload, bpf_ntohs(ports.destination));
	return 1;
}

#endif
