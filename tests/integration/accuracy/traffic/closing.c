/*
 * Many connections, ways of ending one, and those that are older than the capture or outlive it.
 */
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHORT_CONNECTIONS 200
#define PARALLEL 50

/* A listener at the server, whose port both know. */
static int listener_of(bool server, int *port)
{
	int listener = -1;
	if (server) {
		listener = listen_on(run.address, 0);
		*port = port_of(listener);
		tell(port, sizeof(*port));
	} else {
		hear(port, sizeof(*port));
	}
	return listener;
}

/* One after the other; either end closes first. */
void short_connections_shape(bool server)
{
	int port, listener = listener_of(server, &port);
	for (int i = 0; i < SHORT_CONNECTIONS; i++) {
		struct tally t;
		tally_open(&t, server ? accept_one(listener) : connect_to(run.address, port));
		size_t bytes = size(i) % 5000, answer = size(i + 1) % 5000;
		if (server) {
			by_recv(&t, bytes);
			by_send(&t, answer);
		} else {
			by_send(&t, bytes);
			by_recv(&t, answer);
		}
		report(&t);
		close(t.fd);
	}
	meet();
}

/* All open at once, and all active at once. */
void parallel_shape(bool server)
{
	struct tally all[PARALLEL];
	int port, listener = listener_of(server, &port);
	for (int i = 0; i < PARALLEL; i++)
		tally_open(&all[i], server ? accept_one(listener) : connect_to(run.address, port));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < PARALLEL; i++)
			by_send(&all[i], size(round * PARALLEL + i) % 9000 + (server ? 1 : 0));
		for (int i = 0; i < PARALLEL; i++)
			by_recv(&all[i], size(round * PARALLEL + i) % 9000 + (server ? 0 : 1));
	}
	meet();
	for (int i = 0; i < PARALLEL; i++) {
		report(&all[i]);
		close(all[i].fd);
	}
}

static void wait_for_bytes(int fd, size_t bytes)
{
	for (int there = 0; (size_t)there < bytes; usleep(200))
		must("FIONREAD", ioctl(fd, FIONREAD, &there));
}

/* The server closes while bytes wait for it: it has not taken them. */
void unread_use(struct tally *t)
{
	by_send(t, size(0) + 5000);
}

void unread_serve(struct tally *t)
{
	by_recv(t, size(0));
	wait_for_bytes(t->fd, 5000);
}

/* The client ends the connection by a reset once the server has all. */
void reset_use(struct tally *t)
{
	struct linger linger = { .l_onoff = 1 };
	by_send(t, size(0));
	by_recv(t, size(1));
	must("SO_LINGER", setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
}

void reset_serve(struct tally *t)
{
	by_recv(t, size(0));
	by_send(t, size(1));
}

/* The client says that it is through; then the server answers. */
void half_close_use(struct tally *t)
{
	by_send(t, size(0));
	must("shutdown", shutdown(t->fd, SHUT_WR));
	by_recv(t, size(1));
}

void half_close_serve(struct tally *t)
{
	while (must("recv", received(t, recv(t->fd, scratch(), BUFFER_BYTES, 0))))
		;
	by_send(t, size(1));
}

void no_payload(struct tally *t)
{
	(void)t;
}

/* Nobody listens: no byte. */
void refused_shape(bool server)
{
	if (server)
		return;
	int taken = bound_socket(SOCK_STREAM, 0, run.address, 0);
	int fd = open_socket(SOCK_STREAM, 0);
	struct sockaddr_storage name;
	socklen_t length = make_address(&name, run.address, port_of(taken));
	if (connect(fd, (struct sockaddr *)&name, length) == 0 || errno != ECONNREFUSED)
		fail("the connection was not refused");
	if (send(fd, "x", 1, MSG_NOSIGNAL) >= 0)
		fail("a refused socket sends");
	close(fd);
	close(taken);
}

/* Waits until the process sleeps in its next call. */
static void wait_until_asleep(pid_t pid)
{
	char path[64], text[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int times = 0; times < 3; usleep(2000)) {
		int fd = (int)must("open of stat", open(path, O_RDONLY | O_CLOEXEC));
		ssize_t length = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[length > 0 ? length : 0] = 0;
		const char *state = strrchr(text, ')');
		times = state && state[2] == 'S' ? times + 1 : 0;
	}
}

/* The server is inside recv when the capture begins, and gets its bytes only then; both protocols. */
void blocked_reader_shape(bool server)
{
	struct tally t;
	pid_t pid = getpid();
	if (run.scenario->flags & DATAGRAM)
		datagram_open(&t, server);
	else
		stream_open(&t, server);
	if (server) {
		tell(&pid, sizeof(pid));
		by_recv(&t, size(0));
		by_send(&t, size(1));
	} else {
		hear(&pid, sizeof(pid));
		wait_until_asleep(pid);
		wait_for_go();
		by_send(&t, size(0));
		by_recv(&t, size(1));
	}
	finish(&t);
}

/* Bytes before the capture begins, and after. */
void existing_shape(bool server)
{
	struct tally t;
	stream_open(&t, server);
	converse(&t, server);
	meet();
	if (!server)
		wait_for_go();
	meet();
	converse(&t, server);
	finish(&t);
}

/* Some bytes, then nothing until the capture has ended; told while the connection lives. */
void idle_shape(bool server)
{
	struct tally t;
	if (run.scenario->flags & DATAGRAM)
		datagram_open(&t, server);
	else
		stream_open(&t, server);
	converse(&t, server);
	meet();
	report(&t);
	meet();
	if (!server)
		wait_for_end();
	meet();
	close(t.fd);
}

/* The connections of one of the many processes, each from an address of its own: ports would run out. */
static void mass_process(int number, int port)
{
	char from[32];
	snprintf(from, sizeof(from), run.family == MAPPED ? "::ffff:127.%d.%d.1" : "127.%d.%d.1", 1 + number / 250,
		 1 + number % 250);
	for (int i = 0; i < run.connections; i++) {
		struct tally t;
		tally_open(&t, connect_from(run.family == IPV6 ? NULL : from, run.address, port));
		int key = number * run.connections + i;
		by_send(&t, size(key) % 2000 + 1);
		by_recv(&t, size(key + 1) % 2000 + 1);
		report(&t);
		close(t.fd);
	}
	_exit(0);
}

static void mass_serve(int listener)
{
	for (int i = 0; i < run.processes * run.connections; i++) {
		struct tally t;
		int key;
		tally_open(&t, accept_one(listener));
		hear(&key, sizeof(key));
		by_recv(&t, size(key) % 2000 + 1);
		by_send(&t, size(key + 1) % 2000 + 1);
		report(&t);
		close(t.fd);
	}
}

/* So many processes, one at a time, each with so many connections. */
void mass_shape(bool server)
{
	int port, listener = listener_of(server, &port);
	if (server) {
		mass_serve(listener);
	} else {
		for (int number = 0; number < run.processes; number++) {
			for (int i = 0; i < run.connections; i++) {
				int key = number * run.connections + i;
				tell(&key, sizeof(key));
			}
			pid_t pid = start_process(20);
			if (pid == 0)
				mass_process(number, port);
			wait_process(pid, "one of many processes");
		}
	}
	meet();
}

/* Disconnected and connected to the same end again, which begins the kernel's own counters anew. */
void stream_reconnected_shape(bool server)
{
	struct tally t;
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int port, listener = listener_of(server, &port), fd = -1;
	if (!server) {
		/* A port of its own is kept. */
		fd = bound_socket(SOCK_STREAM, 0, run.address, 0);
		tally_open(&t, fd);
	}
	for (int i = 0; i < 2; i++) {
		/* The second connection carries more: what it adds must not be taken for growth. */
		size_t bytes = size(i) / 4 * (size_t)(1 + 4 * i), answer = size(i + 2) / 4 * (size_t)(1 + 4 * i);
		if (server) {
			tally_open(&t, accept_one(listener));
			by_recv(&t, bytes);
			by_send(&t, answer);
			meet();
			report(&t);
			meet();
			close(t.fd);
			continue;
		}
		struct sockaddr_storage name;
		socklen_t length = make_address(&name, run.address, port);
		must("connect", connect(fd, (struct sockaddr *)&name, length));
		tally_ends(&t);
		by_send(&t, bytes);
		by_recv(&t, answer);
		meet();
		if (i == 0)
			must("disconnect", connect(fd, &none, sizeof(none)));
		else
			report(&t);
		meet();
	}
	close(server ? listener : fd);
}
