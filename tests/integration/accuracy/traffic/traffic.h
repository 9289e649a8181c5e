/*
 * wb-traffic: known traffic in every way that a program can send and receive, told byte by byte. What a process passed
 * to send-like calls and took from receive-like calls is the sum of what the calls returned; one line of JSON per
 * process and socket (and remote end, where a socket is not connected) says so. Everything is bounded in time and count.
 *
 * main.c starts a stage per scenario and family, the stage (stage.c) starts a server and a client, and these talk in one
 * of the shapes of shapes.c by the methods that table.c names.
 */
#ifndef WB_TRAFFIC_H
#define WB_TRAFFIC_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum family { IPV4 = 1, IPV6 = 2, MAPPED = 4 };

#define BOTH (IPV4 | IPV6)
#define EVERY (IPV4 | IPV6 | MAPPED)
#define PEERS_MAX 8
#define SPACES_MAX 3

enum flags {
	EARLY = 1,	/* prepared before the capture begins, goes on at `go` */
	HELD = 2,	/* stays open until `end` */
	DATAGRAM = 4,
};

/* A remote end of a socket that is not connected to it. */
struct peer {
	struct sockaddr_storage name;
	uint64_t sent;
	uint64_t received;
};

/* One socket as one process counts it. The counts are changed atomically: threads may share a socket. */
struct tally {
	int fd;
	const char *protocol;
	size_t chunk;	/* how much is passed to one call */
	uint64_t cookie;
	uint64_t netns;
	uint64_t sent;
	uint64_t received;
	struct sockaddr_storage local;
	struct sockaddr_storage remote;
	int peer_count;
	struct peer peers[PEERS_MAX];
};

struct scenario {
	const char *name;
	int families;
	int flags;
	/* Before server and client are started: namespaces and their settings. */
	void (*stage)(void);
	/* What both do; `server` says which one it is. */
	void (*shape)(bool server);
	/* The shapes of shapes.c ask these. */
	void (*prepare)(struct tally *, bool server);
	void (*send)(struct tally *, size_t bytes);
	void (*receive)(struct tally *, size_t bytes);
	void (*serve)(struct tally *);
	void (*use)(struct tally *);
	int type;
	int protocol;
	const char *protocol_name;
	int rounds;
	size_t bytes;	/* of a round, about: the seed decides */
	int seconds;	/* at most; 0: the usual */
};

/* What one process knows of the run it is part of. */
struct run {
	const struct scenario *scenario;
	enum family family;
	const char *role;
	const char *address;	/* of the server, as the client reaches it */
	uint64_t seed;
	int sync;	/* AF_UNIX, to the other role */
	int spaces[SPACES_MAX];	/* namespaces: the server's, the client's, a third one; -1 where there is none */
	int go;
	int end;
	int ready;
	int processes;
	int connections;
};

extern struct run run;
extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* report.c: lines of JSON, each by one write. */
void report(struct tally *t);
void report_uncounted(int fd, const char *protocol, uint64_t sent, uint64_t received);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_raw(const char *key, const char *value);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void unsupported(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void abandon(void);
long must(const char *what, long result);
const char *family_name(enum family family);

/* tally.c */
void tally_open(struct tally *t, int fd);
void tally_ends(struct tally *t);
ssize_t sent(struct tally *t, ssize_t result);
ssize_t received(struct tally *t, ssize_t result);
ssize_t sent_to(struct tally *t, ssize_t result, const struct sockaddr_storage *peer);
ssize_t received_from(struct tally *t, ssize_t result, const struct sockaddr_storage *peer);
size_t size(int round);
size_t least(size_t one, size_t other);
char *payload(void);
char *scratch(void);
#define BUFFER_BYTES (1024 * 1024)

/* sockets.c: opening, and the other role. */
pid_t start_process(int seconds);
void wait_process(pid_t pid, const char *who);
void tell(const void *bytes, size_t length);
void hear(void *bytes, size_t length);
void meet(void);
void wait_for_go(void);
void wait_for_end(void);
socklen_t make_address(struct sockaddr_storage *to, const char *text, int port);
socklen_t address_length(const struct sockaddr_storage *address);
const char *loopback(enum family family);
int open_socket(int type, int protocol);
int bound_socket(int type, int protocol, const char *address, int port);
int port_of(int fd);
int listen_on(const char *address, int port);
int connect_to(const char *address, int port);
int connect_from(const char *from, const char *address, int port);
int accept_one(int listener);
void set_option(int fd, int level, int name, int value);
bool try_option(int fd, int level, int name, int value);

/* shapes.c */
void stream_shape(bool server);
void datagram_shape(bool server);
void stream_open(struct tally *t, bool server);
void datagram_open(struct tally *t, bool server);
void converse(struct tally *t, bool server);
void finish(struct tally *t);

/* methods.c: ways to send and receive exactly so many bytes. */
void by_send(struct tally *, size_t);
void by_recv(struct tally *, size_t);
void by_write(struct tally *, size_t);
void by_read(struct tally *, size_t);
void by_writev(struct tally *, size_t);
void by_readv(struct tally *, size_t);
void by_pwritev2(struct tally *, size_t);
void by_preadv2(struct tally *, size_t);
void by_sendmsg(struct tally *, size_t);
void by_recvmsg(struct tally *, size_t);
void by_sendmmsg(struct tally *, size_t);
void by_recvmmsg(struct tally *, size_t);
void by_trying_send(struct tally *, size_t);
void by_trying_recv(struct tally *, size_t);
void by_more(struct tally *, size_t);
void by_peek(struct tally *, size_t);
void by_waitall(struct tally *, size_t);
void by_trunc(struct tally *, size_t);
void by_peek_trunc(struct tally *, size_t);
void small_buffer(struct tally *, bool server);

/* paths.c: ways around the ordinary calls. */
void by_sendfile(struct tally *, size_t);
void by_splice_in(struct tally *, size_t);
void by_splice_out(struct tally *, size_t);
void by_vmsplice(struct tally *, size_t);
void by_zerocopy(struct tally *, size_t);
void by_zerocopy_receive(struct tally *, size_t);
void allow_zerocopy(struct tally *, bool server);
void tee_serve(struct tally *);
void tee_use(struct tally *);
void oob_serve(struct tally *);
void oob_use(struct tally *);
void fast_open_shape(bool server);
void fast_open_stage(void);

/* tls.c */
void tls12(struct tally *, bool server);
void tls13(struct tally *, bool server);
void tls_out_serve(struct tally *);
void tls_out_use(struct tally *);

/* uring.c and uring-ways.c */
void by_uring_send(struct tally *, size_t);
void by_uring_recv(struct tally *, size_t);
void by_uring_sendmsg(struct tally *, size_t);
void by_uring_recvmsg(struct tally *, size_t);
void by_uring_write(struct tally *, size_t);
void by_uring_read(struct tally *, size_t);
void by_uring_write_fixed(struct tally *, size_t);
void by_uring_read_fixed(struct tally *, size_t);
void by_uring_send_async(struct tally *, size_t);
void by_uring_recv_async(struct tally *, size_t);
void by_uring_send_zc(struct tally *, size_t);
void by_uring_recv_multishot(struct tally *, size_t);
void by_uring_splice_in(struct tally *, size_t);
void by_uring_splice_out(struct tally *, size_t);
void uring_ready(struct tally *, bool server);
void uring_polled(struct tally *, bool server);

/* closing.c: many connections, and ways of ending them. */
void short_connections_shape(bool server);
void parallel_shape(bool server);
void unread_serve(struct tally *);
void unread_use(struct tally *);
void reset_serve(struct tally *);
void reset_use(struct tally *);
void half_close_serve(struct tally *);
void half_close_use(struct tally *);
void no_payload(struct tally *);
void refused_shape(bool server);
void stream_reconnected_shape(bool server);
void blocked_reader_shape(bool server);
void existing_shape(bool server);
void idle_shape(bool server);
void mass_shape(bool server);

/* datagrams.c */
void corked(struct tally *, size_t);
void with_segments(struct tally *, size_t);
void with_segments_of_message(struct tally *, size_t);
void wants_coalesced(struct tally *, bool server);
void peers_shape(bool server);
void peers_by_message_shape(bool server);
void peers_by_messages_shape(bool server);
void unnamed_shape(bool server);
void flood_shape(bool server);
void zero_length_serve(struct tally *);
void zero_length_use(struct tally *);
void truncated_serve(struct tally *);
void truncated_use(struct tally *);
void error_queue_shape(bool server);
void reconnected_shape(bool server);
void elsewhere_shape(bool server);

/* processes.c */
void inherited_serve(struct tally *);
void passed_serve(struct tally *);
void taken_serve(struct tally *);
void duplicated_serve(struct tally *);
void two_parts_use(struct tally *);
void executed_serve(struct tally *);
void threads_serve(struct tally *);
void threads_use(struct tally *);
void threads_each_shape(bool server);
void short_lived_shape(bool server);
void short_lived_datagram_shape(bool server);
int child_main(int argc, char **argv);

/* namespaces.c, and netlink.c below it */
void own_space_stage(void);
void veth_stage(void);
void nat_stage(void);
void nat_datagram_shape(bool server);
void twins_stage(void);
void twins_shape(bool server);
void multicast_shape(bool server);
void broadcast_shape(bool server);
int new_space(void);
void enter_space(int space);
void write_setting(const char *path, const char *text);
void link_up(const char *name);
void add_veth(const char *name, const char *peer, int peer_space);
void add_address(const char *device, const char *address, int prefix);
void add_default_route(const char *gateway);
void add_masquerade(bool ipv6);

/* others.c: what is neither TCP nor UDP */
void ping_stage(void);
void ping_shape(bool server);
void raw_shape(bool server);
void header_shape(bool server);
void uncounted_shape(bool server);

#endif
