/*
 * Echo requests and raw sockets, which are counted, and AF_UNIX and netlink, which are not.
 */
#include "traffic.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <unistd.h>

#define EXPERIMENTAL 253	/* RFC 3692: a protocol number for tests */

void ping_stage(void)
{
	own_space_stage();
	write_setting("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

/* A ping socket: the kernel answers, so only the client counts. */
void ping_shape(bool server)
{
	if (server)
		return;
	enter_space(run.spaces[1]);
	struct tally t;
	struct sockaddr_storage name;
	socklen_t length = make_address(&name, run.address, 0);
	int fd = open_socket(SOCK_DGRAM, run.family == IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	tally_open(&t, fd);
	for (int i = 0; i < 5; i++) {
		size_t bytes = 8 + size(i);
		memset(scratch(), 0, 8);
		scratch()[0] = run.family == IPV6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
		ssize_t count = sendto(fd, scratch(), bytes, 0, (struct sockaddr *)&name, length);
		must("sendto", sent_to(&t, count, &name));
		struct sockaddr_storage from = { 0 };
		socklen_t from_length = sizeof(from);
		count = recvfrom(fd, scratch(), BUFFER_BYTES, 0, (struct sockaddr *)&from, &from_length);
		must("recvfrom", received_from(&t, count, &from));
	}
	tally_ends(&t);
	report(&t);
	close(fd);
}

/* A protocol that nobody knows, from raw socket to raw socket. IPv4 receivers get the IP header too. */
void raw_shape(bool server)
{
	struct tally t;
	enter_space(run.spaces[0]);
	tally_open(&t, bound_socket(SOCK_RAW, EXPERIMENTAL, run.address, 0));
	struct sockaddr_storage name, from;
	socklen_t length = make_address(&name, run.address, 0);
	meet();
	for (int i = 0; i < 5; i++) {
		if (server) {
			ssize_t count = sendto(t.fd, payload(), size(i), 0, (struct sockaddr *)&name, length);
			must("sendto", sent_to(&t, count, &name));
		}
		/* Both sockets are bound to the one address: both get it. */
		socklen_t from_length = sizeof(from);
		memset(&from, 0, sizeof(from));
		ssize_t count = recvfrom(t.fd, scratch(), BUFFER_BYTES, 0, (struct sockaddr *)&from, &from_length);
		must("recvfrom", received_from(&t, count, &from));
	}
	meet();
	report(&t);
	close(t.fd);
}

/* IP_HDRINCL: the program makes the IP header, and its bytes are among those that it sends. */
void header_shape(bool server)
{
	struct tally t;
	struct sockaddr_storage name;
	enter_space(run.spaces[0]);
	socklen_t length = make_address(&name, run.address, 0);
	tally_open(&t, server ? bound_socket(SOCK_RAW, EXPERIMENTAL, run.address, 0) : open_socket(SOCK_RAW, IPPROTO_RAW));
	meet();
	for (int i = 0; i < 5; i++) {
		if (server) {
			struct sockaddr_storage from = { 0 };
			socklen_t from_length = sizeof(from);
			ssize_t count = recvfrom(t.fd, scratch(), BUFFER_BYTES, 0, (struct sockaddr *)&from, &from_length);
			must("recvfrom", received_from(&t, count, &from));
			continue;
		}
		struct iphdr *header = (struct iphdr *)scratch();
		memset(header, 0, sizeof(*header));
		header->version = 4;
		header->ihl = 5;
		header->ttl = 64;
		header->protocol = EXPERIMENTAL;
		header->saddr = header->daddr = ((struct sockaddr_in *)&name)->sin_addr.s_addr;
		ssize_t count = sendto(t.fd, scratch(), sizeof(*header) + size(i), 0, (struct sockaddr *)&name, length);
		must("sendto", sent_to(&t, count, &name));
	}
	meet();
	tally_ends(&t);
	report(&t);
	close(t.fd);
}

static void ask_routes(void)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
	} request = { { sizeof(request), RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 }, { .rtm_family = AF_UNSPEC } };
	uint64_t in = 0;
	int fd = (int)must("netlink", socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	uint64_t out = (uint64_t)must("send", send(fd, &request, sizeof(request), 0));
	for (bool more = true; more;) {
		ssize_t count = must("recv", recv(fd, scratch(), BUFFER_BYTES, 0));
		in += (uint64_t)count;
		struct nlmsghdr *last = (struct nlmsghdr *)scratch();
		for (struct nlmsghdr *m = last; NLMSG_OK(m, count); m = NLMSG_NEXT(m, count))
			last = m;
		more = last->nlmsg_type != NLMSG_DONE && last->nlmsg_type != NLMSG_ERROR;
	}
	report_uncounted(fd, "netlink", out, in);
	close(fd);
}

/* Traffic that never leaves the machine's own kernel. */
void uncounted_shape(bool server)
{
	uint64_t bytes = 0;
	char buffer[8192] = { 0 };
	for (int i = 0; i < 50; i++) {
		if (server)
			hear(buffer, sizeof(buffer));
		else
			tell(buffer, sizeof(buffer));
		bytes += sizeof(buffer);
	}
	report_uncounted(run.sync, "unix", server ? 0 : bytes, server ? bytes : 0);
	int pair[2];
	must("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	must("send", send(pair[0], buffer, 3000, 0));
	must("recv", recv(pair[1], buffer, 4000, 0));
	report_uncounted(pair[0], "unix", 3000, 0);
	report_uncounted(pair[1], "unix", 0, 3000);
	ask_routes();
	meet();
}
