/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the programs and the command tell each other: src/bin/netdeadline/trace/wire.rs has the same in Rust.
 */
#ifndef ND_TRACE_H
#define ND_TRACE_H

#include "kernel.h"

/* Whose connections are wanted. */
enum mode {
    EVERYONE,
    /* A process, and what it starts from now on. */
    PROCESS,
    /* Threads with a name, or threads of processes with the name. */
    NAME,
};

struct config {
    u32 mode;
    /* PROCESS: the process, as the command's pid namespace numbers it. */
    u32 pid;
    /* The command's pid namespace, where it is not the machine's own; else 0. */
    u64 namespace_device;
    u64 namespace_inode;
    /* Wake the reader when so many bytes wait for it. Before that it comes by itself. */
    u64 wake;
    char name[16];
};

/* Bits of connection.flags. */
#define ACCEPTED 1     /* it was made by the peer */
#define WANTED 2       /* the owner is one whose connections are wanted */
#define IN_CONNECT 4   /* the SYN was sent by a connect() that we saw begin */
#define RETURNED 8     /* ... and that connect() has returned */
#define ENDED 16       /* the socket is closed; all is known but what connect() returns */
#define HALF_HERE 32   /* this end shut down its sending side and went on reading */
#define HALF_THERE 64  /* the peer sent its FIN, and this end went on writing */
#define PEER_FIN 128   /* the peer's FIN was taken */

/* One connection, from its first state to CLOSE. The map holds it while it lives, the ring buffer carries it out. */
struct connection {
    u64 cookie;
    /* CLOCK_MONOTONIC nanoseconds; established is 0 where it never was. */
    u64 began;
    u64 established;
    u64 ended;
    /* The states in their order, 4 bits each, the first one lowest. */
    u64 states;
    u64 bytes_acked;
    u64 bytes_received;
    /* Payload that was sent, without what was sent again. ~0 where the kernel (before 4.19) does not count it. */
    u64 bytes_sent;
    u32 retransmits;
    u32 srtt_us; /* eight times the smoothed round trip */
    u32 pid;
    u32 tid;
    u32 netns;
    u32 flags;
    /* What connect() returned, if RETURNED. */
    s32 connect;
    /* sk_err when it ended. */
    s32 error;
    /* tcp_sock.write_seq when the peer's FIN came. */
    u32 written;
    u16 family;
    u16 sport; /* network byte order, both */
    u16 dport;
    /* The state before CLOSE. */
    u8 last;
    /* How many states. */
    u8 count;
    u8 pad[4];
    u8 saddr[16];
    u8 daddr[16];
    char comm[16];
};

_Static_assert(sizeof(struct config) == 48 && sizeof(struct connection) == 160, "src/bin/netdeadline/trace/wire.rs");

/* What could not be told, in the array `lost`. */
enum {
    LOST_EVENTS,      /* the ring buffer was full */
    LOST_CONNECTIONS, /* the table of connections was full */
    LOST_ACCEPTED,    /* ... when one came in, of whichever process */
    LOST_CALLS,       /* the table of connect() calls was full: no EINPROGRESS column for them */
    OLDER,            /* not lost: connections that ended and had begun before us */
    COUNTERS,
};

#endif
