/*
 * The ordinary calls. Each function sends or receives exactly so many bytes; a receiver never asks for more than is due,
 * so that what comes next is left for whoever is to read it.
 */
#include "traffic.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PARTS 4

static size_t step(const struct tally *t, size_t left)
{
	return least(left, t->chunk);
}

/* The result of a call that must move something. */
static size_t moved(const char *what, ssize_t result)
{
	if (result <= 0)
		fail("%s: %s", what, result < 0 ? strerror(errno) : "the stream ended");
	return (size_t)result;
}

void by_send(struct tally *t, size_t left)
{
	while (left)
		left -= moved("send", sent(t, send(t->fd, payload(), step(t, left), MSG_NOSIGNAL)));
}

void by_recv(struct tally *t, size_t left)
{
	while (left)
		left -= moved("recv", received(t, recv(t->fd, scratch(), least(left, BUFFER_BYTES), 0)));
}

void by_write(struct tally *t, size_t left)
{
	while (left)
		left -= moved("write", sent(t, write(t->fd, payload(), step(t, left))));
}

void by_read(struct tally *t, size_t left)
{
	while (left)
		left -= moved("read", received(t, read(t->fd, scratch(), least(left, BUFFER_BYTES))));
}

/* Splits `length` bytes into parts of different lengths; returns how many parts. */
static int split(struct iovec *parts, char *at, size_t length)
{
	int count = 0;
	for (size_t done = 0; done < length && count < PARTS; count++) {
		size_t part = count == PARTS - 1 ? length - done : least(length - done, length / 3 + 1);
		parts[count] = (struct iovec){ at + done, part };
		done += part;
	}
	return count;
}

void by_writev(struct tally *t, size_t left)
{
	struct iovec parts[PARTS];
	while (left)
		left -= moved("writev", sent(t, writev(t->fd, parts, split(parts, payload(), step(t, left)))));
}

void by_readv(struct tally *t, size_t left)
{
	struct iovec parts[PARTS];
	while (left)
		left -= moved("readv", received(t, readv(t->fd, parts, split(parts, scratch(), least(left, 65536)))));
}

void by_pwritev2(struct tally *t, size_t left)
{
	struct iovec parts[PARTS];
	while (left) {
		int count = split(parts, payload(), step(t, left));
		left -= moved("pwritev2", sent(t, pwritev2(t->fd, parts, count, -1, 0)));
	}
}

void by_preadv2(struct tally *t, size_t left)
{
	struct iovec parts[PARTS];
	while (left) {
		int count = split(parts, scratch(), least(left, 65536));
		left -= moved("preadv2", received(t, preadv2(t->fd, parts, count, -1, 0)));
	}
}

void by_sendmsg(struct tally *t, size_t left)
{
	struct iovec parts[PARTS];
	while (left) {
		struct msghdr message = { .msg_iov = parts };
		message.msg_iovlen = (size_t)split(parts, payload(), step(t, left));
		left -= moved("sendmsg", sent(t, sendmsg(t->fd, &message, MSG_NOSIGNAL)));
	}
}

void by_recvmsg(struct tally *t, size_t left)
{
	struct iovec parts[PARTS];
	while (left) {
		struct msghdr message = { .msg_iov = parts };
		message.msg_iovlen = (size_t)split(parts, scratch(), least(left, 65536));
		left -= moved("recvmsg", received(t, recvmsg(t->fd, &message, 0)));
	}
}

/* Several messages at once: as many as fit into what is due. Returns how many. */
static int batch(struct mmsghdr *messages, struct iovec *parts, char *at, size_t each, size_t left)
{
	int count = 0;
	memset(messages, 0, sizeof(*messages) * PARTS);
	for (; count < PARTS && left; count++) {
		size_t part = least(each, left);
		parts[count] = (struct iovec){ at + (size_t)count * each, part };
		messages[count].msg_hdr.msg_iov = &parts[count];
		messages[count].msg_hdr.msg_iovlen = 1;
		left -= part;
	}
	return count;
}

void by_sendmmsg(struct tally *t, size_t left)
{
	struct mmsghdr messages[PARTS];
	struct iovec parts[PARTS];
	while (left) {
		int count = batch(messages, parts, payload(), t->chunk, left);
		count = (int)moved("sendmmsg", sendmmsg(t->fd, messages, (unsigned)count, MSG_NOSIGNAL));
		for (int i = 0; i < count; i++)
			left -= (size_t)sent(t, messages[i].msg_len);
	}
}

void by_recvmmsg(struct tally *t, size_t left)
{
	struct mmsghdr messages[PARTS];
	struct iovec parts[PARTS];
	while (left) {
		int count = batch(messages, parts, scratch(), t->chunk, left);
		count = (int)moved("recvmmsg", recvmmsg(t->fd, messages, (unsigned)count, MSG_WAITFORONE, NULL));
		for (int i = 0; i < count; i++)
			left -= (size_t)received(t, messages[i].msg_len);
	}
}

static void wait_until(int fd, short events)
{
	struct pollfd wanted = { .fd = fd, .events = events };
	must("poll", poll(&wanted, 1, 5000));
}

/* A small buffer, and one that does not grow, so that calls are refused and messages are taken in part. */
void small_buffer(struct tally *t, bool server)
{
	(void)server;
	set_option(t->fd, SOL_SOCKET, SO_SNDBUF, 8192);
	set_option(t->fd, SOL_SOCKET, SO_RCVBUF, 131072);
}

/*
 * Offers all that is left each time: taken in part, then refused. The receiver begins when the first call was refused, so
 * that it happens for sure.
 */
void by_trying_send(struct tally *t, size_t left)
{
	int refused = 0, partial = 0;
	while (left) {
		size_t offered = least(left, BUFFER_BYTES);
		ssize_t result = sent(t, send(t->fd, payload(), offered, MSG_DONTWAIT | MSG_NOSIGNAL));
		if (result < 0 && errno != EAGAIN)
			fail("send: %s", strerror(errno));
		if (result < 0) {
			if (refused++ == 0)
				tell("f", 1);
			wait_until(t->fd, POLLOUT);
			continue;
		}
		partial += (size_t)result < offered;
		left -= (size_t)result;
	}
	if (!refused || !partial)
		fail("non-blocking: %d calls refused, %d taken in part", refused, partial);
}

void by_trying_recv(struct tally *t, size_t left)
{
	char full;
	hear(&full, 1);
	while (left) {
		ssize_t result = received(t, recv(t->fd, scratch(), least(left, 3000), MSG_DONTWAIT));
		if (result < 0 && errno == EAGAIN)
			wait_until(t->fd, POLLIN);
		else
			left -= moved("recv", result);
	}
}

/* MSG_MORE on all but the last call. */
void by_more(struct tally *t, size_t left)
{
	while (left) {
		size_t part = least(left, 700);
		int more = part < left ? MSG_MORE : 0;
		left -= moved("send", sent(t, send(t->fd, payload(), part, MSG_NOSIGNAL | more)));
	}
}

/* Looks twice at everything before it takes it; looks are not counted. */
void by_peek(struct tally *t, size_t left)
{
	while (left) {
		size_t most = least(left, 20000);
		moved("peek", recv(t->fd, scratch(), most, MSG_PEEK));
		struct iovec part = { scratch(), most };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
		moved("peek", recvmsg(t->fd, &message, MSG_PEEK));
		left -= moved("recv", received(t, recv(t->fd, scratch(), most, 0)));
	}
}

void by_waitall(struct tally *t, size_t left)
{
	while (left) {
		size_t most = least(left, BUFFER_BYTES);
		size_t count = moved("recv", received(t, recv(t->fd, scratch(), most, MSG_WAITALL)));
		if (count != most)
			fail("MSG_WAITALL gave %zu of %zu", count, most);
		left -= count;
	}
}

/* TCP: the bytes are thrown away by the kernel and count as taken. */
void by_trunc(struct tally *t, size_t left)
{
	while (left)
		left -= moved("recv", received(t, recv(t->fd, NULL, least(left, 10000), MSG_TRUNC)));
}

/* Datagrams: asks for the whole length while it only looks, then takes it. */
void by_peek_trunc(struct tally *t, size_t left)
{
	while (left) {
		size_t whole = moved("peek", recv(t->fd, scratch(), 1, MSG_PEEK | MSG_TRUNC));
		size_t count = moved("recv", received(t, recv(t->fd, scratch(), whole, 0)));
		if (count != whole)
			fail("a datagram of %zu gave %zu", whole, count);
		left -= count;
	}
}
