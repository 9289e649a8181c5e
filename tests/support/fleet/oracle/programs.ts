/** Small C programs of the oracle, compiled once for each run: a nursery of processes, a process, and a clock that is wrong. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Does nothing until it is ended. */
const SLEEPER = `
#include <unistd.h>
int main(void)
{
	for (;;) pause();
}
`;

/** Ends at once. */
const FLASH = "int main(void) { return 0; }";

/**
 * Where it is apart, the first process of a pid namespace. Lines on standard input: "+ NUMBER PATH" starts a program, "- PID" ends one. Lines on standard
 * output: "+ NUMBER PID TICKS" once it runs its program, "- PID" once it is gone. Ends with its input, and all in it with it.
 */
const NURSERY = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long long ticks_of(pid_t pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file) return 0;
	size_t size = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[size] = 0;
	char *at = strrchr(text, ')');
	unsigned long long ticks = 0;
	if (at) sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks);
	return ticks;
}

static void start(long number, const char *path)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC)) exit(1);
	pid_t pid = fork();
	if (pid < 0) exit(1);
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL); // nothing stays where it is not in a namespace
		execl(path, path, (char *)0);
		_exit(127);
	}
	close(ends[1]);
	char byte;
	if (read(ends[0], &byte, 1) < 0) exit(1);
	close(ends[0]);
	printf("+ %ld %d %llu\\n", number, (int)pid, ticks_of(pid));
}

static void reap(void)
{
	pid_t pid;
	while ((pid = waitpid(-1, 0, WNOHANG)) > 0) printf("- %d\\n", (int)pid);
}

int main(void)
{
	sigset_t children;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, 0);
	int ended = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	setvbuf(stdout, 0, _IONBF, 0);
	setvbuf(stdin, 0, _IONBF, 0);
	puts("ready");
	for (;;) {
		struct pollfd both[2] = { { 0, POLLIN, 0 }, { ended, POLLIN, 0 } };
		if (poll(both, 2, -1) < 0) continue;
		struct signalfd_siginfo info;
		while (read(ended, &info, sizeof info) > 0) {}
		reap();
		if (!both[0].revents) continue;
		char line[4200], path[4096];
		long number;
		if (!fgets(line, sizeof line, stdin)) return 0;
		if (sscanf(line, "+ %ld %4095s", &number, path) == 2) start(number, path);
		else if (sscanf(line, "- %ld", &number) == 1) kill((pid_t)number, SIGKILL);
	}
}
`;

/** Adds the milliseconds that stand in the file WB_ORACLE_CLOCK to what the machine's clock says. Other clocks stay right. */
const CLOCK = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;

__attribute__((constructor)) static void open_offset(void)
{
	const char *path = getenv("WB_ORACLE_CLOCK");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (file < 0) return;
	void *at = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
	close(file);
	if (at != MAP_FAILED) offset = at;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long result = syscall(SYS_clock_gettime, clock, now);
	if (result || !offset || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
	int64_t ms = *offset, ns = now->tv_nsec + ms % 1000 * 1000000;
	now->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
	now->tv_nsec = ns - (ns >= 1000000000 ? 1000000000 : 0) + (ns < 0 ? 1000000000 : 0);
	return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;
	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *where)
{
	struct timespec exact;
	if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
	if (where) *where = exact.tv_sec;
	return exact.tv_sec;
}
`;

export interface OraclePrograms {
  readonly sleeper: string;
  readonly flash: string;
  readonly nursery: string;
  /** For LD_PRELOAD. */
  readonly clock: string;
}

async function compile(source: string, path: string, options: readonly string[] = []): Promise<string> {
  await writeFile(`${path}.c`, source);
  const child = Bun.spawn(["cc", "-O1", "-Wall", "-Werror", ...options, "-o", path, `${path}.c`], {
    stderr: "pipe",
  });
  const [words, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(words);
  return path;
}

/** Needs cc. */
export async function compilePrograms(directory: string): Promise<OraclePrograms> {
  const [sleeper, flash, nursery, clock] = await Promise.all([
    compile(SLEEPER, join(directory, "sleeper")),
    compile(FLASH, join(directory, "flash")),
    compile(NURSERY, join(directory, "nursery")),
    compile(CLOCK, join(directory, "clock.so"), ["-shared", "-fPIC"]),
  ]);
  return { sleeper, flash, nursery, clock };
}
