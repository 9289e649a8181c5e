/*
 * Holds TCP connections over loopback: `holder SOCKETS NUMBER`. Both ends are its own, so that half as many connections are
 * made; each carries a few bytes each way. Its listener is on 127.0.0.NUMBER: one address alone would not have the ports
 * for many of these. Prints `ready`; for each line on standard input every socket sends and receives once more and it prints `moved`; ends
 * with standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what)
{
	fprintf(stderr, "holder: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void open_pairs(int *sockets, int pairs, uint32_t number)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + number) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 16) ||
	    getsockname(listener, (struct sockaddr *)&address, &length))
		fail("a listener");
	for (int pair = 0; pair < pairs; pair++) {
		sockets[2 * pair] = socket(AF_INET, SOCK_STREAM, 0);
		if (sockets[2 * pair] < 0 || connect(sockets[2 * pair], (struct sockaddr *)&address, length))
			fail("connect");
		sockets[2 * pair + 1] = accept(listener, NULL, NULL);
		if (sockets[2 * pair + 1] < 0)
			fail("accept");
	}
	close(listener);
}

static void move(const int *sockets, int pairs)
{
	char data[32] = { 0 };

	for (int index = 0; index < 2 * pairs; index++)
		if (send(sockets[index], data, sizeof(data), 0) != sizeof(data) ||
		    recv(sockets[index ^ 1], data, sizeof(data), MSG_WAITALL) != sizeof(data))
			fail("a call");
}

int main(int count, char **words)
{
	int pairs = count == 3 ? atoi(words[1]) / 2 : 0;
	int *sockets = calloc((size_t)pairs * 2 + 1, sizeof(int));
	struct rlimit limit;
	char line[64];

	if (pairs < 1 || !sockets) {
		fprintf(stderr, "usage: holder SOCKETS NUMBER\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit))
		fail("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail("setrlimit");
	open_pairs(sockets, pairs, (uint32_t)atoi(words[2]));
	move(sockets, pairs);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		move(sockets, pairs);
		puts("moved");
		fflush(stdout);
	}
	return 0;
}
