/*
 * Opening sockets, starting processes that can't outlive their time, and the AF_UNIX pair by which the two roles keep step.
 */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* A fork whose child dies with its parent, and by SIGALRM after so many seconds. */
pid_t start_process(int seconds)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (pid == 0) {
		alarm((unsigned)seconds);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(13);
	}
	return pid;
}

/* A process that ends badly without having said why makes this one fail; one that said why ends this one quietly. */
void wait_process(pid_t pid, const char *who)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail("waitpid: %s", strerror(errno));
	if (WIFSIGNALED(status))
		fail("%s was ended by signal %d%s", who, WTERMSIG(status),
		     WTERMSIG(status) == SIGALRM ? ": out of time" : "");
	if (WEXITSTATUS(status) == 10 || WEXITSTATUS(status) == 11)
		abandon();
	if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 12)
		fail("%s ended with %d", who, WEXITSTATUS(status));
}

void tell(const void *bytes, size_t length)
{
	if (send(run.sync, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
		abandon();
}

void hear(void *bytes, size_t length)
{
	if (recv(run.sync, bytes, length, MSG_WAITALL) != (ssize_t)length)
		abandon();
}

/* Returns when the other role is here too. */
void meet(void)
{
	char byte = 'm';
	tell(&byte, 1);
	hear(&byte, 1);
}

static void wait_for_close(int fd)
{
	char byte;
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

/* Says that this process is prepared, and waits until the capture watches. */
void wait_for_go(void)
{
	must("ready", write(run.ready, "r", 1));
	wait_for_close(run.go);
}

/* Waits until the capture has seen enough. */
void wait_for_end(void)
{
	must("ready", write(run.ready, "h", 1));
	wait_for_close(run.end);
}

socklen_t make_address(struct sockaddr_storage *to, const char *text, int port)
{
	memset(to, 0, sizeof(*to));
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	if (strchr(text, ':')) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
			fail("%s is no address", text);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, text, &in->sin_addr) != 1)
		fail("%s is no address", text);
	return sizeof(*in);
}

socklen_t address_length(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

const char *loopback(enum family family)
{
	return family == IPV4 ? "127.0.0.1" : family == IPV6 ? "::1" : "::ffff:127.0.0.1";
}

void set_option(int fd, int level, int name, int value)
{
	if (!try_option(fd, level, name, value))
		fail("setsockopt %d %d: %s", level, name, strerror(errno));
}

bool try_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

int open_socket(int type, int protocol)
{
	int fd = socket(run.family == IPV4 ? AF_INET : AF_INET6, type, protocol);
	if (fd < 0 && (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT || errno == ENOPROTOOPT ||
		       errno == EAFNOSUPPORT || errno == EACCES || errno == EPERM || errno == EINVAL))
		unsupported("socket(%d, %d): %s", type, protocol, strerror(errno));
	must("socket", fd);
	if (run.family != IPV4 && type != SOCK_RAW)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	return fd;
}

int bound_socket(int type, int protocol, const char *address, int port)
{
	int fd = open_socket(type, protocol);
	struct sockaddr_storage name;
	socklen_t length = make_address(&name, address, port);
	if (type == SOCK_STREAM)
		set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (struct sockaddr *)&name, length)) {
		if (errno == EADDRNOTAVAIL)
			unsupported("bind to %s: %s", address, strerror(errno));
		fail("bind to %s: %s", address, strerror(errno));
	}
	return fd;
}

int port_of(int fd)
{
	struct sockaddr_storage name = { 0 };
	socklen_t length = sizeof(name);
	must("getsockname", getsockname(fd, (struct sockaddr *)&name, &length));
	return ntohs(((struct sockaddr_in *)&name)->sin_port);
}

int listen_on(const char *address, int port)
{
	int fd = bound_socket(SOCK_STREAM, run.scenario->protocol, address, port);
	if (listen(fd, 512)) {
		if (errno == EOPNOTSUPP || errno == EPERM)
			unsupported("listen: %s", strerror(errno));
		fail("listen: %s", strerror(errno));
	}
	return fd;
}

int connect_from(const char *from, const char *address, int port)
{
	int fd = open_socket(SOCK_STREAM, run.scenario->protocol);
	struct sockaddr_storage name;
	if (from) {
		socklen_t own = make_address(&name, from, 0);
		try_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		must("bind", bind(fd, (struct sockaddr *)&name, own));
	}
	socklen_t length = make_address(&name, address, port);
	must("connect", connect(fd, (struct sockaddr *)&name, length));
	return fd;
}

int connect_to(const char *address, int port)
{
	return connect_from(NULL, address, port);
}

int accept_one(int listener)
{
	return (int)must("accept", accept(listener, NULL, NULL));
}
