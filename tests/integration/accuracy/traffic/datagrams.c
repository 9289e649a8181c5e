/*
 * UDP's own ways: datagrams put together and taken apart by the kernel, remote ends that change or are not named, and
 * datagrams that are empty, cut short, refused or dropped.
 */
#include "traffic.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/udp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#define CLIENTS 3
#define SEGMENT 1200

static size_t moved(const char *what, ssize_t result)
{
	if (result < 0)
		fail("%s: %s", what, strerror(errno));
	return (size_t)result;
}

/* Several sends become one datagram when the cork is drawn. */
void corked(struct tally *t, size_t left)
{
	while (left) {
		size_t whole = least(left, 4000);
		left -= whole;
		set_option(t->fd, IPPROTO_UDP, UDP_CORK, 1);
		while (whole)
			whole -= moved("send", sent(t, send(t->fd, payload(), least(whole, 900), 0)));
		set_option(t->fd, IPPROTO_UDP, UDP_CORK, 0);
	}
}

/* One call, many datagrams: the kernel cuts it into segments. */
void with_segments(struct tally *t, size_t left)
{
	if (!try_option(t->fd, IPPROTO_UDP, UDP_SEGMENT, SEGMENT))
		unsupported("UDP_SEGMENT: %s", strerror(errno));
	while (left)
		left -= moved("send", sent(t, send(t->fd, payload(), least(left, 40 * SEGMENT), 0)));
	set_option(t->fd, IPPROTO_UDP, UDP_SEGMENT, 0);
}

/* The same, asked for with the message. */
void with_segments_of_message(struct tally *t, size_t left)
{
	while (left) {
		char control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
		struct iovec part = { payload(), least(left, 40 * SEGMENT) };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		uint16_t segment = SEGMENT;
		c->cmsg_level = IPPROTO_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(segment));
		memcpy(CMSG_DATA(c), &segment, sizeof(segment));
		left -= moved("sendmsg", sent(t, sendmsg(t->fd, &message, 0)));
	}
}

/* What came as one train is given to the program as one. */
void wants_coalesced(struct tally *t, bool server)
{
	(void)server;
	if (!try_option(t->fd, IPPROTO_UDP, UDP_GRO, 1))
		unsupported("UDP_GRO: %s", strerror(errno));
}

/* The server's address, as both know it. */
static socklen_t server_name(int *fd, bool server, struct sockaddr_storage *name)
{
	int port;
	if (server) {
		*fd = bound_socket(SOCK_DGRAM, run.scenario->protocol, run.address, 0);
		port = port_of(*fd);
		tell(&port, sizeof(port));
	} else {
		hear(&port, sizeof(port));
	}
	return make_address(name, run.address, port);
}

static void send_named(struct tally *t, size_t bytes, struct sockaddr_storage *to, socklen_t length)
{
	moved("sendto", sent_to(t, sendto(t->fd, payload(), bytes, 0, (struct sockaddr *)to, length), to));
}

static void receive_named(struct tally *t, struct sockaddr_storage *from)
{
	socklen_t length = sizeof(*from);
	memset(from, 0, sizeof(*from));
	ssize_t count = recvfrom(t->fd, scratch(), BUFFER_BYTES, 0, (struct sockaddr *)from, &length);
	moved("recvfrom", received_from(t, count, from));
}

/* Both by sendmsg and recvmsg, or by their plural, where there are two datagrams. */
static void messages_out(struct tally *t, size_t bytes, struct sockaddr_storage *to, socklen_t length, bool plural)
{
	struct mmsghdr both[2] = { 0 };
	struct iovec part = { payload(), bytes };
	for (int i = 0; i < 2; i++)
		both[i].msg_hdr = (struct msghdr){ .msg_name = to, .msg_namelen = length, .msg_iov = &part, .msg_iovlen = 1 };
	if (plural) {
		if (must("sendmmsg", sendmmsg(t->fd, both, 2, 0)) != 2)
			fail("sendmmsg sent one of two");
		sent_to(t, both[0].msg_len, to);
		sent_to(t, both[1].msg_len, to);
		return;
	}
	for (int i = 0; i < 2; i++)
		moved("sendmsg", sent_to(t, sendmsg(t->fd, &both[i].msg_hdr, 0), to));
}

static void messages_in(struct tally *t, struct sockaddr_storage *from, bool plural)
{
	struct mmsghdr one = { 0 };
	for (int left = 2; left > 0; left--) {
		struct iovec part = { scratch(), BUFFER_BYTES };
		memset(from, 0, sizeof(*from));
		one.msg_hdr = (struct msghdr){ .msg_name = from, .msg_namelen = sizeof(*from), .msg_iov = &part, .msg_iovlen = 1 };
		ssize_t count;
		if (plural) {
			must("recvmmsg", recvmmsg(t->fd, &one, 1, 0, NULL));
			count = one.msg_len;
		} else {
			count = recvmsg(t->fd, &one.msg_hdr, 0);
		}
		moved("recvmsg", received_from(t, count, from));
	}
}

enum way { BY_NAME, BY_MESSAGE, BY_MESSAGES };

/* One socket at the server, several at the client; none is connected, the messages name the remote end. */
static void between_peers(bool server, enum way way)
{
	struct tally all[CLIENTS];
	struct sockaddr_storage name, from;
	int fd = -1, count = server ? 1 : CLIENTS;
	socklen_t length = server_name(&fd, server, &name);
	for (int i = 0; i < count; i++)
		tally_open(&all[i], server ? fd : open_socket(SOCK_DGRAM, run.scenario->protocol));
	for (int round = 0; round < 2 * CLIENTS; round++) {
		struct tally *t = &all[server ? 0 : round % CLIENTS];
		size_t bytes = size(2 * round), answer = size(2 * round + 1);
		if (server && way == BY_NAME) {
			receive_named(t, &from);
			send_named(t, answer, &from, address_length(&from));
		} else if (way == BY_NAME) {
			send_named(t, bytes, &name, length);
			receive_named(t, &from);
		} else if (server) {
			messages_in(t, &from, way == BY_MESSAGES);
			messages_out(t, answer, &from, address_length(&from), way == BY_MESSAGES);
		} else {
			messages_out(t, bytes, &name, length, way == BY_MESSAGES);
			messages_in(t, &from, way == BY_MESSAGES);
		}
	}
	meet();
	for (int i = 0; i < count; i++) {
		tally_ends(&all[i]);
		report(&all[i]);
		close(all[i].fd);
	}
}

void peers_shape(bool server)
{
	between_peers(server, BY_NAME);
}

void peers_by_message_shape(bool server)
{
	between_peers(server, BY_MESSAGE);
}

void peers_by_messages_shape(bool server)
{
	between_peers(server, BY_MESSAGES);
}

/* The server is not connected and does not ask who it was. */
void unnamed_shape(bool server)
{
	struct tally t;
	struct sockaddr_storage name;
	int fd = -1;
	socklen_t length = server_name(&fd, server, &name);
	tally_open(&t, server ? fd : open_socket(SOCK_DGRAM, run.scenario->protocol));
	for (int round = 0; round < 6; round++) {
		if (server)
			moved("recv", received(&t, recv(t.fd, scratch(), BUFFER_BYTES, 0)));
		else
			send_named(&t, size(round), &name, length);
	}
	tally_ends(&t);
	finish(&t);
}

#define FLOOD 3000

/* More than the receive queue holds, while nobody reads. */
void flood_shape(bool server)
{
	struct tally t;
	datagram_open(&t, server);
	if (!server) {
		for (int i = 0; i < FLOOD; i++)
			moved("send", sent(&t, send(t.fd, payload(), size(i), 0)));
		meet();
	} else {
		set_option(t.fd, SOL_SOCKET, SO_RCVBUF, 65536);
		meet();
		int got = 0;
		while (received(&t, recv(t.fd, scratch(), BUFFER_BYTES, MSG_DONTWAIT)) > 0)
			got++;
		if (got == 0 || got == FLOOD)
			fail("flood: %d of %d datagrams came", got, FLOOD);
	}
	finish(&t);
}

void zero_length_use(struct tally *t)
{
	for (int i = 0; i < 3; i++)
		moved("send", sent(t, send(t->fd, "", 0, 0)));
	by_send(t, 100);
	moved("recv", received(t, recv(t->fd, scratch(), 10, 0)));
}

void zero_length_serve(struct tally *t)
{
	for (int i = 0; i < 3; i++)
		moved("recv", received(t, recv(t->fd, scratch(), 10, 0)));
	by_recv(t, 100);
	moved("send", sent(t, send(t->fd, "", 0, 0)));
}

/* A buffer shorter than the datagram: the call returns what it gave, or, with MSG_TRUNC, the whole length. */
void truncated_use(struct tally *t)
{
	for (int i = 0; i < 6; i++)
		moved("send", sent(t, send(t->fd, payload(), 700, 0)));
	moved("recv", received(t, recv(t->fd, scratch(), 1000, 0)));
}

void truncated_serve(struct tally *t)
{
	for (int i = 0; i < 6; i++) {
		ssize_t count = received(t, recv(t->fd, scratch(), 100, i % 2 ? MSG_TRUNC : 0));
		if (count != (i % 2 ? 700 : 100))
			fail("a cut datagram of 700 gave %zd", count);
	}
	moved("send", sent(t, send(t->fd, payload(), 321, 0)));
}

/* A datagram comes back by ICMP: reading it from the error queue is not receiving. */
void error_queue_shape(bool server)
{
	if (server)
		return;
	struct tally t;
	int closed = bound_socket(SOCK_DGRAM, 0, run.address, 0);
	struct sockaddr_storage name;
	socklen_t length = make_address(&name, run.address, port_of(closed));
	close(closed);
	int fd = open_socket(SOCK_DGRAM, 0);
	if (run.family == IPV4 || run.family == MAPPED)
		try_option(fd, IPPROTO_IP, IP_RECVERR, 1);
	if (run.family != IPV4)
		set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	must("connect", connect(fd, (struct sockaddr *)&name, length));
	tally_open(&t, fd);
	int returned = 0;
	for (int i = 0; i < 5; i++) {
		struct pollfd queue = { .fd = fd };
		sent(&t, send(fd, payload(), size(i), 0));
		poll(&queue, 1, 1000);
		char control[512];
		struct iovec part = { scratch(), BUFFER_BYTES };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control };
		message.msg_controllen = sizeof(control);
		returned += recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) > 0;
		recv(fd, scratch(), 10, MSG_DONTWAIT);	/* clears the error */
	}
	if (!returned)
		fail("nothing came back into the error queue");
	report(&t);
	close(fd);
}

/* Connected to one end, then to another one. */
void reconnected_shape(bool server)
{
	struct tally all[2];
	struct sockaddr_storage names[2];
	int fds[2] = { -1, -1 };
	socklen_t length = server_name(&fds[0], server, &names[0]);
	server_name(&fds[1], server, &names[1]);
	for (int i = 0; i < (server ? 2 : 1); i++)
		tally_open(&all[i], server ? fds[i] : open_socket(SOCK_DGRAM, 0));
	for (int i = 0; i < 2; i++) {
		if (server) {
			struct sockaddr_storage from;
			receive_named(&all[i], &from);
			send_named(&all[i], size(2 * i + 1), &from, address_length(&from));
			continue;
		}
		must("connect", connect(all[0].fd, (struct sockaddr *)&names[i], length));
		moved("send", sent_to(&all[0], send(all[0].fd, payload(), size(2 * i), 0), &names[i]));
		moved("recv", received_from(&all[0], recv(all[0].fd, scratch(), BUFFER_BYTES, 0), &names[i]));
	}
	meet();
	for (int i = 0; i < (server ? 2 : 1); i++) {
		tally_ends(&all[i]);
		report(&all[i]);
		close(all[i].fd);
	}
}

/* Connected to one end, and some datagrams name another one. */
void elsewhere_shape(bool server)
{
	struct tally all[2];
	struct sockaddr_storage names[2];
	int fds[2] = { -1, -1 };
	socklen_t length = server_name(&fds[0], server, &names[0]);
	server_name(&fds[1], server, &names[1]);
	for (int i = 0; i < (server ? 2 : 1); i++)
		tally_open(&all[i], server ? fds[i] : open_socket(SOCK_DGRAM, 0));
	if (server) {
		struct sockaddr_storage from;
		receive_named(&all[0], &from);
		receive_named(&all[1], &from);
	} else {
		must("connect", connect(all[0].fd, (struct sockaddr *)&names[0], length));
		moved("send", sent_to(&all[0], send(all[0].fd, payload(), size(0), 0), &names[0]));
		send_named(&all[0], size(1), &names[1], length);
	}
	meet();
	for (int i = 0; i < (server ? 2 : 1); i++) {
		tally_ends(&all[i]);
		report(&all[i]);
		close(all[i].fd);
	}
}
