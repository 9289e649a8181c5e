/*
 * Links, addresses, routes and masquerading by netlink, so that namespaces need no program that a guest may lack
 * (rtnetlink(7), linux/veth.h, linux/netfilter/nf_tables.h).
 */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_BYTES 2048

/* A batch of messages that is being written. */
struct batch {
	char bytes[MESSAGE_BYTES];
	size_t length;
	struct nlmsghdr *message;
};

static void *append(struct batch *b, const void *bytes, size_t length)
{
	if (b->length + NLMSG_ALIGN(length) > sizeof(b->bytes))
		fail("a netlink message is too long");
	void *at = b->bytes + b->length;
	if (bytes)
		memcpy(at, bytes, length);
	b->length += NLMSG_ALIGN(length);
	return at;
}

static void begin(struct batch *b, int type, int flags, const void *header, size_t length)
{
	b->message = append(b, NULL, NLMSG_HDRLEN);
	b->message->nlmsg_type = (uint16_t)type;
	b->message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	append(b, header, length);
}

static void end(struct batch *b)
{
	b->message->nlmsg_len = (uint32_t)(b->bytes + b->length - (char *)b->message);
}

static void attribute(struct batch *b, int type, const void *value, size_t length)
{
	struct nlattr head = { (uint16_t)(NLA_HDRLEN + length), (uint16_t)type };
	append(b, &head, sizeof(head));
	append(b, value, length);
}

static void attribute_text(struct batch *b, int type, const char *text)
{
	attribute(b, type, text, strlen(text) + 1);
}

static struct nlattr *nest(struct batch *b, int type)
{
	struct nlattr head = { NLA_HDRLEN, (uint16_t)(type | NLA_F_NESTED) };
	return append(b, &head, sizeof(head));
}

static void close_nest(struct batch *b, struct nlattr *at)
{
	at->nla_len = (uint16_t)(b->bytes + b->length - (char *)at);
}

/* Sends the batch and reads one acknowledgement; returns 0 or the negative error number. */
static int request(struct batch *b, int protocol)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	char answer[MESSAGE_BYTES];
	int fd = (int)must("netlink", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
	must("sendto", sendto(fd, b->bytes, b->length, 0, (struct sockaddr *)&kernel, sizeof(kernel)));
	int error = -EPROTO;
	while (must("recv", recv(fd, answer, sizeof(answer), 0)) > 0) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)answer;
		if (message->nlmsg_type != NLMSG_ERROR)
			continue;
		error = ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
		break;
	}
	close(fd);
	return error;
}

static void require(struct batch *b, const char *what)
{
	int error = request(b, NETLINK_ROUTE);
	if (error)
		unsupported("%s: %s", what, strerror(-error));
}

static int index_of(const char *name)
{
	return (int)must(name, (long)if_nametoindex(name) - 1) + 1;
}

void link_up(const char *name)
{
	struct batch b = { 0 };
	struct ifinfomsg link = { .ifi_index = index_of(name), .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	begin(&b, RTM_NEWLINK, NLM_F_ACK, &link, sizeof(link));
	end(&b);
	require(&b, "a link");
}

/* A cable: one end here, the other in another namespace. */
void add_veth(const char *name, const char *peer, int peer_space)
{
	struct batch b = { 0 };
	struct ifinfomsg link = { 0 };
	uint32_t space = (uint32_t)peer_space;
	begin(&b, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link));
	attribute_text(&b, IFLA_IFNAME, name);
	struct nlattr *info = nest(&b, IFLA_LINKINFO);
	attribute_text(&b, IFLA_INFO_KIND, "veth");
	struct nlattr *data = nest(&b, IFLA_INFO_DATA);
	struct nlattr *other = nest(&b, VETH_INFO_PEER);
	append(&b, &link, sizeof(link));
	attribute_text(&b, IFLA_IFNAME, peer);
	attribute(&b, IFLA_NET_NS_FD, &space, sizeof(space));
	close_nest(&b, other);
	close_nest(&b, data);
	close_nest(&b, info);
	end(&b);
	require(&b, "a veth pair");
}

/* Without waiting for other machines that might have it (IFA_F_NODAD). */
void add_address(const char *device, const char *address, int prefix)
{
	struct batch b = { 0 };
	bool ipv6 = strchr(address, ':');
	char bytes[16];
	size_t length = ipv6 ? 16 : 4;
	struct ifaddrmsg header = { .ifa_family = ipv6 ? AF_INET6 : AF_INET, .ifa_prefixlen = (uint8_t)prefix };
	header.ifa_flags = ipv6 ? IFA_F_NODAD : 0;
	header.ifa_index = (uint32_t)index_of(device);
	inet_pton(header.ifa_family, address, bytes);
	begin(&b, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	attribute(&b, IFA_LOCAL, bytes, length);
	attribute(&b, IFA_ADDRESS, bytes, length);
	if (!ipv6) {
		char broadcast[4];
		uint32_t host = htonl(~0U >> prefix), number;
		memcpy(&number, bytes, 4);
		number |= host;
		memcpy(broadcast, &number, 4);
		attribute(&b, IFA_BROADCAST, broadcast, 4);
	}
	end(&b);
	require(&b, "an address");
}

void add_default_route(const char *gateway)
{
	struct batch b = { 0 };
	bool ipv6 = strchr(gateway, ':');
	char bytes[16];
	struct rtmsg header = { .rtm_family = ipv6 ? AF_INET6 : AF_INET, .rtm_table = RT_TABLE_MAIN };
	header.rtm_protocol = RTPROT_BOOT;
	header.rtm_scope = RT_SCOPE_UNIVERSE;
	header.rtm_type = RTN_UNICAST;
	inet_pton(header.rtm_family, gateway, bytes);
	begin(&b, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	attribute(&b, RTA_GATEWAY, bytes, ipv6 ? 16 : 4);
	end(&b);
	require(&b, "a route");
}

static void begin_table(struct batch *b, int type, int flags, int family)
{
	struct nfgenmsg header = { .nfgen_family = (uint8_t)family };
	begin(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &header, sizeof(header));
}

static void batch_mark(struct batch *b, int type)
{
	struct nfgenmsg header = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	begin(b, type, 0, &header, sizeof(header));
	end(b);
}

/* What leaves this namespace gets this namespace's address: as `nft add rule ip nat postrouting masquerade`. */
void add_masquerade(bool ipv6)
{
	struct batch b = { 0 };
	int family = ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	uint32_t hook = htonl(NF_INET_POST_ROUTING), priority = htonl(100);
	batch_mark(&b, NFNL_MSG_BATCH_BEGIN);
	begin_table(&b, NFT_MSG_NEWTABLE, NLM_F_CREATE, family);
	attribute_text(&b, NFTA_TABLE_NAME, "nat");
	end(&b);
	begin_table(&b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, family);
	attribute_text(&b, NFTA_CHAIN_TABLE, "nat");
	attribute_text(&b, NFTA_CHAIN_NAME, "out");
	struct nlattr *place = nest(&b, NFTA_CHAIN_HOOK);
	attribute(&b, NFTA_HOOK_HOOKNUM, &hook, sizeof(hook));
	attribute(&b, NFTA_HOOK_PRIORITY, &priority, sizeof(priority));
	close_nest(&b, place);
	attribute_text(&b, NFTA_CHAIN_TYPE, "nat");
	end(&b);
	begin_table(&b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, family);
	attribute_text(&b, NFTA_RULE_TABLE, "nat");
	attribute_text(&b, NFTA_RULE_CHAIN, "out");
	struct nlattr *list = nest(&b, NFTA_RULE_EXPRESSIONS);
	struct nlattr *element = nest(&b, NFTA_LIST_ELEM);
	attribute_text(&b, NFTA_EXPR_NAME, "masq");
	close_nest(&b, nest(&b, NFTA_EXPR_DATA));
	close_nest(&b, element);
	close_nest(&b, list);
	end(&b);
	batch_mark(&b, NFNL_MSG_BATCH_END);
	int error = request(&b, NETLINK_NETFILTER);
	if (error)
		unsupported("nf_tables masquerade: %s", strerror(-error));
}
