/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The records that the kernel programs share with src/decode/ebpf-records.ts. Every field is of fixed width, every gap is
 * a named field, and every size is asserted; a test compares each offset with what the compiler wrote into the object's
 * BTF. Addresses are 16 bytes, IPv4 in its v4-mapped form (RFC 4291, 2.5.5.2); ports are in host order; times are
 * nanoseconds of CLOCK_BOOTTIME, which is also what a process's start time is counted in.
 */
#ifndef WIREBOUND_RECORDS_H
#define WIREBOUND_RECORDS_H

/* One socket. `netns` is the inode of its network namespace: cookies are unique per boot only since Linux 5.10. */
struct wb_socket_key {
	__u64 cookie;
	__u32 netns;
	__u32 padding;
};

enum wb_socket_flags {
	WB_EXISTED = 1,	/* it was there before the programs were attached: base_* hold what it had carried (TCP) */
	WB_LATE = 2,	/* first seen late, or a process at it had no room: a lower bound, and what is missing is in wb_loss */
	WB_TLS = 4,	/* kTLS: counted by what the calls returned, as plaintext; what is spliced out of it is not seen */
	WB_RETURNS = 8,	/* counted by a kretprobe, which can lose returns: a lower bound while `calls` is not 0 */
	WB_ACCEPTED = 16,	/* its opener accepted it; unset: its opener created it */
};

struct wb_socket {
	__u64 base_sent;	/* TCP payload of before the first event that was counted to a process */
	__u64 base_received;
	__u64 taken;	/* TCP: bytes that programs had taken from the socket at the last look */
	__u64 written;	/* TCP, where sends are counted by write_seq: its value at the last look */
	__u64 created_ns;
	__u64 closed_ns;	/* 0 while it is open */
	__u64 changed_ns;	/* last event of any kind */
	__u64 opener_start_ns;
	__u32 opener_tgid;	/* 0: not known */
	__u32 uid;
	__u32 inode;	/* of its descriptor; 0: not known */
	__u32 peers;	/* remote ends told apart so far, of an unconnected socket */
	__u16 family;	/* AF_INET or AF_INET6 */
	__u16 protocol;	/* IPPROTO_*; MPTCP is 262 */
	__u16 local_port;
	__u16 remote_port;
	__u8 state;	/* include/net/tcp_states.h; a datagram socket: TCP_ESTABLISHED if connected, else TCP_CLOSE */
	__u8 flags;	/* wb_socket_flags */
	__u16 type;	/* SOCK_STREAM, SOCK_DGRAM, SOCK_RAW … */
	__u32 calls;	/* begun and not yet seen to return, where kretprobes count */
	__u8 local[16];
	__u8 remote[16];
};

/* One process (the actor) at one socket; with a peer where the socket is not connected and the message named one. */
struct wb_bytes_key {
	__u64 cookie;
	__u32 netns;
	__u32 tgid;	/* 0: the kernel's own */
	__u64 start_ns;	/* of the process: the start_boottime of its thread group's leader */
	__u8 peer[16];	/* all zeros: the socket's own remote end */
	__u16 peer_port;
	__u16 padding;
	__u32 padding2;
};

struct wb_bytes {
	__u64 sent;
	__u64 received;
	__u64 changed_ns;
	__u32 parent_tgid;
	__u32 uid;
	__u8 comm[16];	/* of the thread group's leader, when it was first seen here */
};

/* Per CPU: what was seen and could not be kept. Bytes of a failed entry are in lost_*. All cumulative. */
struct wb_loss {
	__u64 sockets_full;	/* no room for a socket */
	__u64 bytes_full;	/* no room for a process at a socket */
	__u64 lost_sent;
	__u64 lost_received;
	__u64 events_full;	/* no room in the ring buffer of events */
	__u64 names_full;	/* no room in the ring buffer of name observations */
	__u64 peers_merged;	/* a remote end that was counted without being told apart */
	__u64 returns_lost;	/* a kretprobe that never came back */
};

enum wb_event_type {
	WB_EXEC = 1,
	WB_FORK = 2,
	WB_EXIT = 3,
	WB_STATE = 4,
};

/* The head of each record of the events ring buffer. */
struct wb_event {
	__u16 type;	/* wb_event_type */
	__u16 size;	/* of the whole record in bytes */
	__u32 tgid;
	__u64 time_ns;
	__u64 start_ns;	/* of the process */
	__u32 parent_tgid;
	__u32 uid;
	__u64 parent_start_ns;
};

#define WB_FILENAME_MAX 256
#define WB_ARGUMENTS_MAX 2048

/*
 * Followed by the file that was started, as it was named (of a script: its interpreter, as the script names it), then the
 * arguments, each ended by a NUL.
 */
struct wb_exec {
	struct wb_event event;
	__u32 arguments_length;	/* before it was cut */
	__u16 filename_size;	/* with its NUL; WB_FILENAME_MAX if it was cut */
	__u16 arguments_size;
	__u8 comm[16];
};

struct wb_exit {
	struct wb_event event;
	__u32 code;	/* as wait(2) tells it */
	__u32 padding;
};

struct wb_state {
	struct wb_event event;	/* of the process in whose context it happened; tgid 0 in an interrupt */
	__u64 cookie;
	__u32 netns;
	__u16 family;
	__u16 protocol;
	__u16 local_port;
	__u16 remote_port;
	__u8 old_state;
	__u8 new_state;
	__u16 padding;
	__u8 local[16];
	__u8 remote[16];
};

enum wb_name_type {
	WB_DNS_UDP = 1,	/* a datagram from port 53 */
	WB_DNS_TCP = 2,	/* a segment from port 53 */
	WB_CLIENT_HELLO = 3,	/* a segment that begins with a TLS handshake record of type ClientHello */
};

#define WB_PAYLOAD_MAX 2048

/* Followed by the payload. */
struct wb_name {
	__u16 type;	/* wb_name_type */
	__u16 size;	/* of the whole record */
	__u32 payload_length;	/* before it was cut */
	__u64 time_ns;
	__u64 cookie;	/* of the socket here */
	__u32 netns;
	__u16 remote_port;
	__u16 padding;
	__u8 remote[16];	/* the name server; the server of the TLS connection */
};

_Static_assert(sizeof(struct wb_socket_key) == 16, "wb_socket_key");
_Static_assert(sizeof(struct wb_socket) == 128, "wb_socket");
_Static_assert(sizeof(struct wb_bytes_key) == 48, "wb_bytes_key");
_Static_assert(sizeof(struct wb_bytes) == 48, "wb_bytes");
_Static_assert(sizeof(struct wb_loss) == 64, "wb_loss");
_Static_assert(sizeof(struct wb_event) == 40, "wb_event");
_Static_assert(sizeof(struct wb_exec) == 64, "wb_exec");
_Static_assert(sizeof(struct wb_exit) == 48, "wb_exit");
_Static_assert(sizeof(struct wb_state) == 96, "wb_state");
_Static_assert(sizeof(struct wb_name) == 48, "wb_name");

#endif
