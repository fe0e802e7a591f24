/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The lives of TCP connections, as the kernel sees them: what `netdeadline trace` loads.
 *
 * A connection is known by its socket's cookie, which SO_COOKIE gives to the program as well. The cookie can be asked for in
 * tp_btf/inet_sock_set_state only, so connect() is tied to it by the task: sys_enter_connect opens an entry for the thread,
 * CLOSE to SYN_SENT in the same thread writes the cookie into it, sys_exit_connect finds the connection by it.
 *
 * Whatever the machine's state, a program here must not loop, sleep or lose track silently: the maps are bounded, and what
 * finds no room is counted. Nothing is read of what a connection carries. Words, columns and verdicts are the command's.
 *
 * Kernel sources named here are those of Linux 6.18. `./build` makes trace.bpf.o, which is committed.
 */
#include "trace.h"

/* bpf_probe_read_kernel and bpf_ktime_get_ns are for programs under the GPL. */
SEC("license") char licensed[] = "Dual MIT/GPL";

const volatile struct config config = {};

struct {
    UINT(type, BPF_MAP_TYPE_HASH);
    UINT(max_entries, 65536); /* the command may ask for another number */
    TYPE(key, u64);
    TYPE(value, struct connection);
} connections SEC(".maps");

/* connect() calls under way: thread to cookie, 0 until there is one. */
struct {
    UINT(type, BPF_MAP_TYPE_HASH);
    UINT(max_entries, 16384);
    TYPE(key, u64);
    TYPE(value, u64);
} calls SEC(".maps");

/* PROCESS: the processes that are wanted, as the machine numbers them. */
struct {
    UINT(type, BPF_MAP_TYPE_HASH);
    UINT(max_entries, 16384);
    TYPE(key, u32);
    TYPE(value, u8);
} followed SEC(".maps");

struct {
    UINT(type, BPF_MAP_TYPE_RINGBUF);
    UINT(max_entries, 16777216); /* the command may ask for another size */
} events SEC(".maps");

struct {
    UINT(type, BPF_MAP_TYPE_ARRAY);
    UINT(max_entries, COUNTERS);
    TYPE(key, u32);
    TYPE(value, u64);
} lost SEC(".maps");

INLINE void count(u32 which) {
    u64 *counter = bpf_map_lookup_elem(&lost, &which);
    if (counter)
        __sync_fetch_and_add(counter, 1);
}

/* ---- Whose it is ------------------------------------------------------------------------------------------------------- */

/* The thread that runs now as the command's pid namespace numbers it: 0 if it is in another one. */
INLINE struct bpf_pidns_info current(void) {
    u64 both = bpf_get_current_pid_tgid();
    struct bpf_pidns_info info = {.pid = (u32)both, .tgid = both >> 32};
    if (config.namespace_inode &&
        bpf_get_ns_current_pid_tgid(config.namespace_device, config.namespace_inode, &info, sizeof info))
        info.pid = info.tgid = 0;
    return info;
}

INLINE int named(const char *comm) {
    const u64 *mine = (const u64 *)comm;
    const volatile u64 *wanted = (const volatile u64 *)config.name;
    return mine[0] == wanted[0] && mine[1] == wanted[1];
}

/* Are the connections of the thread that runs now wanted? */
INLINE int wanted(void) {
    if (config.mode == EVERYONE)
        return 1;
    if (config.mode == NAME) {
        u64 comm[2] = {};
        bpf_get_current_comm(comm, sizeof comm);
        if (named((char *)comm))
            return 1;
        struct task_struct *task = (void *)bpf_get_current_task(), *leader;
        READ(leader, task, group_leader);
        READ(comm, leader, comm);
        return named((char *)comm);
    }
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    if (bpf_map_lookup_elem(&followed, &tgid))
        return 1;
    if (current().tgid != config.pid)
        return 0;
    u8 yes = 1;
    bpf_map_update_elem(&followed, &tgid, &yes, BPF_ANY);
    return 1;
}

INLINE void own(struct connection *c) {
    struct bpf_pidns_info us = current();
    c->pid = us.tgid;
    c->tid = us.pid;
    bpf_get_current_comm(c->comm, sizeof c->comm);
}

/* What a followed process starts is followed. The parent is the one that runs. */
SEC("tp_btf/sched_process_fork")
int forked(u64 *ctx) {
    struct task_struct *child = (void *)ctx[1];
    u32 tgid = child->tgid;
    /* A thread is no new process. */
    if (tgid == (u32)(bpf_get_current_pid_tgid() >> 32) || !wanted())
        return 0;
    u8 yes = 1;
    bpf_map_update_elem(&followed, &tgid, &yes, BPF_ANY);
    return 0;
}

/* The leader is freed last, and after its sockets; its number may come again. */
SEC("tp_btf/sched_process_free")
int freed(u64 *ctx) {
    struct task_struct *task = (void *)ctx[0];
    u32 tgid = task->tgid;
    if ((u32)task->pid == tgid)
        bpf_map_delete_elem(&followed, &tgid);
    return 0;
}

/* ---- What is told ------------------------------------------------------------------------------------------------------ */

/* Tell of it and forget it. */
INLINE void finish(struct connection *c) {
    u64 cookie = c->cookie;
    if (c->flags & WANTED) {
        struct connection *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
        if (event) {
            __builtin_memcpy(event, c, sizeof *event);
            /* Waking costs more than all the rest: the reader looks by itself, unless it falls behind. */
            u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
            bpf_ringbuf_submit(event, waiting < config.wake ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
        } else {
            count(LOST_EVENTS);
        }
    }
    bpf_map_delete_elem(&connections, &cookie);
}

INLINE void passed(struct connection *c, u8 state) {
    if (c->count < 16) {
        c->states |= (u64)state << (4 * c->count);
        c->count++;
    }
}

INLINE void read_addresses(struct connection *c, struct sock *sk) {
    c->family = sk->__sk_common.skc_family;
    c->dport = sk->__sk_common.skc_dport;
    READ(c->sport, (struct inet_sock *)sk, inet_sport);
    if (c->family == AF_INET6) {
        READ(c->saddr, sk, __sk_common.skc_v6_rcv_saddr);
        READ(c->daddr, sk, __sk_common.skc_v6_daddr);
    } else {
        *(u32 *)c->saddr = sk->__sk_common.skc_rcv_saddr;
        *(u32 *)c->daddr = sk->__sk_common.skc_daddr;
    }
}

/* ---- The life of a socket ---------------------------------------------------------------------------------------------- */

INLINE void begin(struct sock *sk, u64 cookie, u8 state) {
    struct connection c = {.cookie = cookie, .began = bpf_ktime_get_ns()};
    u64 thread = bpf_get_current_pid_tgid();
    u64 *call = 0;
    if (state == TCP_SYN_RECV) {
        /* In whoever's time the ACK arrived: accept() says whose it is. */
        c.flags = config.mode == EVERYONE ? ACCEPTED | WANTED : ACCEPTED;
    } else {
        if (!wanted())
            return;
        own(&c);
        c.flags = WANTED;
        call = bpf_map_lookup_elem(&calls, &thread);
        if (call)
            c.flags |= IN_CONNECT;
    }
    read_addresses(&c, sk);
    struct net *net = sk->__sk_common.skc_net.net;
    READ(c.netns, net, ns.inum);
    passed(&c, state);
    if (bpf_map_update_elem(&connections, &cookie, &c, BPF_ANY))
        count(c.flags & WANTED ? LOST_CONNECTIONS : LOST_ACCEPTED);
    else if (call)
        *call = cookie;
}

INLINE void end(struct connection *c, struct sock *sk, u8 last) {
    struct tcp_sock *tp = (struct tcp_sock *)sk;
    unsigned long flags = sk->__sk_common.skc_flags;
    c->ended = bpf_ktime_get_ns();
    c->last = last;
    c->error = sk->sk_err;
    /* The port is chosen after SYN_SENT is set (tcp_v4_connect); one that fails never shows it before. */
    if (!c->sport)
        read_addresses(c, sk);
    READ(c->bytes_acked, tp, bytes_acked);
    READ(c->bytes_received, tp, bytes_received);
    c->bytes_sent = ~0ULL;
    if (HAS(struct tcp_sock, bytes_sent)) {
        u64 sent = 0, again = 0;
        READ(sent, tp, bytes_sent);
        READ(again, tp, bytes_retrans);
        c->bytes_sent = sent - again;
    }
    READ(c->retransmits, tp, total_retrans);
    READ(c->srtt_us, tp, srtt_us);
    u32 news = flags >> __builtin_preserve_enum_value(*(typeof(enum sock_flags) *)SOCK_DONE, 1 /* VALUE */) & 1
                   ? ENDED | PEER_FIN
                   : ENDED;
    /*
     * A connect() that has not returned has the last word, since what it returns is a column. Both ends of this race are
     * full barriers, and whoever comes second tells.
     */
    u32 before = __sync_fetch_and_or(&c->flags, news);
    if (!(before & IN_CONNECT) || before & RETURNED)
        finish(c);
}

INLINE void change(struct sock *sk, u8 old, u8 state) {
    u64 cookie = bpf_get_socket_cookie(sk);
    struct connection *c = bpf_map_lookup_elem(&connections, &cookie);
    if (old == TCP_CLOSE || old == TCP_LISTEN) {
        /* One that is there is the same (see below), or an earlier one of this socket whose connect() has not returned. */
        if (!c || c->flags & ENDED || c->count > 1)
            begin(sk, cookie, state);
        return;
    }
    if (!c) {
        if (state == TCP_CLOSE && config.mode == EVERYONE)
            count(OLDER);
        return;
    }
    if (c->flags & ENDED || (c->count < 16 && c->states >> (4 * (c->count - 1)) == state))
        return;
    struct tcp_sock *tp = (struct tcp_sock *)sk;
    u32 written = 0;
    switch (state) {
    case TCP_CLOSE:
        end(c, sk, old);
        return;
    case TCP_ESTABLISHED:
        c->established = bpf_ktime_get_ns();
        read_addresses(c, sk);
        break;
    case TCP_CLOSE_WAIT:
        READ(c->written, tp, write_seq);
        break;
    case TCP_LAST_ACK:
        READ(written, tp, write_seq);
        if (written != c->written)
            __sync_fetch_and_or(&c->flags, HALF_THERE);
        break;
    case TCP_FIN_WAIT1:
        /* close() has shut both sides down before it comes here (__tcp_close), shutdown(SHUT_WR) has not. */
        if (!(sk->sk_shutdown & RCV_SHUTDOWN))
            __sync_fetch_and_or(&c->flags, HALF_HERE);
        break;
    }
    /* The program's own call leads here: where accept() could not tell, this is the owner. */
    if ((state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK) && !c->pid) {
        own(c);
        if (wanted())
            __sync_fetch_and_or(&c->flags, WANTED);
    }
    passed(c, state);
}

/*
 * The kernel does not run a program where that is running already: on this CPU, in a thread whose time a packet's arrival has
 * taken (bpf_trace_run). Of two programs that do the same only one can be running then, since soft interrupts do not interrupt
 * each other. So each change comes twice, and the second time is dropped: mostly by what the first has left in `done`, and where
 * another change came between them because the connection is in that state already.
 */
struct done {
    u64 socket;
    u32 change;
    u32 pad;
};

struct {
    UINT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    UINT(max_entries, 1);
    TYPE(key, u32);
    TYPE(value, struct done);
} done SEC(".maps");

INLINE int changed(u64 *ctx, int again) {
    struct sock *sk = (void *)ctx[0];
    u8 old = ctx[1], state = ctx[2];
    if (sk->sk_protocol != IPPROTO_TCP || state == TCP_LISTEN || (old == TCP_LISTEN && state == TCP_CLOSE))
        return 0;
    u32 zero = 0, both = (u32)old << 8 | state;
    struct done *last = bpf_map_lookup_elem(&done, &zero);
    if (!last)
        return 0;
    if (again && last->socket == (u64)sk && last->change == both) {
        last->socket = 0;
        return 0;
    }
    change(sk, old, state);
    if (!again) {
        last->socket = (u64)sk;
        last->change = both;
    }
    return 0;
}

SEC("tp_btf/inet_sock_set_state")
int state_changed(u64 *ctx) {
    return changed(ctx, 0);
}

SEC("tp_btf/inet_sock_set_state")
int state_changed_again(u64 *ctx) {
    return changed(ctx, 1);
}

/* ---- Calls ------------------------------------------------------------------------------------------------------------- */

SEC("tracepoint/syscalls/sys_enter_connect")
int connect_entered(void *ctx) {
    u64 thread = bpf_get_current_pid_tgid(), none = 0;
    if (wanted() && bpf_map_update_elem(&calls, &thread, &none, BPF_ANY))
        count(LOST_CALLS);
    return 0;
}

SEC("tracepoint/syscalls/sys_exit_connect")
int connect_returned(struct sys_exit *ctx) {
    u64 thread = bpf_get_current_pid_tgid();
    u64 *call = bpf_map_lookup_elem(&calls, &thread);
    if (!call)
        return 0;
    u64 cookie = *call;
    bpf_map_delete_elem(&calls, &thread);
    struct connection *c = cookie ? bpf_map_lookup_elem(&connections, &cookie) : 0;
    if (!c)
        return 0;
    c->connect = ctx->ret;
    if (__sync_fetch_and_or(&c->flags, RETURNED) & ENDED)
        finish(c);
    return 0;
}

/* Whose an accepted connection is: the descriptor leads to the socket, and that to the cookie it was given at SYN_RECV. */
INLINE int accepted(struct sys_exit *ctx) {
    s64 fd = ctx->ret;
    if (fd < 0 || !wanted())
        return 0;
    struct task_struct *task = (void *)bpf_get_current_task();
    struct files_struct *files;
    struct fdtable *table;
    struct file **slots, *file;
    struct socket *socket;
    struct sock *sk;
    u64 cookie;
    READ(files, task, files);
    READ(table, files, fdt);
    READ(slots, table, fd);
    bpf_probe_read_kernel(&file, sizeof file, slots + fd);
    READ(socket, file, private_data);
    READ(sk, socket, sk);
    READ(cookie, sk, __sk_common.skc_cookie.counter);
    struct connection *c = cookie ? bpf_map_lookup_elem(&connections, &cookie) : 0;
    if (c && !c->pid) {
        own(c);
        __sync_fetch_and_or(&c->flags, WANTED);
    }
    return 0;
}

SEC("tracepoint/syscalls/sys_exit_accept")
int accept_returned(struct sys_exit *ctx) {
    return accepted(ctx);
}

SEC("tracepoint/syscalls/sys_exit_accept4")
int accept4_returned(struct sys_exit *ctx) {
    return accepted(ctx);
}
