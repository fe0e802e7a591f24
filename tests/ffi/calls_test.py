"""Every function of the header once, through ctypes, on Python's own sockets: what it does, and what it says to bad arguments."""

import errno
import os
import select
import socket
import time
from ctypes import byref, c_int64

import netdeadline as nd
from stage import FAR, MS, SOON, Case


class Calls(Case):
    def test_the_version_is_the_headers(self):
        major, minor, patch = (os.environ[f"ND_VERSION_{part}"] for part in ("MAJOR", "MINOR", "PATCH"))
        self.assertEqual(nd.version().decode(), f"{major}.{minor}.{patch}")

    def test_now_is_pythons_monotonic_clock(self):
        before, now, after = time.monotonic_ns(), nd.now(), time.monotonic_ns()
        self.assertTrue(before <= now <= after, (before, now, after))

    def test_each_deadline_is_read_back(self):
        client, _ = self.pair()
        fd, when = client.fileno(), nd.now() + FAR
        self.assertEqual(nd.get_deadlines(fd), (0, 0))
        nd.set_read_deadline(fd, when)
        self.assertEqual(nd.get_deadlines(fd), (when, 0))
        nd.set_write_deadline(fd, when + 1)
        self.assertEqual(nd.get_deadlines(fd), (when, when + 1))
        nd.set_deadline(fd, when + 2)
        self.assertEqual(nd.get_deadlines(fd), (when + 2, when + 2))
        nd.set_deadline(fd, 0)
        self.assertEqual(nd.get_deadlines(fd), (0, 0))
        nd.set_deadline(fd, nd.NEVER)
        self.assertEqual(nd.get_deadlines(fd), (nd.NEVER, nd.NEVER))
        nd.set_deadline(fd, -5)
        self.assertEqual(nd.get_deadlines(fd), (-5, -5))
        read = c_int64()
        nd.nd_get_deadlines(fd, byref(read), None)
        nd.nd_get_deadlines(fd, None, None)
        self.assertEqual(read.value, -5)

    def test_read_and_recv_end_at_the_deadline_and_lose_nothing(self):
        client, server = self.pair()
        for call in (nd.read, nd.recv):
            when = nd.now() + SOON
            nd.set_read_deadline(client.fileno(), when)
            self.expires(when, call, client.fileno(), 10)
            # Sticky, also with data there; and the data is there still once the deadline has gone.
            server.sendall(b"data")
            time.sleep(0.01)
            self.expires(when, call, client.fileno(), 10)
            nd.set_read_deadline(client.fileno(), 0)
            self.assertEqual(call(client.fileno(), 10), b"data")

    def test_write_and_send_end_at_the_deadline(self):
        client, server = self.pair()
        self.full(client)
        for call in (nd.write, nd.send):
            when = nd.now() + SOON
            nd.set_write_deadline(client.fileno(), when)
            self.expires(when, call, client.fileno(), b"x" * 1000)
        nd.set_write_deadline(client.fileno(), 0)
        server.setblocking(False)
        while select.select([server], [], [], 0.3)[0]:
            server.recv(1 << 20)
        self.assertEqual(nd.write(client.fileno(), b"more"), 4)
        self.assertEqual(nd.send(client.fileno(), b"more", socket.MSG_NOSIGNAL), 4)

    def test_accept_ends_at_the_deadline_and_does_not_hand_it_on(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            when = nd.now() + SOON
            nd.set_deadline(listener.fileno(), when)
            self.expires(when, nd.accept, listener.fileno())
            with socket.create_connection(listener.getsockname()) as client:
                self.expires(when, nd.accept, listener.fileno())
                nd.set_deadline(listener.fileno(), nd.now() + FAR)
                fd = nd.accept(listener.fileno())
                self.assertEqual(nd.get_deadlines(fd), (0, 0))
                client.sendall(b"hello")
                self.assertEqual(nd.recv(fd, 10), b"hello")
                nd.close(fd)

    def test_connect_ends_at_the_deadline_and_connects_where_somebody_is(self):
        with self.hole() as address, socket.socket() as client:
            when = nd.now() + SOON
            nd.set_write_deadline(client.fileno(), when)
            self.expires(when, nd.connect, client.fileno(), address)
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
            nd.set_deadline(client.fileno(), nd.now() + FAR)
            nd.connect(client.fileno(), listener.getsockname())
            server, _ = listener.accept()
            with server:
                server.sendall(b"welcome")
                self.assertEqual(nd.read(client.fileno(), 10), b"welcome")

    def test_poll_reports_a_socket_at_its_deadline_and_the_next_call_says_why(self):
        client, _ = self.pair()
        client.setblocking(False)
        fd, when = client.fileno(), nd.now() + SOON
        self.assertEqual(nd.poll({fd: select.POLLIN}, 20), {})
        self.fails(errno.EAGAIN, nd.recv, fd, 10)
        nd.set_read_deadline(fd, when)
        self.assertEqual(nd.poll({fd: select.POLLIN}, 20_000), {fd: select.POLLIN})
        self.is_near(when, nd.now())
        self.expires(when, nd.recv, fd, 10)
        nd.set_read_deadline(fd, 0)
        self.fails(errno.EAGAIN, nd.recv, fd, 10)
        self.assertEqual(nd.poll({fd: select.POLLOUT}, 0), {fd: select.POLLOUT})

    def test_timeouts_are_durations_of_each_wait(self):
        client, server = self.pair()
        fd = client.fileno()
        self.assertEqual(set(nd.get_timeouts(fd).values()), {0})
        nd.set_timeouts(fd, read=SOON, lifetime=FAR)
        self.assertEqual(nd.get_timeouts(fd), {"connect": 0, "response": 0, "read": SOON, "write": 0, "lifetime": FAR})
        for _ in range(2):
            self.expires(nd.now() + SOON, nd.recv, fd, 10)
        server.sendall(b"in time")
        self.assertEqual(nd.recv(fd, 10), b"in time")
        nd.set_timeouts(fd)
        self.assertEqual(set(nd.get_timeouts(fd).values()), {0})

    def test_the_last_expiry_says_why(self):
        client, _ = self.pair()
        fd = client.fileno()
        self.fails(errno.ENODATA, nd.last_expiry, fd)
        started, when = nd.now(), nd.now() + SOON
        nd.set_read_deadline(fd, when)
        self.expires(when, nd.recv, fd, 10)
        told = nd.last_expiry(fd)
        self.assertEqual((told.which, told.source, told.bytes), (nd.READ, nd.SOURCE_DEADLINE, 0))
        self.assertGreaterEqual(told.when, when)
        self.assertLessEqual(told.when, nd.now())
        self.assertGreater(told.waited, 0)
        self.assertLessEqual(told.waited, nd.now() - started)
        self.assertEqual(list(told.reserved), [0, 0, 0])
        nd.set_read_deadline(fd, 0)
        nd.set_timeouts(fd, read=SOON)
        self.expires(nd.now() + SOON, nd.recv, fd, 10)
        told = nd.last_expiry(fd)
        self.assertEqual((told.which, told.source), (nd.READ, nd.SOURCE_TIMEOUTS))

    def test_a_scope_bounds_the_calls_of_this_thread_until_it_is_left(self):
        client, server = self.pair()
        fd, when = client.fileno(), nd.now() + SOON
        outer = nd.scope_enter(nd.now() + FAR)
        inner = nd.scope_enter(when)
        self.fails(errno.EINVAL, nd.scope_leave, outer)
        self.expires(when, nd.recv, fd, 10)
        self.expires(when, nd.send, fd, b"not any more")
        self.assertEqual(nd.poll({fd: select.POLLIN}, 20_000), {fd: select.POLLIN})
        told = nd.last_expiry(fd)
        self.assertEqual(told.source, nd.SOURCE_SCOPE)
        nd.scope_leave(inner)
        self.fails(errno.EINVAL, nd.scope_leave, inner)
        server.sendall(b"again")
        self.assertEqual(nd.recv(fd, 10), b"again")
        nd.scope_leave(outer)
        self.fails(errno.EINVAL, nd.scope_leave, outer)
        self.fails(errno.EINVAL, nd.scope_leave, -1)

    def test_scopes_nest_to_64_and_no_further(self):
        tokens = [nd.scope_enter(nd.now() + FAR) for _ in range(64)]
        self.fails(errno.EAGAIN, nd.scope_enter, nd.now() + FAR)
        for token in reversed(tokens):
            self.assertGreaterEqual(token, 0)
            nd.scope_leave(token)

    def test_bad_arguments_have_their_errors(self):
        client, _ = self.pair()
        fd, when = client.fileno(), nd.now() + FAR
        with open(__file__, "rb") as file:
            closed = os.dup(fd)
            os.close(closed)
            for number, bad in ((errno.EBADF, -1), (errno.EBADF, closed), (errno.EBADF, 2**31 - 1), (errno.ENOTSOCK, file.fileno())):
                for call in (nd.set_deadline, nd.set_read_deadline, nd.set_write_deadline):
                    for instant in (when, 0, 1, -1, nd.NEVER):
                        self.fails(number, call, bad, instant)
                for call in (nd.get_deadlines, nd.set_timeouts, nd.get_timeouts, nd.last_expiry, nd.accept):
                    self.fails(number, call, bad)
                self.fails(number, nd.connect, bad, ("127.0.0.1", 1))
                self.fails(number, nd.recv, bad, 1)
                self.fails(number, nd.send, bad, b"x")
            self.assertEqual(nd.read(file.fileno(), 3), b'"""')
        self.fails(errno.EBADF, nd.read, closed, 1)
        self.fails(errno.EBADF, nd.write, closed, b"x")
        self.fails(errno.EBADF, nd.close, closed)
        for call in (nd.nd_set_timeouts, nd.nd_get_timeouts, nd.nd_last_expiry):
            self.fails(errno.EFAULT, call, fd, None)
        for name in ("connect", "response", "read", "write", "lifetime"):
            self.fails(errno.EINVAL, nd.nd_set_timeouts, fd, byref(nd.Timeouts(**{name: -1})))
        self.fails(errno.EFAULT, nd.nd_poll, None, 1, 0)
        self.assertEqual(nd.get_deadlines(fd), (0, 0))
        self.assertEqual(set(nd.get_timeouts(fd).values()), {0})
