/*
 * Sending and receiving by io_uring: plain, as messages, as file reads and writes, from registered buffers and files, by
 * worker threads, by a polling kernel thread, without copies, and many receptions by one request.
 */
#include "traffic.h"
#include "uring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef IORING_RECV_MULTISHOT
#define IORING_RECV_MULTISHOT (1U << 1)
#endif
#ifndef IORING_CQE_F_NOTIF
#define IORING_CQE_F_NOTIF (1U << 3)
#endif
#define OP_SEND_ZC 47	/* IORING_OP_SEND_ZC, Linux 6.0 */
#define GROUP 7
#define GROUP_BUFFERS 16
#define GROUP_BUFFER_BYTES 8192

void uring_ready(struct tally *t, bool server)
{
	(void)t;
	(void)server;
	uring_open(0);
}

/* Requests are taken by a thread of the kernel that belongs to this process. */
void uring_polled(struct tally *t, bool server)
{
	(void)t;
	(void)server;
	uring_open(IORING_SETUP_SQPOLL);
}

static size_t send_one(struct tally *t, int opcode, size_t left, unsigned request_flags)
{
	struct io_uring_sqe *request = uring_request(opcode, t->fd, payload(), (unsigned)least(left, t->chunk));
	request->flags = (uint8_t)request_flags;
	if (opcode == IORING_OP_SEND)
		request->msg_flags = MSG_NOSIGNAL;
	return (size_t)sent(t, uring_do("send"));
}

static size_t receive_one(struct tally *t, int opcode, size_t left, unsigned request_flags)
{
	struct io_uring_sqe *request = uring_request(opcode, t->fd, scratch(), (unsigned)least(left, 65536));
	request->flags = (uint8_t)request_flags;
	return (size_t)received(t, uring_do("receive"));
}

void by_uring_send(struct tally *t, size_t left)
{
	while (left)
		left -= send_one(t, IORING_OP_SEND, left, 0);
}

void by_uring_recv(struct tally *t, size_t left)
{
	while (left)
		left -= receive_one(t, IORING_OP_RECV, left, 0);
}

void by_uring_write(struct tally *t, size_t left)
{
	while (left)
		left -= send_one(t, IORING_OP_WRITE, left, 0);
}

void by_uring_read(struct tally *t, size_t left)
{
	while (left)
		left -= receive_one(t, IORING_OP_READ, left, 0);
}

/* IOSQE_ASYNC: a worker thread (iou-wrk) makes the call. */
void by_uring_send_async(struct tally *t, size_t left)
{
	while (left)
		left -= send_one(t, IORING_OP_SEND, left, IOSQE_ASYNC);
}

void by_uring_recv_async(struct tally *t, size_t left)
{
	while (left)
		left -= receive_one(t, IORING_OP_RECV, left, IOSQE_ASYNC);
}

void by_uring_sendmsg(struct tally *t, size_t left)
{
	while (left) {
		struct iovec part = { payload(), least(left, t->chunk) };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
		struct io_uring_sqe *request = uring_request(IORING_OP_SENDMSG, t->fd, &message, 1);
		request->msg_flags = MSG_NOSIGNAL;
		left -= (size_t)sent(t, uring_do("sendmsg"));
	}
}

void by_uring_recvmsg(struct tally *t, size_t left)
{
	while (left) {
		struct iovec part = { scratch(), least(left, 65536) };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
		uring_request(IORING_OP_RECVMSG, t->fd, &message, 1);
		left -= (size_t)received(t, uring_do("recvmsg"));
	}
}

/* Registers the socket and both buffers once; afterwards requests name them by index. */
static void register_all(struct tally *t)
{
	static int registered = -1;
	if (registered == t->fd)
		return;
	struct iovec buffers[2] = { { payload(), BUFFER_BYTES }, { scratch(), BUFFER_BYTES } };
	if (uring_register(IORING_REGISTER_BUFFERS, buffers, 2) || uring_register(IORING_REGISTER_FILES, &t->fd, 1))
		unsupported("io_uring_register: %s", strerror(errno));
	registered = t->fd;
}

static size_t fixed(int opcode, char *at, size_t bytes, int buffer)
{
	struct io_uring_sqe *request = uring_request(opcode, 0, at, (unsigned)bytes);
	request->flags = IOSQE_FIXED_FILE;
	request->buf_index = (uint16_t)buffer;
	return (size_t)uring_do("registered buffers");
}

void by_uring_write_fixed(struct tally *t, size_t left)
{
	register_all(t);
	while (left)
		left -= (size_t)sent(t, (ssize_t)fixed(IORING_OP_WRITE_FIXED, payload(), least(left, t->chunk), 0));
}

void by_uring_read_fixed(struct tally *t, size_t left)
{
	register_all(t);
	while (left)
		left -= (size_t)received(t, (ssize_t)fixed(IORING_OP_READ_FIXED, scratch(), least(left, 65536), 1));
}

/* A request has two completions: the result, and the notice that the pages are free. */
void by_uring_send_zc(struct tally *t, size_t left)
{
	while (left) {
		struct io_uring_sqe *request =
			uring_request(OP_SEND_ZC, t->fd, payload(), (unsigned)least(left, t->chunk));
		request->msg_flags = MSG_NOSIGNAL;
		uring_submit();
		struct completion first = uring_wait();
		if (first.result == -EINVAL || first.result == -EOPNOTSUPP)
			unsupported("io_uring SEND_ZC: %s", strerror(-first.result));
		if (first.result <= 0)
			fail("io_uring SEND_ZC: %s", strerror(-first.result));
		left -= (size_t)sent(t, first.result);
		if ((first.flags & IORING_CQE_F_MORE) && !(uring_wait().flags & IORING_CQE_F_NOTIF))
			fail("io_uring SEND_ZC: no notice");
	}
}

static void provide(char *at, int first, int count)
{
	struct io_uring_sqe *request = uring_request(IORING_OP_PROVIDE_BUFFERS, count, at, GROUP_BUFFER_BYTES);
	request->buf_group = GROUP;
	request->off = (uint64_t)first;
	uring_submit();
	int result = uring_wait().result;
	if (result < 0)
		unsupported("io_uring PROVIDE_BUFFERS: %s", strerror(-result));
}

/*
 * One request, many receptions. It takes whatever comes; that is no more than what is due, because the other role sends no
 * more until it is answered.
 */
void by_uring_recv_multishot(struct tally *t, size_t left)
{
	provide(scratch(), 0, GROUP_BUFFERS);
	while (left) {
		struct io_uring_sqe *request = uring_request(IORING_OP_RECV, t->fd, NULL, 0);
		request->ioprio = IORING_RECV_MULTISHOT;
		request->flags = IOSQE_BUFFER_SELECT;
		request->buf_group = GROUP;
		request->user_data = 1;
		uring_submit();
		for (bool armed = true; armed;) {
			struct completion got = uring_wait();
			if (got.result == -EINVAL)
				unsupported("io_uring multishot recv: %s", strerror(EINVAL));
			if (got.result <= 0 && got.result != -ENOBUFS && got.result != -ECANCELED)
				fail("io_uring multishot recv: %s", strerror(-got.result));
			armed = got.flags & IORING_CQE_F_MORE;
			if (got.result > 0)
				left -= least(left, (size_t)received(t, got.result));
			if (armed && !left) {
				uring_request(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0)->user_data = 2;
				uring_submit();
				uring_wait();
				uring_wait();
				armed = false;
			}
		}
		if (left)
			provide(scratch(), 0, GROUP_BUFFERS);
	}
}

static int uring_splice(int from, int to, size_t bytes)
{
	struct io_uring_sqe *request = uring_request(IORING_OP_SPLICE, to, NULL, (unsigned)bytes);
	request->splice_fd_in = from;
	request->splice_off_in = (uint64_t)-1;
	request->off = (uint64_t)-1;
	return uring_do("splice");
}

void by_uring_splice_in(struct tally *t, size_t left)
{
	int ends[2];
	must("pipe", pipe2(ends, O_CLOEXEC));
	while (left) {
		size_t filled = (size_t)must("write", write(ends[1], payload(), least(left, 32768)));
		left -= filled;
		while (filled)
			filled -= (size_t)sent(t, uring_splice(ends[0], t->fd, filled));
	}
	close(ends[0]);
	close(ends[1]);
}

void by_uring_splice_out(struct tally *t, size_t left)
{
	int ends[2];
	must("pipe", pipe2(ends, O_CLOEXEC));
	while (left) {
		size_t filled = (size_t)received(t, uring_splice(t->fd, ends[1], least(left, 16384)));
		left -= filled;
		while (filled)
			filled -= (size_t)must("read", read(ends[0], scratch(), filled));
	}
	close(ends[0]);
	close(ends[1]);
}
