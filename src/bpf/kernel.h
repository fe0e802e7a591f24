/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel's types, as far as trace.bpf.c reads them, and the helpers that it calls.
 *
 * Written by hand, no vmlinux.h: a struct here names only the members that are read. Where a member lies is not said by this
 * file: each access is recorded (preserve_access_index) and the loader puts in what the running kernel's own BTF says. So the
 * order and the neighbours here mean nothing; names and kinds do. What the programs do with it does not belong here.
 */
#ifndef ND_KERNEL_H
#define ND_KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#define RELOCATED __attribute__((preserve_access_index))

struct in6_addr {
    union {
        u8 u6_addr8[16];
    } in6_u;
} RELOCATED;

struct ns_common {
    u32 inum;
} RELOCATED;

struct net {
    struct ns_common ns;
} RELOCATED;

typedef struct {
    struct net *net;
} RELOCATED possible_net_t;

typedef struct {
    s64 counter;
} RELOCATED atomic64_t;

struct sock_common {
    u16 skc_family;
    u16 skc_dport;
    u32 skc_daddr;
    u32 skc_rcv_saddr;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
    possible_net_t skc_net;
    atomic64_t skc_cookie;
    unsigned long skc_flags;
} RELOCATED;

struct sock {
    struct sock_common __sk_common;
    u16 sk_protocol;
    u8 sk_shutdown;
    int sk_err;
} RELOCATED;

struct inet_sock {
    u16 inet_sport;
} RELOCATED;

struct tcp_sock {
    u32 write_seq;
    u32 total_retrans;
    u32 srtt_us;
    u64 bytes_received;
    u64 bytes_acked;
    u64 bytes_sent;
    u64 bytes_retrans;
} RELOCATED;

/* include/net/sock.h: bits of skc_flags. SOCK_DONE: the peer's FIN has been taken (tcp_fin). */
enum sock_flags {
    SOCK_DEAD,
    SOCK_DONE,
};

struct socket {
    struct sock *sk;
} RELOCATED;

struct file {
    void *private_data;
} RELOCATED;

struct fdtable {
    struct file **fd;
} RELOCATED;

struct files_struct {
    struct fdtable *fdt;
} RELOCATED;

struct task_struct {
    int pid;
    int tgid;
    char comm[16];
    struct task_struct *group_leader;
    struct files_struct *files;
} RELOCATED;

/* include/net/tcp_states.h */
enum {
    TCP_ESTABLISHED = 1,
    TCP_SYN_SENT,
    TCP_SYN_RECV,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_TIME_WAIT,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_LAST_ACK,
    TCP_LISTEN,
    TCP_CLOSING,
};

/* What the kernel promises by number (include/uapi): no relocation. */
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define RCV_SHUTDOWN 1 /* include/net/sock.h; not uapi, and the same since 1.3 */

struct bpf_pidns_info {
    u32 pid;
    u32 tgid;
};

/* A syscall tracepoint's record: include/trace/events/syscalls.h, and each event's `format` file. */
struct sys_exit {
    u64 common;
    s64 nr;
    s64 ret;
};

#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_MAP_TYPE_RINGBUF 27
#define BPF_ANY 0
#define BPF_NOEXIST 1
#define BPF_RB_NO_WAKEUP 1
#define BPF_RB_FORCE_WAKEUP 2
#define BPF_RB_AVAIL_DATA 0

/* Numbers of enum bpf_func_id, include/uapi/linux/bpf.h. */
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_get_current_comm)(void *buf, u32 size) = (void *)16;
static u64 (*bpf_get_current_task)(void) = (void *)35;
static u64 (*bpf_get_socket_cookie)(void *sk) = (void *)46;
static long (*bpf_probe_read_kernel)(void *dst, u32 size, const void *unsafe_ptr) = (void *)113;
static long (*bpf_get_ns_current_pid_tgid)(u64 dev, u64 ino, struct bpf_pidns_info *info, u32 size) = (void *)120;
static void *(*bpf_ringbuf_reserve)(void *ringbuf, u64 size, u64 flags) = (void *)131;
static void (*bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
static u64 (*bpf_ringbuf_query)(void *ringbuf, u64 flags) = (void *)134;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

/* The shape of a map, for the loader: types and numbers travel as BTF. */
#define UINT(name, value) int (*name)[value]
#define TYPE(name, type) type *name

/* Copy a member from an object that we have no right to follow directly. The place is relocated, a fault reads zero. */
#define READ(to, object, member) \
    bpf_probe_read_kernel(&(to), sizeof(to), __builtin_preserve_access_index(&(object)->member))

/* Does the running kernel have the member? */
#define HAS(type, member) __builtin_preserve_field_info(((type *)0)->member, 2 /* FIELD_EXISTS */)

#endif
