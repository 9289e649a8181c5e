/*
 * The usual conversations: one connection, or two datagram sockets that know each other; rounds of client to server and
 * server to client, by the scenario's methods. Each role tells its counts when both are through.
 */
#include "traffic.h"

#include <string.h>
#include <unistd.h>

static void enter(bool server)
{
	int space = run.spaces[server ? 0 : 1];
	if (space >= 0)
		enter_space(space);
}

/* A connection between the roles; both return with it. */
void stream_open(struct tally *t, bool server)
{
	int port;
	enter(server);
	if (server) {
		int listener = listen_on(run.address, 0);
		port = port_of(listener);
		tell(&port, sizeof(port));
		tally_open(t, accept_one(listener));
		close(listener);
	} else {
		hear(&port, sizeof(port));
		tally_open(t, connect_to(run.address, port));
	}
	if (run.scenario->prepare)
		run.scenario->prepare(t, server);
	meet();
}

/* Two sockets, connected to each other; in a link between namespaces the client's address is the kernel's choice. */
void datagram_open(struct tally *t, bool server)
{
	struct sockaddr_storage own = { 0 }, other = { 0 };
	socklen_t length = sizeof(own);
	enter(server);
	int fd;
	if (server) {
		fd = bound_socket(run.scenario->type, run.scenario->protocol, run.address, 0);
	} else {
		struct sockaddr_storage probe;
		socklen_t probe_length = make_address(&probe, run.address, 9);
		fd = open_socket(run.scenario->type, run.scenario->protocol);
		must("connect", connect(fd, (struct sockaddr *)&probe, probe_length));
	}
	must("getsockname", getsockname(fd, (struct sockaddr *)&own, &length));
	tell(&own, sizeof(own));
	hear(&other, sizeof(other));
	must("connect", connect(fd, (struct sockaddr *)&other, address_length(&other)));
	tally_open(t, fd);
	if (run.scenario->prepare)
		run.scenario->prepare(t, server);
	meet();
}

void converse(struct tally *t, bool server)
{
	const struct scenario *s = run.scenario;
	for (int round = 0; round < (s->rounds ? s->rounds : 1); round++) {
		if (server) {
			s->receive(t, size(2 * round));
			s->send(t, size(2 * round + 1));
		} else {
			s->send(t, size(2 * round));
			s->receive(t, size(2 * round + 1));
		}
	}
}

/* Tells the counts when the other role is through too. */
void finish(struct tally *t)
{
	meet();
	report(t);
	meet();
	close(t->fd);
}

static void talk(struct tally *t, bool server)
{
	const struct scenario *s = run.scenario;
	void (*own)(struct tally *) = server ? s->serve : s->use;
	if (own)
		own(t);
	else
		converse(t, server);
	finish(t);
}

void stream_shape(bool server)
{
	struct tally t;
	stream_open(&t, server);
	talk(&t, server);
}

void datagram_shape(bool server)
{
	struct tally t;
	datagram_open(&t, server);
	talk(&t, server);
}
