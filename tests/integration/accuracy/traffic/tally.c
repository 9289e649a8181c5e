/*
 * Counting: what each call returned goes to the socket's tally, and to its remote end's where that was named.
 */
#include "traffic.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

/* The inode of the network namespace that the socket lives in, which need not be the process's. */
static uint64_t netns_of(int fd)
{
	struct stat status = { 0 };
	int space = ioctl(fd, SIOCGSKNS);
	if (space < 0)
		return stat("/proc/self/ns/net", &status) ? 0 : status.st_ino;
	fstat(space, &status);
	close(space);
	return status.st_ino;
}

void tally_open(struct tally *t, int fd)
{
	memset(t, 0, sizeof(*t));
	t->fd = fd;
	t->protocol = run.scenario->protocol_name ? run.scenario->protocol_name : "tcp";
	t->chunk = run.scenario->flags & DATAGRAM ? 1000 : 32 * 1024;
	socklen_t length = sizeof(t->cookie);
	must("SO_COOKIE", getsockopt(fd, SOL_SOCKET, SO_COOKIE, &t->cookie, &length));
	t->netns = netns_of(fd);
	tally_ends(t);
}

/* Asks again for both ends: after connect, or after the kernel has chosen an address. */
void tally_ends(struct tally *t)
{
	socklen_t length = sizeof(t->local);
	memset(&t->local, 0, sizeof(t->local));
	memset(&t->remote, 0, sizeof(t->remote));
	must("getsockname", getsockname(t->fd, (struct sockaddr *)&t->local, &length));
	length = sizeof(t->remote);
	if (getpeername(t->fd, (struct sockaddr *)&t->remote, &length))
		memset(&t->remote, 0, sizeof(t->remote));
}

ssize_t sent(struct tally *t, ssize_t result)
{
	if (result > 0)
		__atomic_fetch_add(&t->sent, (uint64_t)result, __ATOMIC_RELAXED);
	return result;
}

ssize_t received(struct tally *t, ssize_t result)
{
	if (result > 0)
		__atomic_fetch_add(&t->received, (uint64_t)result, __ATOMIC_RELAXED);
	return result;
}

static struct peer *peer_of(struct tally *t, const struct sockaddr_storage *name)
{
	socklen_t length = address_length(name);
	for (int i = 0; i < t->peer_count; i++)
		if (!memcmp(&t->peers[i].name, name, length))
			return &t->peers[i];
	if (t->peer_count == PEERS_MAX)
		fail("more than %d remote ends", PEERS_MAX);
	struct peer *peer = &t->peers[t->peer_count++];
	memcpy(&peer->name, name, length);
	return peer;
}

ssize_t sent_to(struct tally *t, ssize_t result, const struct sockaddr_storage *name)
{
	struct peer *peer = peer_of(t, name);
	if (result > 0)
		peer->sent += (uint64_t)result;
	return sent(t, result);
}

ssize_t received_from(struct tally *t, ssize_t result, const struct sockaddr_storage *name)
{
	struct peer *peer = peer_of(t, name);
	if (result > 0)
		peer->received += (uint64_t)result;
	return received(t, result);
}

/* How many bytes a round has: the same for both roles, another one for each round, scenario, family and seed. */
size_t size(int round)
{
	uint64_t hash = 0xcbf29ce484222325 ^ run.seed;
	for (const char *c = run.scenario->name; *c; c++)
		hash = (hash ^ (uint64_t)*c) * 0x100000001b3;
	hash = (hash ^ (uint64_t)run.family) * 0x100000001b3;
	hash = (hash ^ (uint64_t)round) * 0x100000001b3;
	hash ^= hash >> 29;
	size_t bytes = run.scenario->bytes ? run.scenario->bytes : 1000;
	return bytes / 2 + hash % bytes;
}

size_t least(size_t one, size_t other)
{
	return one < other ? one : other;
}

static char *memory(void)
{
	char *at = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		fail("mmap of a buffer");
	return at;
}

/* Page-aligned bytes to send. */
char *payload(void)
{
	static char *at;
	if (!at) {
		at = memory();
		memset(at, 'w', BUFFER_BYTES);
	}
	return at;
}

/* Page-aligned room to receive into. */
char *scratch(void)
{
	static char *at;
	if (!at)
		at = memory();
	return at;
}
