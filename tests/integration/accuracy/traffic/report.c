/*
 * Lines of JSON on standard output. Each is passed to the kernel by one write, so that those of many processes don't mix.
 */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

const char *family_name(enum family family)
{
	return family == IPV4 ? "ipv4" : family == IPV6 ? "ipv6" : "v4-mapped";
}

/* Field 22 of /proc/self/stat: clock ticks since boot. */
static unsigned long long start_ticks(void)
{
	static pid_t known;
	static unsigned long long ticks;
	if (known == getpid())
		return ticks;
	char text[1024];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return 0;
	text[length] = 0;
	char *field = strrchr(text, ')');
	for (int number = 2; field && number < 22; number++)
		field = strchr(field + 1, ' ');
	known = getpid();
	ticks = field ? strtoull(field, NULL, 10) : 0;
	return ticks;
}

static void write_line(char *line, int length)
{
	if (length >= LINE_MAX_BYTES - 1)
		length = LINE_MAX_BYTES - 2;
	line[length] = '\n';
	for (ssize_t done = 0; done <= length;) {
		ssize_t count = write(STDOUT_FILENO, line + done, (size_t)(length + 1 - done));
		if (count < 0 && errno != EINTR)
			_exit(13);
		if (count > 0)
			done += count;
	}
}

static int head(char *line)
{
	return snprintf(line, LINE_MAX_BYTES,
			"{\"scenario\":\"%s\",\"family\":\"%s\",\"role\":\"%s\",\"pid\":%d,\"startTicks\":%llu",
			run.scenario ? run.scenario->name : "", family_name(run.family), run.role, getpid(),
			start_ticks());
}

/* As the product writes it: an IPv4 address in IPv6 form is written as IPv4. */
static const char *text_of(const struct sockaddr_storage *address, int *port)
{
	static char texts[2][INET6_ADDRSTRLEN];
	static int turn;
	char *text = texts[turn ^= 1];
	*port = 0;
	if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
		*port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			return inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], text, INET6_ADDRSTRLEN);
		return inet_ntop(AF_INET6, &in6->sin6_addr, text, INET6_ADDRSTRLEN);
	}
	if (address->ss_family != AF_INET)
		return run.family == IPV4 ? "0.0.0.0" : "::";
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	*port = ntohs(in->sin_port);
	return inet_ntop(AF_INET, &in->sin_addr, text, INET6_ADDRSTRLEN);
}

/* The kernel's own view of a TCP socket, from TCP_INFO: payload sent, and received with the FIN counted as one. */
static int kernel_view(char *line, size_t room, const struct tally *t)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);
	if (strcmp(t->protocol, "tcp") || getsockopt(t->fd, IPPROTO_TCP, TCP_INFO, &info, &length) ||
	    length < offsetof(struct tcp_info, tcpi_bytes_retrans) + 8)
		return 0;
	return snprintf(line, room, ",\"kernelSent\":%llu,\"kernelReceived\":%llu",
			(unsigned long long)(info.tcpi_bytes_sent - info.tcpi_bytes_retrans),
			(unsigned long long)info.tcpi_bytes_received);
}

static void report_part(const struct tally *t, const struct peer *peer, uint64_t out, uint64_t in)
{
	char line[LINE_MAX_BYTES];
	int local_port, remote_port, peer_port = 0;
	const char *local = text_of(&t->local, &local_port);
	int length = head(line);
	length += snprintf(line + length, LINE_MAX_BYTES - (size_t)length,
			   ",\"protocol\":\"%s\",\"local\":\"%s\",\"localPort\":%d", t->protocol, local, local_port);
	const char *remote = text_of(&t->remote, &remote_port);
	length += snprintf(line + length, LINE_MAX_BYTES - (size_t)length, ",\"remote\":\"%s\",\"remotePort\":%d",
			   remote, remote_port);
	if (peer) {
		const char *text = text_of(&peer->name, &peer_port);
		length += snprintf(line + length, LINE_MAX_BYTES - (size_t)length,
				   ",\"peer\":\"%s\",\"peerPort\":%d", text, peer_port);
	}
	length += snprintf(line + length, LINE_MAX_BYTES - (size_t)length,
			   ",\"cookie\":\"%llu\",\"netns\":%llu,\"sent\":%llu,\"received\":%llu",
			   (unsigned long long)t->cookie, (unsigned long long)t->netns, (unsigned long long)out,
			   (unsigned long long)in);
	if (!peer)
		length += kernel_view(line + length, LINE_MAX_BYTES - (size_t)length, t);
	length += snprintf(line + length, LINE_MAX_BYTES - (size_t)length, "}");
	write_line(line, length);
}

/* A line per remote end that was named, and one for what was not; call it while the socket is open. */
void report(struct tally *t)
{
	uint64_t out = t->sent, in = t->received;
	for (int i = 0; i < t->peer_count; i++) {
		report_part(t, &t->peers[i], t->peers[i].sent, t->peers[i].received);
		out -= t->peers[i].sent;
		in -= t->peers[i].received;
	}
	if (t->peer_count == 0 || out || in)
		report_part(t, NULL, out, in);
}

/* Traffic of a socket that is none of the network's. */
void report_uncounted(int fd, const char *protocol, uint64_t out, uint64_t in)
{
	char line[LINE_MAX_BYTES];
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
	int length = head(line);
	length += snprintf(line + length, LINE_MAX_BYTES - (size_t)length,
			   ",\"uncounted\":\"%s\",\"cookie\":\"%llu\",\"sent\":%llu,\"received\":%llu}", protocol,
			   (unsigned long long)cookie, (unsigned long long)out, (unsigned long long)in);
	write_line(line, length);
}

/* A line of its own that belongs to no process and no scenario. */
void say(const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(line, LINE_MAX_BYTES, format, arguments);
	va_end(arguments);
	write_line(line, length);
}

/* A line of this process with one text; quotes and control characters in it become spaces. */
void say_raw(const char *key, const char *value)
{
	char line[LINE_MAX_BYTES], text[512];
	size_t used = 0;
	for (; value[used] && used < sizeof(text) - 1; used++)
		text[used] = value[used] < ' ' || value[used] == '"' || value[used] == '\\' ? ' ' : value[used];
	text[used] = 0;
	int length = head(line);
	length += snprintf(line + length, LINE_MAX_BYTES - (size_t)length, ",\"%s\":\"%s\"}", key, text);
	write_line(line, length);
}

static void say_formatted(const char *key, const char *format, va_list arguments)
{
	char text[512];
	vsnprintf(text, sizeof(text), format, arguments);
	say_raw(key, text);
}

/*
 * The traffic itself went wrong: nothing can be said of the capture. Where the other role ended because something is
 * unsupported, this one sees a broken connection: the stage ends it before it complains.
 */
_Noreturn void fail(const char *format, ...)
{
	va_list arguments;
	int error = errno;
	usleep(300000);
	errno = error;
	va_start(arguments, format);
	say_formatted("failed", format, arguments);
	va_end(arguments);
	_exit(10);
}

/* This kernel or machine refuses what the scenario needs. */
_Noreturn void unsupported(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say_formatted("unsupported", format, arguments);
	va_end(arguments);
	_exit(11);
}

/* The other role has gone, and has said why. */
_Noreturn void abandon(void)
{
	say_raw("abandoned", "the other process ended");
	_exit(12);
}

long must(const char *what, long result)
{
	if (result < 0)
		fail("%s: %s", what, strerror(errno));
	return result;
}
