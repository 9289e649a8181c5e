/* One io_uring of a process, by raw system calls: one request at a time. */
#ifndef WB_URING_H
#define WB_URING_H

#include <linux/io_uring.h>

struct completion {
	int result;
	unsigned flags;
};

void uring_open(unsigned setup_flags);
struct io_uring_sqe *uring_request(int opcode, int fd, void *at, unsigned length);
void uring_submit(void);
struct completion uring_wait(void);
/* Submits the request and waits for its only completion; ends the scenario as unsupported where the kernel has no such opcode. */
int uring_do(const char *what);
int uring_register(unsigned opcode, void *argument, unsigned count);
int uring_polls(void);

#endif
