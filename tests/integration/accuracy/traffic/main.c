/*
 * wb-traffic: runs scenarios and tells what each process sent and received.
 *
 *   wb-traffic [all | NAME …] [--families 46m] [--seed N] [--processes N] [--connections N] [--seconds N] [--go] [--list]
 *
 * With --go it waits for a line on standard input twice: when the connections that are to be older than the capture are
 * there ({"phase":"prepared"}), and when all is done but the connections that are to outlive it ({"phase":"ran"}).
 */
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STAGES_MAX 64
#define USUAL_SECONDS 20

struct run run = { .role = "main", .seed = 1, .processes = 40, .connections = 10, .spaces = { -1, -1, -1 } };

struct stage {
	pid_t pid;
	const struct scenario *scenario;
	enum family family;
	struct timespec began;
	int ready;
};

static struct {
	int families;
	int seconds;
	bool waits;
	int go_write;
	int end_write;
	const char **names;
	int name_count;
} options = { .families = EVERY, .seconds = 300 };

/* Server and client of one scenario, until both have ended; the first one that ends badly takes the other with it. */
static void play(void)
{
	int pair[2];
	pid_t pids[2];
	const struct scenario *s = run.scenario;
	int seconds = s->flags & (EARLY | HELD) ? options.seconds : s->seconds ? s->seconds : USUAL_SECONDS;
	alarm((unsigned)seconds + 5);
	run.address = loopback(run.family);
	if (s->stage)
		s->stage();
	must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	for (int i = 0; i < 2; i++) {
		pids[i] = start_process(seconds);
		if (pids[i] == 0) {
			close(pair[1 - i]);
			run.sync = pair[i];
			run.role = i ? "client" : "server";
			s->shape(i == 0);
			_exit(0);
		}
	}
	close(pair[0]);
	close(pair[1]);
	int worst = 0;
	for (int left = 2; left > 0; left--) {
		int status = 0;
		pid_t pid = wait(&status);
		const char *who = pid == pids[0] ? "server" : "client";
		int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		if (worst == 0 && (code < 0 || (code > 0 && code < 10) || code > 12))
			say_raw("failed", code < 0 && WTERMSIG(status) == SIGALRM ? "out of time" : who);
		if (worst == 0 && code != 0)
			worst = code == 12 ? 0 : 10;
		if (worst != 0)
			kill(pid == pids[0] ? pids[1] : pids[0], SIGKILL);
	}
	_exit(0);
}

static struct stage start_stage(const struct scenario *scenario, enum family family)
{
	int ready[2];
	must("pipe", pipe2(ready, O_CLOEXEC));
	struct stage stage = { .scenario = scenario, .family = family, .ready = ready[0] };
	clock_gettime(CLOCK_MONOTONIC, &stage.began);
	run.scenario = scenario;
	run.family = family;
	run.ready = ready[1];
	stage.pid = start_process(options.seconds);
	if (stage.pid == 0) {
		setpgid(0, 0);
		run.role = "stage";
		close(ready[0]);
		close(options.go_write);
		close(options.end_write);
		play();
	}
	close(ready[1]);
	run.scenario = NULL;
	return stage;
}

/* Until the stage says so, or has ended. */
static void wait_ready(const struct stage *stage)
{
	char byte;
	while (read(stage->ready, &byte, 1) < 0 && errno == EINTR)
		;
}

static void end_stage(const struct stage *stage)
{
	int status = 0;
	struct timespec now;
	while (waitpid(stage->pid, &status, 0) < 0 && errno == EINTR)
		;
	kill(-stage->pid, SIGKILL);
	close(stage->ready);
	clock_gettime(CLOCK_MONOTONIC, &now);
	long ms = (now.tv_sec - stage->began.tv_sec) * 1000 + (now.tv_nsec - stage->began.tv_nsec) / 1000000;
	run.scenario = stage->scenario;
	run.family = stage->family;
	if (WIFSIGNALED(status))
		say_raw("failed", WTERMSIG(status) == SIGALRM ? "out of time" : "its stage was killed");
	run.scenario = NULL;
	say("{\"stage\":\"%s\",\"family\":\"%s\",\"milliseconds\":%ld}", stage->scenario->name, family_name(stage->family), ms);
}

static bool chosen(const struct scenario *s)
{
	if (options.name_count == 0)
		return true;
	for (int i = 0; i < options.name_count; i++)
		if (!strcmp(options.names[i], s->name) || !strcmp(options.names[i], "all"))
			return true;
	return false;
}

/* Starts each chosen scenario that has just these flags among EARLY and HELD; returns how many. */
static int start_all(int flags, struct stage *stages)
{
	int count = 0;
	for (size_t i = 0; i < scenario_count; i++) {
		const struct scenario *s = &scenarios[i];
		if ((s->flags & (EARLY | HELD)) != flags || !chosen(s))
			continue;
		for (int family = IPV4; family <= MAPPED; family <<= 1) {
			if (!(s->families & options.families & family))
				continue;
			struct stage stage = start_stage(s, (enum family)family);
			if (flags == 0)
				end_stage(&stage);
			else if (count == STAGES_MAX)
				fail("too many stages");
			else
				stages[count++] = stage;
			if (flags)
				wait_ready(&stage);
		}
	}
	return count;
}

/* Process start times are counted from then. */
static long long booted_at_ms(void)
{
	struct timespec now, since;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &since);
	return (now.tv_sec - since.tv_sec) * 1000LL + (now.tv_nsec - since.tv_nsec) / 1000000;
}

static void phase(const char *name)
{
	char line[64];
	say("{\"phase\":\"%s\",\"pid\":%d,\"bootedAtMs\":%lld}", name, getpid(), booted_at_ms());
	if (options.waits && !fgets(line, sizeof(line), stdin))
		_exit(1);
}

static void run_all(void)
{
	struct stage early[STAGES_MAX], held[STAGES_MAX];
	int go[2], end[2];
	must("pipe", pipe2(go, O_CLOEXEC));
	must("pipe", pipe2(end, O_CLOEXEC));
	run.go = go[0];
	run.end = end[0];
	options.go_write = go[1];
	options.end_write = end[1];
	int early_count = start_all(EARLY, early);
	phase("prepared");
	close(go[1]);
	for (int i = 0; i < early_count; i++)
		end_stage(&early[i]);
	int held_count = start_all(HELD, held);
	start_all(0, NULL);
	phase("ran");
	close(end[1]);
	for (int i = 0; i < held_count; i++)
		end_stage(&held[i]);
}

static void list(void)
{
	for (size_t i = 0; i < scenario_count; i++)
		for (int family = IPV4; family <= MAPPED; family <<= 1)
			if (scenarios[i].families & family)
				say("%s %s", scenarios[i].name, family_name((enum family)family));
}

static int families_of(const char *letters)
{
	return (strchr(letters, '4') ? IPV4 : 0) | (strchr(letters, '6') ? IPV6 : 0) | (strchr(letters, 'm') ? MAPPED : 0);
}

static int usage(void)
{
	fputs("usage: wb-traffic [all | NAME ...] [--families 46m] [--seed N] [--processes N] [--connections N]\n"
	      "                  [--seconds N] [--go] [--list]\n", stderr);
	return 2;
}

/* Returns how many words were used, 0 where it is no option. */
static int option(char **words, int left)
{
	if (!strcmp(words[0], "--go"))
		return (options.waits = true, 1);
	if (left < 2)
		return 0;
	if (!strcmp(words[0], "--families"))
		return (options.families = families_of(words[1]), 2);
	if (!strcmp(words[0], "--seed"))
		return (run.seed = strtoull(words[1], NULL, 10), 2);
	if (!strcmp(words[0], "--processes"))
		return (run.processes = atoi(words[1]), 2);
	if (!strcmp(words[0], "--connections"))
		return (run.connections = atoi(words[1]), 2);
	if (!strcmp(words[0], "--seconds"))
		return (options.seconds = atoi(words[1]), 2);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "--child"))
		return child_main(argc - 2, argv + 2);
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return (list(), 0);
	const char *names[argc];
	options.names = names;
	for (int i = 1; i < argc;) {
		int used = strncmp(argv[i], "--", 2) ? 0 : option(argv + i, argc - i);
		if (used == 0 && !strncmp(argv[i], "--", 2))
			return usage();
		if (used == 0)
			names[options.name_count++] = argv[i];
		i += used ? used : 1;
	}
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	alarm((unsigned)options.seconds + 10);
	run_all();
	say("{\"done\":true}");
	return 0;
}
