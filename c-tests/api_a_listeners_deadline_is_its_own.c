// A listener's deadline bounds accept and is not inherited: what was accepted under it, or just before it passed, has
// none. A kernel's SO_RCVTIMEO is inherited as the kernel does it, with or without a deadline on the listener.
// Source: FACTS "Go's deadline contract" (not inherited); SEMANTICS "Sources", 2.
//
// api: yes
#include "api.h"

static struct sockaddr_in in;
static struct sockaddr_un un;
static socklen_t un_size;

static int client(int kind) {
    int fd = MUST(socket(kind ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    MUST(-nd_raw(SYS_connect, fd, kind ? (long)&un : (long)&in, kind ? un_size : (long)sizeof in, 0, 0, 0));
    return fd;
}
static int accept_by(size_t how, int listener) {
#if API_INTERPOSED
    if (how == 0) return accept(listener, NULL, NULL);
    if (how == 1) return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
#endif
    (void)how;
    return nd_accept(listener, NULL, NULL);
}

int main(void) {
    un_size = nd_unix_address(&un, "own.sock");
    for (int kind = 0; kind < 2; kind++) {
        int listener = kind ? nd_unix_listener("own.sock", 8) : nd_listener(8, &in);
        for (size_t how = API_INTERPOSED ? 0 : 2; how < 3; how++) {
            int64_t reads, writes, when = nd_now() + 100 * MS;
            char byte;
            CHECK_EQ(nd_set_deadline(listener, when), 0);
            int peer = client(kind);
            int fd = accept_by(how, listener);
            // A machine that took 100 ms for that has shown nothing.
            if (fd < 0 && errno == ETIMEDOUT && nd_now() >= when) SKIP("too slow a machine");
            MUST(fd);
            CHECK_ERRNO(accept_by(how, listener), ETIMEDOUT);
            CHECK_JUST_AFTER(when);
            CHECK_EQ(nd_get_deadlines(fd, &reads, &writes), 0);
            CHECK_EQ(reads, 0);
            CHECK_EQ(writes, 0);
            struct nd_later later;
            nd_send_later(&later, peer, 50 * MS, "d", 1);
            CHECK_EQ(io_read(fd, &byte, 1), 1);
            CHECK_EQ(io_write(fd, "w", 1), 1);
            nd_later_join(&later);
            // Nor does the accepted socket's become the listener's.
            CHECK_EQ(nd_set_deadline(fd, 1), 0);
            CHECK_EQ(nd_set_deadline(listener, 0), 0);
            int second = client(kind);
            CHECK_EQ(api_accept_calls[0].make(listener, NULL), 1);
            CHECK_PAST(io_read(fd, &byte, 1));
            io_close(fd);
            nd_raw_close(peer);
            nd_raw_close(second);

            // SO_RCVTIMEO, beside what an accept makes of it that no library saw.
            for (int bounded = 0; bounded < 2; bounded++) {
                nd_set_timeout(listener, SO_RCVTIMEO, 1234 * MS);
                CHECK_EQ(nd_set_deadline(listener, bounded ? nd_now() + 60 * SEC : 0), 0);
                int one = client(kind), native = nd_raw_accept(listener);
                int other = client(kind), ours = MUST(accept_by(how, listener));
                CHECK_EQ(nd_kernel_timeout_ms(ours, SO_RCVTIMEO), nd_kernel_timeout_ms(native, SO_RCVTIMEO));
                CHECK_EQ(nd_kernel_timeout_ms(ours, SO_RCVTIMEO) / 10, kind ? 0 : 123);
                CHECK_EQ(nd_kernel_timeout_ms(listener, SO_RCVTIMEO) / 10, 123);
                nd_set_timeout(ours, SO_RCVTIMEO, kind ? 0 : 60 * MS);
                if (!kind) CHECK_ERRNO(io_read(ours, &byte, 1), EAGAIN);
                nd_raw_close(one);
                nd_raw_close(other);
                nd_raw_close(native);
                io_close(ours);
                // accept itself is bounded by it as by the kernel.
                nd_set_timeout(listener, SO_RCVTIMEO, 50 * MS);
                CHECK_ERRNO(accept_by(how, listener), EAGAIN);
                nd_set_timeout(listener, SO_RCVTIMEO, 0);
            }
        }
        io_close(listener);
    }
    return 0;
}
