/*
 * Network namespaces: one of its own, two with a cable between, a container behind a translating one, and two whose
 * connections have the same ends at the same time.
 */
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* Makes a namespace and stays in it; returns a descriptor by which it can be entered again. */
int new_space(void)
{
	if (unshare(CLONE_NEWNET))
		unsupported("unshare(CLONE_NEWNET): %s", strerror(errno));
	link_up("lo");
	return (int)must("own namespace", open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

void enter_space(int space)
{
	must("setns", setns(space, CLONE_NEWNET));
}

/* Settings below /proc/sys/net are those of the namespace that writes them. */
void write_setting(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		unsupported("%s: %s", path, strerror(errno));
	close(fd);
}

void own_space_stage(void)
{
	run.spaces[0] = run.spaces[1] = new_space();
}

static void set_server(const char *ipv4, const char *ipv6, const char *mapped)
{
	run.address = run.family == IPV4 ? ipv4 : run.family == IPV6 ? ipv6 : mapped;
}

/* 10.78.0.1 is the server, 10.78.0.2 the client. */
void veth_stage(void)
{
	run.spaces[0] = new_space();
	run.spaces[1] = new_space();
	add_veth("wbv1", "wbv0", run.spaces[0]);
	add_address("wbv1", "10.78.0.2", 24);
	add_address("wbv1", "fd78::2", 64);
	link_up("wbv1");
	enter_space(run.spaces[0]);
	add_address("wbv0", "10.78.0.1", 24);
	add_address("wbv0", "fd78::1", 64);
	link_up("wbv0");
	set_server("10.78.0.1", "fd78::1", "::ffff:10.78.0.1");
}

/* Server (10.79.0.1) — translator (10.79.0.254, 10.80.0.254) — client (10.80.0.2): the server sees the translator. */
void nat_stage(void)
{
	run.spaces[2] = new_space();
	write_setting("/proc/sys/net/ipv4/ip_forward", "1");
	write_setting("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	add_masquerade(run.family == IPV6);
	run.spaces[0] = new_space();
	add_veth("wbn0", "wbn1", run.spaces[2]);
	add_address("wbn0", "10.79.0.1", 24);
	add_address("wbn0", "fd79::1", 64);
	link_up("wbn0");
	run.spaces[1] = new_space();
	add_veth("wbn3", "wbn2", run.spaces[2]);
	add_address("wbn3", "10.80.0.2", 24);
	add_address("wbn3", "fd80::2", 64);
	link_up("wbn3");
	enter_space(run.spaces[2]);
	add_address("wbn1", "10.79.0.254", 24);
	add_address("wbn1", "fd79::fe", 64);
	link_up("wbn1");
	add_address("wbn2", "10.80.0.254", 24);
	add_address("wbn2", "fd80::fe", 64);
	link_up("wbn2");
	enter_space(run.spaces[1]);
	add_default_route(run.family == IPV6 ? "fd80::fe" : "10.80.0.254");
	set_server("10.79.0.1", "fd79::1", "::ffff:10.79.0.1");
}

/* The server answers whoever it hears: what it sees is the translator. */
void nat_datagram_shape(bool server)
{
	struct tally t;
	struct sockaddr_storage name;
	enter_space(run.spaces[server ? 0 : 1]);
	int fd = server ? bound_socket(SOCK_DGRAM, 0, run.address, 7005) : open_socket(SOCK_DGRAM, 0);
	socklen_t length = make_address(&name, run.address, 7005);
	if (!server)
		must("connect", connect(fd, (struct sockaddr *)&name, length));
	tally_open(&t, fd);
	meet();
	for (int round = 0; round < 10; round++) {
		struct sockaddr_storage from = { 0 };
		socklen_t from_length = sizeof(from);
		if (!server) {
			by_send(&t, size(2 * round) % 1000 + 1);
			by_recv(&t, size(2 * round + 1) % 1000 + 1);
			continue;
		}
		ssize_t count = recvfrom(fd, scratch(), BUFFER_BYTES, 0, (struct sockaddr *)&from, &from_length);
		must("recvfrom", received_from(&t, count, &from));
		count = sendto(fd, payload(), size(2 * round + 1) % 1000 + 1, 0, (struct sockaddr *)&from, from_length);
		must("sendto", sent_to(&t, count, &from));
	}
	finish(&t);
}

void twins_stage(void)
{
	run.spaces[0] = new_space();
	run.spaces[1] = new_space();
	run.spaces[2] = new_space();
}

/* The same four numbers in two namespaces, open together, by processes that are in neither when they talk. */
void twins_shape(bool server)
{
	struct tally all[2];
	int here = (int)must("own namespace", open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
	for (int i = 0; i < 2; i++) {
		enter_space(run.spaces[i]);
		if (server) {
			int listener = listen_on(run.address, 7001);
			meet();
			tally_open(&all[i], accept_one(listener));
			close(listener);
			continue;
		}
		meet();
		int fd = bound_socket(SOCK_STREAM, 0, run.address, 7002);
		struct sockaddr_storage name;
		socklen_t length = make_address(&name, run.address, 7001);
		must("connect", connect(fd, (struct sockaddr *)&name, length));
		tally_open(&all[i], fd);
	}
	enter_space(here);
	for (int i = 0; i < 2; i++) {
		if (server) {
			by_recv(&all[i], size(2 * i));
			by_send(&all[i], size(2 * i + 1));
		} else {
			by_send(&all[i], size(2 * i));
			by_recv(&all[i], size(2 * i + 1));
		}
	}
	meet();
	for (int i = 0; i < 2; i++) {
		report(&all[i]);
		close(all[i].fd);
	}
}

/* A new device has a route for IPv6 a moment after it has a link: until then the network is unreachable. */
static ssize_t send_when_reachable(int fd, size_t bytes, const struct sockaddr_storage *to, socklen_t length)
{
	for (int tries = 0; ; tries++) {
		ssize_t count = sendto(fd, payload(), bytes, 0, (const struct sockaddr *)to, length);
		bool unready = count < 0 && (errno == ENETUNREACH || errno == EADDRNOTAVAIL);
		if (!unready || tries == 1000)
			return count;
		poll(NULL, 0, 5);
	}
}

/* The server sends to a group or to everybody; two sockets of the client receive the same datagrams. */
static void to_many(bool server, const char *group, int port)
{
	struct tally all[2];
	struct sockaddr_storage name;
	socklen_t length = make_address(&name, group, port);
	int device = (int)if_nametoindex(server ? "wbv0" : "wbv1");
	for (int i = 0; i < (server ? 1 : 2); i++) {
		int fd = open_socket(SOCK_DGRAM, 0);
		set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
		if (!server)
			must("bind", bind(fd, (struct sockaddr *)&name, length));
		if (run.family == IPV6) {
			struct ipv6_mreq request = { .ipv6mr_interface = (unsigned)device };
			request.ipv6mr_multiaddr = ((struct sockaddr_in6 *)&name)->sin6_addr;
			set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, device);
			if (!server)
				must("join", setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request)));
		} else if (IN_MULTICAST(ntohl(((struct sockaddr_in *)&name)->sin_addr.s_addr))) {
			struct ip_mreqn request = { .imr_ifindex = device };
			request.imr_multiaddr = ((struct sockaddr_in *)&name)->sin_addr;
			must("interface", setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request)));
			if (!server)
				must("join", setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)));
		}
		tally_open(&all[i], fd);
	}
	meet();
	for (int round = 0; round < 5; round++) {
		if (server) {
			ssize_t count = send_when_reachable(all[0].fd, size(round), &name, length);
			must("sendto", sent_to(&all[0], count, &name));
			continue;
		}
		for (int i = 0; i < 2; i++) {
			struct sockaddr_storage from = { 0 };
			socklen_t from_length = sizeof(from);
			ssize_t count = recvfrom(all[i].fd, scratch(), BUFFER_BYTES, 0, (struct sockaddr *)&from, &from_length);
			must("recvfrom", received_from(&all[i], count, &from));
		}
	}
	meet();
	for (int i = 0; i < (server ? 1 : 2); i++) {
		tally_ends(&all[i]);
		report(&all[i]);
		close(all[i].fd);
	}
}

void multicast_shape(bool server)
{
	enter_space(run.spaces[server ? 0 : 1]);
	to_many(server, run.family == IPV4 ? "239.78.0.1" : "ff05::78", 7003);
}

void broadcast_shape(bool server)
{
	enter_space(run.spaces[server ? 0 : 1]);
	to_many(server, "10.78.0.255", 7004);
}
