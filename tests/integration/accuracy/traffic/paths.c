/*
 * Ways around send and recv: files and pipes, pages that are not copied, urgent data, data in the SYN.
 */
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

/* The kernel's struct as of 5.12; older kernels read and write its beginning. */
struct zerocopy_receive {
	uint64_t address;
	uint32_t length;
	uint32_t recv_skip_hint;
	uint32_t inq;
	int32_t err;
	uint64_t copybuf_address;
	int32_t copybuf_len;
	uint32_t flags;
	uint64_t msg_control;
	uint64_t msg_controllen;
	uint32_t msg_flags;
	uint32_t reserved;
};

static int file_of(size_t bytes)
{
	int file = (int)must("memfd_create", memfd_create("payload", MFD_CLOEXEC));
	for (size_t done = 0; done < bytes;)
		done += (size_t)must("write", write(file, payload(), least(bytes - done, BUFFER_BYTES)));
	must("lseek", lseek(file, 0, SEEK_SET));
	return file;
}

static void open_pipe(int ends[2])
{
	must("pipe", pipe2(ends, O_CLOEXEC));
}

static void close_pipe(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

static size_t moved(const char *what, ssize_t result)
{
	if (result <= 0)
		fail("%s: %s", what, result < 0 ? strerror(errno) : "the stream ended");
	return (size_t)result;
}

void by_sendfile(struct tally *t, size_t left)
{
	int file = file_of(left);
	while (left)
		left -= moved("sendfile", sent(t, sendfile(t->fd, file, NULL, left)));
	close(file);
}

/* From a file through a pipe into the socket. */
void by_splice_in(struct tally *t, size_t left)
{
	int ends[2], file = file_of(left);
	open_pipe(ends);
	while (left) {
		size_t filled = moved("splice", splice(file, NULL, ends[1], NULL, least(left, t->chunk), 0));
		left -= filled;
		while (filled)
			filled -= moved("splice", sent(t, splice(ends[0], NULL, t->fd, NULL, filled, 0)));
	}
	close_pipe(ends);
	close(file);
}

static void drain(int pipe_end, size_t left)
{
	while (left)
		left -= moved("read", read(pipe_end, scratch(), least(left, BUFFER_BYTES)));
}

/* From the socket into a pipe. */
void by_splice_out(struct tally *t, size_t left)
{
	int ends[2];
	open_pipe(ends);
	while (left) {
		size_t filled = moved("splice",
				      received(t, splice(t->fd, NULL, ends[1], NULL, least(left, 16384), 0)));
		left -= filled;
		drain(ends[0], filled);
	}
	close_pipe(ends);
}

/* The program's own pages, through a pipe into the socket. */
void by_vmsplice(struct tally *t, size_t left)
{
	int ends[2];
	open_pipe(ends);
	while (left) {
		struct iovec part = { payload(), least(left, t->chunk) };
		size_t filled = moved("vmsplice", vmsplice(ends[1], &part, 1, 0));
		left -= filled;
		while (filled)
			filled -= moved("splice", sent(t, splice(ends[0], NULL, t->fd, NULL, filled, 0)));
	}
	close_pipe(ends);
}

/* Echoes from the socket into the socket, and keeps a copy, without the bytes ever being in the program. */
void tee_serve(struct tally *t)
{
	int way[2], copy[2];
	open_pipe(way);
	open_pipe(copy);
	for (size_t left = size(0); left;) {
		size_t filled = moved("splice",
				      received(t, splice(t->fd, NULL, way[1], NULL, least(left, 16384), 0)));
		left -= filled;
		while (filled) {
			size_t copied = moved("tee", tee(way[0], copy[1], filled, 0));
			drain(copy[0], copied);
			filled -= copied;
			while (copied)
				copied -= moved("splice", sent(t, splice(way[0], NULL, t->fd, NULL, copied, 0)));
		}
	}
	close_pipe(way);
	close_pipe(copy);
}

void tee_use(struct tally *t)
{
	for (size_t left = size(0); left;) {
		size_t part = least(left, 10000);
		by_send(t, part);
		by_recv(t, part);
		left -= part;
	}
}

void allow_zerocopy(struct tally *t, bool server)
{
	(void)server;
	if (!try_option(t->fd, SOL_SOCKET, SO_ZEROCOPY, 1))
		unsupported("SO_ZEROCOPY: %s", strerror(errno));
}

/* Reads the notices that pages are free again from the error queue; these reads are not counted. */
static void reap_notices(struct tally *t, unsigned wanted)
{
	struct timespec now, begin;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (unsigned seen = 0; seen < wanted;) {
		char control[256];
		struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
		ssize_t result = recvmsg(t->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (result < 0 && now.tv_sec - begin.tv_sec > 4)
			fail("%u of %u notices of MSG_ZEROCOPY", seen, wanted);
		if (result < 0) {
			struct pollfd queue = { .fd = t->fd };
			poll(&queue, 1, 100);
			continue;
		}
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
			struct sock_extended_err error;
			memcpy(&error, CMSG_DATA(c), sizeof(error));
			if (error.ee_origin == SO_EE_ORIGIN_ZEROCOPY)
				seen += error.ee_data - error.ee_info + 1;
		}
	}
}

/* Whole pages where that much is left, so that a receiver can map them. */
void by_zerocopy(struct tally *t, size_t left)
{
	size_t chunk = t->chunk < 4096 ? t->chunk : 65536;
	unsigned calls = 0;
	while (left) {
		ssize_t result = sent(t, send(t->fd, payload(), least(left, chunk), MSG_ZEROCOPY | MSG_NOSIGNAL));
		if (result < 0 && errno == ENOBUFS) {
			reap_notices(t, calls);
			calls = 0;
			continue;
		}
		left -= moved("send", result);
		calls++;
	}
	reap_notices(t, calls);
}

/* Maps what comes in whole pages, has the rest copied by the same call, and what even that leaves by recv. */
void by_zerocopy_receive(struct tally *t, size_t left)
{
	size_t room = 65536;
	void *at = mmap(NULL, room, PROT_READ, MAP_SHARED, t->fd, 0);
	if (at == MAP_FAILED)
		unsupported("mmap of a socket: %s", strerror(errno));
	size_t all = left, by_call = 0;
	while (left) {
		struct pollfd wanted = { .fd = t->fd, .events = POLLIN };
		must("poll", poll(&wanted, 1, 5000));
		struct zerocopy_receive take = { .address = (uintptr_t)at, .length = (uint32_t)least(left & ~4095UL, room) };
		take.copybuf_address = (uintptr_t)scratch();
		take.copybuf_len = (int32_t)least(left, 30000);
		socklen_t length = sizeof(take);
		if (getsockopt(t->fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &take, &length)) {
			if (errno == EIO || errno == EINVAL)	/* nothing there that could be mapped */
				take = (struct zerocopy_receive){ .recv_skip_hint = 1 };
			else
				unsupported("TCP_ZEROCOPY_RECEIVE: %s", strerror(errno));
		}
		/* An older kernel does not know the field, and says so by the length of what it wrote. */
		bool copies = length >= offsetof(struct zerocopy_receive, flags) && take.copybuf_len > 0;
		ssize_t taken = take.length + (copies ? take.copybuf_len : 0);
		received(t, taken);
		by_call += (size_t)taken;
		left -= (size_t)taken;
		if (take.recv_skip_hint && left)
			left -= moved("recv", received(t, recv(t->fd, scratch(), least(left, take.recv_skip_hint), 0)));
	}
	munmap(at, room);
	if (!by_call && all > 65536)
		unsupported("TCP_ZEROCOPY_RECEIVE gave nothing of %zu bytes", all);
}

/* A byte of urgent data between two stretches; the receiver takes it by MSG_OOB, which is not in the stream. */
void oob_use(struct tally *t)
{
	by_send(t, size(0));
	moved("send", sent(t, send(t->fd, "!", 1, MSG_OOB | MSG_NOSIGNAL)));
	meet();
	by_send(t, size(1));
	by_recv(t, size(2));
}

void oob_serve(struct tally *t)
{
	char byte;
	by_recv(t, size(0));
	meet();
	moved("recv", received(t, recv(t->fd, &byte, 1, MSG_OOB)));
	by_recv(t, size(1));
	by_send(t, size(2));
}

void fast_open_stage(void)
{
	own_space_stage();
	write_setting("/proc/sys/net/ipv4/tcp_fastopen", "3");
}

/* The way of one connection: data with the call that connects, or by a socket that connects at its first write. */
static void fast_open_connect(int port, int way, size_t bytes, size_t answer, bool want_syn_data)
{
	struct tally t;
	struct sockaddr_storage name;
	struct tcp_info info = { 0 };
	socklen_t length = make_address(&name, run.address, port), size_of_info = sizeof(info);
	int fd = open_socket(SOCK_STREAM, 0);
	ssize_t first = 0;
	if (way == 2) {
		set_option(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
		must("connect", connect(fd, (struct sockaddr *)&name, length));
		first = write(fd, payload(), bytes);
	} else {
		first = sendto(fd, payload(), bytes, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&name, length);
	}
	if (first < 0)
		unsupported("fast open: %s", strerror(errno));
	tally_open(&t, fd);
	sent(&t, first);
	by_send(&t, bytes - (size_t)first);
	by_recv(&t, answer);
	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size_of_info);
	if (want_syn_data && !(info.tcpi_options & 32))
		unsupported("fast open: no data in the SYN");
	finish(&t);
}

/* The first connection asks for the cookie, the next two send data in the SYN. */
void fast_open_shape(bool server)
{
	int port, listener = -1;
	if (server) {
		listener = listen_on(run.address, 0);
		set_option(listener, IPPROTO_TCP, TCP_FASTOPEN, 16);
		port = port_of(listener);
		tell(&port, sizeof(port));
	} else {
		hear(&port, sizeof(port));
	}
	for (int way = 0; way < 3; way++) {
		struct tally t;
		if (!server) {
			fast_open_connect(port, way, size(2 * way), size(2 * way + 1), way > 0);
			continue;
		}
		tally_open(&t, accept_one(listener));
		by_recv(&t, size(2 * way));
		by_send(&t, size(2 * way + 1));
		finish(&t);
	}
}
