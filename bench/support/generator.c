/*
 * Socket calls at a rate, over loopback, counted and timed: `generator THREADS CALLS_PER_SECOND MILLISECONDS`. Half of the
 * calls are UDP's and half TCP's, half send and half receive, 64 bytes each, so that what a call costs is all there is to
 * see. A rate of 0 is as fast as it goes. `generator stream 0 MILLISECONDS` moves bytes through one TCP connection as fast
 * as it goes instead, in calls of 128 KB.
 *
 * Prints one line of JSON: calls and bytes that were moved, nanoseconds that passed, and nanoseconds of processor time
 * that its threads took, the kernel's work for them included.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64, PAYLOAD = 64, STREAM = 128 * 1024, SLICE_NS = 1000000, ROUND = 16 };

static uint64_t rate; /* of a thread */
static uint64_t window_ns;

struct work {
	pthread_t thread;
	uint64_t calls, bytes, cpu_ns;
	int udp, sender, receiver;
};

static void fail(const char *what)
{
	fprintf(stderr, "generator: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static struct sockaddr_in bound(int socket)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	if (bind(socket, (struct sockaddr *)&address, length) || getsockname(socket, (struct sockaddr *)&address, &length))
		fail("bind");
	return address;
}

static void open_sockets(struct work *work)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	struct sockaddr_in address;

	work->udp = socket(AF_INET, SOCK_DGRAM, 0);
	work->sender = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || work->udp < 0 || work->sender < 0)
		fail("socket");
	address = bound(work->udp);
	if (connect(work->udp, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	address = bound(listener);
	if (listen(listener, 1) || connect(work->sender, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	work->receiver = accept(listener, NULL, NULL);
	if (work->receiver < 0 || setsockopt(work->sender, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		fail("accept");
	close(listener);
}

static void call(struct work *work, ssize_t moved)
{
	if (moved <= 0)
		fail("a call");
	work->calls += 1;
	work->bytes += (uint64_t)moved;
}

static void *make_calls(void *argument)
{
	struct work *work = argument;
	char data[PAYLOAD] = { 0 };
	uint64_t began = now_ns(CLOCK_MONOTONIC), slice = 0, elapsed;

	while ((elapsed = now_ns(CLOCK_MONOTONIC) - began) < window_ns) {
		if (rate != 0 && work->calls >= rate * elapsed / 1000000000) {
			struct timespec until;

			slice = (elapsed / SLICE_NS + 1) * SLICE_NS + began;
			until.tv_sec = (time_t)(slice / 1000000000);
			until.tv_nsec = (long)(slice % 1000000000);
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
			continue;
		}
		for (int pair = 0; pair < ROUND / 4; pair++) {
			call(work, send(work->udp, data, sizeof(data), 0));
			call(work, recv(work->udp, data, sizeof(data), 0));
			call(work, send(work->sender, data, sizeof(data), 0));
			call(work, recv(work->receiver, data, sizeof(data), 0));
		}
	}
	work->cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

static void *drain(void *argument)
{
	struct work *work = argument;
	char *data = malloc(STREAM);
	ssize_t moved;

	while (data && (moved = recv(work->receiver, data, STREAM, 0)) > 0)
		call(work, moved);
	work->cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

static void stream(struct work *work)
{
	char *data = calloc(1, STREAM);
	uint64_t began = now_ns(CLOCK_MONOTONIC);

	if (!data || pthread_create(&work->thread, NULL, drain, work))
		fail("a thread");
	while (now_ns(CLOCK_MONOTONIC) - began < window_ns)
		if (send(work->sender, data, STREAM, 0) <= 0)
			fail("send");
	close(work->sender);
	pthread_join(work->thread, NULL);
	work->cpu_ns += now_ns(CLOCK_THREAD_CPUTIME_ID);
}

int main(int count, char **words)
{
	static struct work works[THREADS_MAX];
	uint64_t began, calls = 0, bytes = 0, cpu_ns = 0, wall_ns;
	int is_stream = count == 4 && !strcmp(words[1], "stream");
	int threads = is_stream ? 1 : count == 4 ? atoi(words[1]) : 0;

	if (threads < 1 || threads > THREADS_MAX) {
		fprintf(stderr, "usage: generator THREADS|stream CALLS_PER_SECOND MILLISECONDS\n");
		return 2;
	}
	rate = strtoull(words[2], NULL, 10) / (uint64_t)threads;
	window_ns = strtoull(words[3], NULL, 10) * 1000000;
	for (int index = 0; index < threads; index++)
		open_sockets(&works[index]);
	began = now_ns(CLOCK_MONOTONIC);
	if (is_stream) {
		stream(&works[0]);
	} else {
		for (int index = 0; index < threads; index++)
			if (pthread_create(&works[index].thread, NULL, make_calls, &works[index]))
				fail("a thread");
		for (int index = 0; index < threads; index++)
			pthread_join(works[index].thread, NULL);
	}
	wall_ns = now_ns(CLOCK_MONOTONIC) - began;
	for (int index = 0; index < threads; index++) {
		calls += works[index].calls;
		bytes += works[index].bytes;
		cpu_ns += works[index].cpu_ns;
	}
	printf("{\"calls\":%llu,\"bytes\":%llu,\"wallNs\":%llu,\"cpuNs\":%llu}\n", (unsigned long long)calls,
	       (unsigned long long)bytes, (unsigned long long)wall_ns, (unsigned long long)cpu_ns);
	return 0;
}
