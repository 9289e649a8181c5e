/*
 * A scripted workload that writes the truth about itself: processes that are born, run other programs and end, as many and as
 * in its arguments. Times are nanoseconds of CLOCK_BOOTTIME, the clock that the kernel stamps processes with.
 *
 *   workload run TRUTH COUNT PAUSE_US NAME...   NAMEs are further copies of this file in the same directory
 *   workload leaf TRUTH NUMBER MILLISECONDS CODE [NAME MILLISECONDS]   what is run by exec: sleeps, runs the next, ends
 *
 * Lines of TRUTH, each written by one write(2) to a file opened for appending:
 *   start NUMBER PID PARENT_PID BEFORE AFTER KIND NAME UID   by the parent: read before and after fork(2)
 *   end NUMBER PID TIME CODE                                 by the process itself, just before it ends
 *   gone NUMBER PID TIME                                     by the parent, just after waitpid(2) told of it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIVING_MAX 256
#define SHORT_EVERY 14

static int truth;
static const char *truth_path;
static char **names;
static int name_count;
static const char *self_directory;

static uint64_t now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_BOOTTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void sleep_ms(long milliseconds)
{
	struct timespec left = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static void tell(const char *line, int length)
{
	if (write(truth, line, (size_t)length) != length)
		_exit(99);
}

__attribute__((noreturn)) static void end(int number, int code)
{
	char line[128];
	int length = snprintf(line, sizeof line, "end %d %d %llu %d\n", number, getpid(),
			      (unsigned long long)now_ns(), code);
	tell(line, length);
	_exit(code);
}

static void run(const char *name, int number, long milliseconds, int code, const char *next)
{
	char path[512], numbers[4][24];
	snprintf(path, sizeof path, "%s/%s", self_directory, name);
	snprintf(numbers[0], sizeof numbers[0], "%d", number);
	snprintf(numbers[1], sizeof numbers[1], "%ld", milliseconds);
	snprintf(numbers[2], sizeof numbers[2], "%d", code);
	char *arguments[] = { path,	  "leaf",	truth_path ? (char *)truth_path : "", numbers[0], numbers[1],
			      numbers[2], (char *)next, NULL };
	execv(path, arguments);
	_exit(98);
}

struct child {
	int number;
	pid_t pid;
};

/* A child of this process: `begin` is what it does, and never returns. */
static struct child born(int number, const char *kind, const char *name, uid_t uid, void (*begin)(int, const char *))
{
	char line[256];
	uint64_t before = now_ns();
	pid_t pid = fork();
	if (pid < 0)
		exit(97);
	if (pid == 0) {
		if (uid != 0 && setresuid(uid, uid, uid) != 0)
			_exit(96);
		begin(number, name);
	}
	uint64_t after = now_ns();
	int length = snprintf(line, sizeof line, "start %d %d %d %llu %llu %s %s %u\n", number, pid, getpid(),
			      (unsigned long long)before, (unsigned long long)after, kind, name, uid);
	tell(line, length);
	return (struct child){ number, pid };
}

static void gone(int number, pid_t pid)
{
	char line[128];
	int length =
		snprintf(line, sizeof line, "gone %d %d %llu\n", number, pid, (unsigned long long)now_ns());
	tell(line, length);
}

static void await(struct child child)
{
	while (waitpid(child.pid, NULL, 0) < 0 && errno == EINTR)
		;
	gone(child.number, child.pid);
}

static void be_program(int number, const char *name)
{
	run(name, number, 60 + number % 90, number % 7, NULL);
}

static void be_short_program(int number, const char *name)
{
	run(name, number, number % 30, number % 5, NULL);
}

/* The same program as its parent, for a moment. */
static void be_short(int number, const char *name)
{
	(void)name;
	sleep_ms(number % 40);
	end(number, number % 3);
}

/* Runs a program, and when that has been seen another one, under the same pid. */
static void be_two(int number, const char *name)
{
	run(name, number, 400, number % 7, names[(number + 1) % name_count]);
}

static void be_middle(int number, const char *name)
{
	await(born(number + 1000000, "leaf", name, 0, be_program));
	end(number, 0);
}

static void be_top(int number, const char *name)
{
	await(born(number + 2000000, "middle", name, 0, be_middle));
	end(number, 1);
}

static int leaf(int argc, char **argv)
{
	if (argc < 6)
		return 95;
	truth_path = argv[2];
	truth = open(truth_path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (truth < 0)
		return 94;
	sleep_ms(atol(argv[4]));
	if (argc > 6)
		run(argv[6], atoi(argv[3]), 60, atoi(argv[5]), NULL);
	end(atoi(argv[3]), atoi(argv[5]));
}

static struct child living[LIVING_MAX];
static int living_count;

static void reap(int options)
{
	pid_t pid;
	while (living_count > 0 && (pid = waitpid(-1, NULL, options)) > 0) {
		for (int index = 0; index < living_count; index++) {
			if (living[index].pid != pid)
				continue;
			gone(living[index].number, pid);
			living[index] = living[--living_count];
			break;
		}
		if (options == 0 && living_count < LIVING_MAX)
			return;
	}
}

int main(int argc, char **argv)
{
	static char directory[512];
	strncpy(directory, argv[0], sizeof directory - 1);
	*strrchr(directory, '/') = 0;
	self_directory = directory;
	if (argc > 2 && strcmp(argv[1], "leaf") == 0)
		return leaf(argc, argv);
	if (argc < 6)
		return 95;
	truth_path = argv[2];
	truth = open(truth_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (truth < 0 || fchmod(truth, 0666) != 0)
		return 94;
	int count = atoi(argv[3]), made = 0;
	useconds_t pause = (useconds_t)atoi(argv[4]);
	names = argv + 5;
	name_count = argc - 5;
	for (int number = 1; made < count; number++) {
		const char *name = names[number % name_count];
		while (living_count == LIVING_MAX)
			reap(0);
		struct child child;
		if (number % SHORT_EVERY == 0) {
			if (number / SHORT_EVERY % 2 == 0)
				child = born(number, "short", "-", 0, be_short);
			else
				child = born(number, "short", name, 0, be_short_program);
			made += 1;
		} else if (number % 50 == 7 && made + 3 <= count) {
			child = born(number, "top", name, 0, be_top);
			made += 3;
		} else if (number % 25 == 3 && made + 2 <= count) {
			child = born(number, "middle", name, 0, be_middle);
			made += 2;
		} else if (number % 40 == 9) {
			child = born(number, "two", name, 0, be_two);
			made += 1;
		} else if (number % 30 == 11) {
			child = born(number, "user", name, number % 60 == 11 ? 65534 : 1, be_program);
			made += 1;
		} else {
			child = born(number, "program", name, 0, be_program);
			made += 1;
		}
		living[living_count++] = child;
		reap(WNOHANG);
		usleep(pause);
	}
	while (living_count > 0)
		reap(0);
	return 0;
}
