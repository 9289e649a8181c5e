/*
 * Who it was: sockets that are inherited, passed, taken, duplicated or kept across exec, threads, and processes that
 * live for a few milliseconds. Each process tells its own part.
 */
#include "traffic.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define THREADS 8
#define SHORT_LIVED 20

/* The client of these scenarios: two rounds that two processes at the other end share. */
void two_parts_use(struct tally *t)
{
	for (int round = 0; round < 2; round++) {
		by_send(t, size(2 * round));
		by_recv(t, size(2 * round + 1));
	}
}

static void part(struct tally *t, int round)
{
	by_recv(t, size(2 * round));
	by_send(t, size(2 * round + 1));
}

/* A child uses the socket first, then its parent. */
void inherited_serve(struct tally *t)
{
	pid_t pid = start_process(15);
	if (pid == 0) {
		run.role = "child";
		part(t, 0);
		report(t);
		_exit(0);
	}
	wait_process(pid, "the child");
	part(t, 1);
}

static void pass(int by, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 'f';
	struct iovec part_of = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part_of, .msg_iovlen = 1, .msg_control = control };
	message.msg_controllen = sizeof(control);
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	must("sendmsg", sendmsg(by, &message, MSG_NOSIGNAL));
}

static int take(int by)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec part_of = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part_of, .msg_iovlen = 1, .msg_control = control };
	message.msg_controllen = sizeof(control);
	must("recvmsg", recvmsg(by, &message, 0));
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	int fd;
	if (!c)
		fail("no descriptor was passed");
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* A process that never had the socket: it is handed over by `get`, which is given what the parent told. */
static void handed_over(struct tally *t, int (*get)(int channel), void (*hand)(int channel, int fd))
{
	int pair[2];
	must("socketpair", socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	pid_t pid = start_process(15);
	if (pid == 0) {
		struct tally own;
		run.role = "other";
		close(t->fd);
		close(pair[0]);
		tally_open(&own, get(pair[1]));
		part(&own, 0);
		report(&own);
		_exit(0);
	}
	close(pair[1]);
	hand(pair[0], t->fd);
	wait_process(pid, "the other process");
	close(pair[0]);
	part(t, 1);
}

void passed_serve(struct tally *t)
{
	handed_over(t, take, pass);
}

static void hand_number(int channel, int fd)
{
	int numbers[2] = { getpid(), fd };
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	must("send", send(channel, numbers, sizeof(numbers), MSG_NOSIGNAL));
}

static int get_by_number(int channel)
{
	int numbers[2];
	must("recv", recv(channel, numbers, sizeof(numbers), 0));
	int process = (int)syscall(SYS_pidfd_open, numbers[0], 0);
	int fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, numbers[1], 0);
	if (fd < 0)
		unsupported("pidfd_getfd: %s", strerror(errno));
	return fd;
}

void taken_serve(struct tally *t)
{
	handed_over(t, get_by_number, hand_number);
}

/* Two descriptors of one socket in one process. */
void duplicated_serve(struct tally *t)
{
	int first = t->fd;
	part(t, 0);
	t->fd = (int)must("dup", dup(first));
	close(first);
	part(t, 1);
}

/* The process becomes another program between two rounds: pid, start and descriptor stay. */
void executed_serve(struct tally *t)
{
	part(t, 0);
	char words[7][32];
	char *arguments[] = { "wb-traffic", "--child", "executed", words[0], words[1], words[2], words[3],
			      words[4], words[5], NULL };
	const unsigned long long values[] = { run.family, run.seed, (unsigned)run.sync, (unsigned)t->fd, t->sent, t->received };
	for (size_t i = 0; i < 6; i++)
		snprintf(words[i], sizeof(words[i]), "%llu", values[i]);
	execv("/proc/self/exe", arguments);
	fail("exec: %s", strerror(errno));
}

static unsigned long long number(const char *text)
{
	return strtoull(text, NULL, 10);
}

static const struct scenario *named(const char *name)
{
	for (size_t i = 0; i < scenario_count; i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	return NULL;
}

static int executed_main(char **words)
{
	struct tally t;
	run.scenario = named("tcp-exec-in-place");
	run.role = "server";
	run.family = (enum family)number(words[0]);
	run.seed = number(words[1]);
	run.sync = (int)number(words[2]);
	tally_open(&t, (int)number(words[3]));
	t.sent = number(words[4]);
	t.received = number(words[5]);
	part(&t, 1);
	finish(&t);
	return 0;
}

/* Connects, sends, says what it sent, and ends without a close. */
static int short_lived_main(char **words)
{
	struct tally t;
	run.scenario = named(words[0]);
	run.role = "short";
	run.family = (enum family)number(words[1]);
	run.address = loopback(run.family);
	size_t bytes = number(words[3]);
	int port = (int)number(words[2]);
	if (run.scenario->flags & DATAGRAM) {
		struct sockaddr_storage name;
		socklen_t length = make_address(&name, run.address, port);
		int fd = open_socket(SOCK_DGRAM, 0);
		must("connect", connect(fd, (struct sockaddr *)&name, length));
		tally_open(&t, fd);
	} else {
		tally_open(&t, connect_to(run.address, port));
	}
	by_send(&t, bytes);
	report(&t);
	return 0;
}

int child_main(int argc, char **argv)
{
	if (argc == 7 && !strcmp(argv[0], "executed"))
		return executed_main(argv + 1);
	if (argc == 5 && !strcmp(argv[0], "short-lived"))
		return short_lived_main(argv + 1);
	return 2;
}

static void start_short_lived(int port, size_t bytes)
{
	char words[3][32];
	snprintf(words[0], sizeof(words[0]), "%d", (int)run.family);
	snprintf(words[1], sizeof(words[1]), "%d", port);
	snprintf(words[2], sizeof(words[2]), "%zu", bytes);
	pid_t pid = start_process(10);
	if (pid == 0) {
		execl("/proc/self/exe", "wb-traffic", "--child", "short-lived", run.scenario->name, words[0], words[1],
		      words[2], NULL);
		_exit(13);
	}
	wait_process(pid, "a short-lived process");
}

/* Programs that are started, connect, send and end: all in a few milliseconds. */
void short_lived_shape(bool server)
{
	int port;
	if (!server) {
		hear(&port, sizeof(port));
		for (int i = 0; i < SHORT_LIVED; i++)
			start_short_lived(port, size(i));
		meet();
		return;
	}
	int listener = listen_on(run.address, 0);
	port = port_of(listener);
	tell(&port, sizeof(port));
	for (int i = 0; i < SHORT_LIVED; i++) {
		struct tally t;
		tally_open(&t, accept_one(listener));
		while (must("recv", received(&t, recv(t.fd, scratch(), BUFFER_BYTES, 0))))
			;
		report(&t);
		close(t.fd);
	}
	meet();
}

void short_lived_datagram_shape(bool server)
{
	struct tally t;
	int port;
	if (!server) {
		hear(&port, sizeof(port));
		for (int i = 0; i < SHORT_LIVED / 4; i++)
			start_short_lived(port, size(i));
		meet();
		return;
	}
	tally_open(&t, bound_socket(SOCK_DGRAM, 0, run.address, 0));
	port = port_of(t.fd);
	tell(&port, sizeof(port));
	for (int i = 0; i < SHORT_LIVED / 4; i++) {
		for (size_t left = size(i); left;) {
			struct sockaddr_storage from = { 0 };
			socklen_t length = sizeof(from);
			ssize_t count = recvfrom(t.fd, scratch(), BUFFER_BYTES, 0, (struct sockaddr *)&from, &length);
			left -= (size_t)must("recvfrom", received_from(&t, count, &from));
		}
	}
	report(&t);
	close(t.fd);
	meet();
}

static void *send_part(void *t)
{
	by_send(t, size(0));
	return NULL;
}

static void *receive_all(void *t)
{
	char own[4096];
	while (must("recv", received(t, recv(((struct tally *)t)->fd, own, sizeof(own), 0))))
		;
	return NULL;
}

static void in_threads(void *(*what)(void *), struct tally *tallies, size_t step)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, what, tallies + (size_t)i * step))
			fail("pthread_create");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* Many threads send on one socket; many receive from one. */
void threads_use(struct tally *t)
{
	payload();
	in_threads(send_part, t, 0);
	must("shutdown", shutdown(t->fd, SHUT_WR));
	by_recv(t, size(1));
}

void threads_serve(struct tally *t)
{
	in_threads(receive_all, t, 0);
	by_send(t, size(1));
}

/* Each thread has a connection of its own. */
void threads_each_shape(bool server)
{
	struct tally all[THREADS];
	int port, listener = -1;
	if (server) {
		listener = listen_on(run.address, 0);
		port = port_of(listener);
		tell(&port, sizeof(port));
	} else {
		hear(&port, sizeof(port));
	}
	for (int i = 0; i < THREADS; i++)
		tally_open(&all[i], server ? accept_one(listener) : connect_to(run.address, port));
	payload();
	if (server) {
		in_threads(receive_all, all, 1);
	} else {
		in_threads(send_part, all, 1);
		for (int i = 0; i < THREADS; i++)
			must("shutdown", shutdown(all[i].fd, SHUT_WR));
	}
	meet();
	for (int i = 0; i < THREADS; i++) {
		report(&all[i]);
		close(all[i].fd);
	}
}
