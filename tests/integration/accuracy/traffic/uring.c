/*
 * io_uring without a library (linux/io_uring.h, io_uring(7)).
 */
#include "uring.h"
#include "traffic.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES 8

static struct {
	int fd;
	unsigned setup_flags;
	unsigned pending;
	unsigned *submission_tail, *submission_mask, *submission_flags, *submission_array;
	unsigned *completion_head, *completion_tail, *completion_mask;
	struct io_uring_sqe *requests;
	struct io_uring_cqe *completions;
} ring = { .fd = -1 };

static void *map(size_t bytes, uint64_t offset)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, (off_t)offset);
	if (at == MAP_FAILED)
		fail("mmap of io_uring: %s", strerror(errno));
	return at;
}

void uring_open(unsigned setup_flags)
{
	if (ring.fd >= 0)
		return;
	struct io_uring_params parameters = { .flags = setup_flags, .sq_thread_idle = 200 };
	ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &parameters);
	if (ring.fd < 0)
		unsupported("io_uring_setup: %s", strerror(errno));
	ring.setup_flags = setup_flags;
	const struct io_sqring_offsets *sq = &parameters.sq_off;
	const struct io_cqring_offsets *cq = &parameters.cq_off;
	char *submission = map(sq->array + parameters.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	char *completion = map(cq->cqes + parameters.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	ring.requests = map(parameters.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	ring.submission_tail = (unsigned *)(submission + sq->tail);
	ring.submission_mask = (unsigned *)(submission + sq->ring_mask);
	ring.submission_flags = (unsigned *)(submission + sq->flags);
	ring.submission_array = (unsigned *)(submission + sq->array);
	ring.completion_head = (unsigned *)(completion + cq->head);
	ring.completion_tail = (unsigned *)(completion + cq->tail);
	ring.completion_mask = (unsigned *)(completion + cq->ring_mask);
	ring.completions = (struct io_uring_cqe *)(completion + cq->cqes);
}

int uring_polls(void)
{
	return (ring.setup_flags & IORING_SETUP_SQPOLL) != 0;
}

/* The next request, to be filled in further and then submitted. */
struct io_uring_sqe *uring_request(int opcode, int fd, void *at, unsigned length)
{
	unsigned tail = *ring.submission_tail;
	unsigned index = tail & *ring.submission_mask;
	struct io_uring_sqe *request = &ring.requests[index];
	memset(request, 0, sizeof(*request));
	request->opcode = (uint8_t)opcode;
	request->fd = fd;
	request->addr = (uintptr_t)at;
	request->len = length;
	ring.submission_array[index] = index;
	ring.pending++;
	return request;
}

static void enter(unsigned submit, unsigned wait, unsigned flags)
{
	while (syscall(SYS_io_uring_enter, ring.fd, submit, wait, flags, NULL, 0) < 0)
		if (errno != EINTR)
			fail("io_uring_enter: %s", strerror(errno));
}

void uring_submit(void)
{
	unsigned count = ring.pending;
	ring.pending = 0;
	__atomic_store_n(ring.submission_tail, *ring.submission_tail + count, __ATOMIC_RELEASE);
	if (!uring_polls()) {
		enter(count, 0, 0);
		return;
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(ring.submission_flags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP)
		enter(count, 0, IORING_ENTER_SQ_WAKEUP);
}

struct completion uring_wait(void)
{
	unsigned head = *ring.completion_head;
	while (head == __atomic_load_n(ring.completion_tail, __ATOMIC_ACQUIRE))
		enter(0, 1, IORING_ENTER_GETEVENTS);
	const struct io_uring_cqe *entry = &ring.completions[head & *ring.completion_mask];
	struct completion found = { entry->res, entry->flags };
	__atomic_store_n(ring.completion_head, head + 1, __ATOMIC_RELEASE);
	return found;
}

int uring_do(const char *what)
{
	uring_submit();
	int result = uring_wait().result;
	if (result == -EINVAL || result == -EOPNOTSUPP)
		unsupported("io_uring %s: %s", what, strerror(-result));
	if (result <= 0)
		fail("io_uring %s: %s", what, result < 0 ? strerror(-result) : "the stream ended");
	return result;
}

int uring_register(unsigned opcode, void *argument, unsigned count)
{
	return (int)syscall(SYS_io_uring_register, ring.fd, opcode, argument, count);
}
