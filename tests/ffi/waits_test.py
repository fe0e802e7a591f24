"""Python threads that wait in the library's calls, others that move deadlines and close; and numbers that Python closes and opens
again without the library's knowledge, where it was loaded by dlopen alone."""

import errno
import os
import select
import socket
import time
import unittest

import netdeadline as nd
from stage import FAR, MS, PRELOADED, SOON, Call, Case


class Waits(Case):
    def test_a_past_deadline_wakes_every_reader(self):
        client, _ = self.pair()
        fd = client.fileno()
        readers = [Call(nd.read, fd, 10) for _ in range(4)] + [Call(nd.recv, fd, 10) for _ in range(4)]
        self.assertTrue(all(reader.waits(10 * MS) for reader in readers))
        for instant in (1, -1, None):
            moved = nd.now()
            nd.set_read_deadline(fd, instant or moved)
            for reader in readers:
                reader.end()
                self.assertEqual(reader.error, errno.ETIMEDOUT)
                self.is_near(moved, reader.ended)
            nd.set_read_deadline(fd, 0)
            readers = [Call(nd.read, fd, 10)]
            self.assertTrue(readers[0].waits())
        nd.set_read_deadline(fd, 1)
        readers[0].end()

    def test_a_deadline_is_shortened_extended_and_cleared_under_a_reader(self):
        client, server = self.pair()
        fd = client.fileno()
        nd.set_read_deadline(fd, nd.now() + FAR)
        reader = Call(nd.read, fd, 10)
        self.assertTrue(reader.waits())
        when = nd.now() + SOON
        nd.set_read_deadline(fd, when)
        self.is_near(when, reader.end().ended)
        self.assertEqual(reader.error, errno.ETIMEDOUT)

        nd.set_read_deadline(fd, nd.now() + 200 * MS)
        reader = Call(nd.read, fd, 10)
        later = nd.now() + 500 * MS
        nd.set_read_deadline(fd, later)
        self.is_near(later, reader.end().ended)

        nd.set_read_deadline(fd, nd.now() + 200 * MS)
        reader = Call(nd.read, fd, 10)
        nd.set_read_deadline(fd, 0)
        self.assertTrue(reader.waits(500 * MS))
        server.sendall(b"in the end")
        self.assertEqual(reader.end().result, b"in the end")

    def test_a_past_deadline_wakes_writers_accepters_connecters_and_polls(self):
        client, _ = self.pair()
        self.full(client)
        with socket.create_server(("127.0.0.1", 0)) as listener, self.hole() as address, socket.socket() as caller:
            quiet, _ = self.pair()
            quiet.setblocking(False)
            calls = [
                (client, Call(nd.write, client.fileno(), b"x" * 1000), nd.set_write_deadline),
                (listener, Call(nd.accept, listener.fileno()), nd.set_read_deadline),
                (caller, Call(nd.connect, caller.fileno(), address), nd.set_write_deadline),
                (quiet, Call(nd.poll, {quiet.fileno(): select.POLLIN}, -1), nd.set_read_deadline),
            ]
            self.assertTrue(all(call.waits(50 * MS) for _, call, _ in calls))
            for end, call, setter in calls:
                moved = nd.now()
                setter(end.fileno(), 1)
                self.is_near(moved, call.end().ended)
                if end is quiet:
                    self.assertEqual(call.result, {quiet.fileno(): select.POLLIN})
                else:
                    self.assertEqual(call.error, errno.ETIMEDOUT, setter)

    def test_the_directions_are_apart(self):
        client, _ = self.pair()
        reader = Call(nd.read, client.fileno(), 10)
        nd.set_write_deadline(client.fileno(), 1)
        self.assertTrue(reader.waits())
        self.expires(0, nd.send, client.fileno(), b"x")
        nd.set_read_deadline(client.fileno(), 1)
        self.assertEqual(reader.end().error, errno.ETIMEDOUT)

    def test_close_wakes_who_waits_with_ebadf(self):
        for make, wait in (
            (lambda: self.pair()[0], lambda fd: nd.read(fd, 10)),
            (lambda: self.pair()[0], lambda fd: nd.recv(fd, 10)),
            (lambda: socket.create_server(("127.0.0.1", 0)), nd.accept),
        ):
            end = make()
            fd = end.detach()
            # A close finds who waits by the library's own knowledge of the number: let it have some.
            nd.set_deadline(fd, nd.now() + FAR)
            calls = [Call(wait, fd) for _ in range(3)]
            self.assertTrue(all(call.waits(50 * MS) for call in calls))
            closed = nd.now()
            nd.close(fd)
            for call in calls:
                self.is_near(closed, call.end().ended)
                self.assertEqual(call.error, errno.EBADF)
            self.fails(errno.EBADF, nd.set_deadline, fd, 1)

    def test_a_dup_shares_the_deadline(self):
        client, _ = self.pair()
        when = nd.now() + SOON
        nd.set_read_deadline(client.fileno(), when)
        other = client.dup()
        self.addCleanup(other.close)
        reader = Call(nd.recv, other.fileno(), 1)
        self.addCleanup(client.shutdown, socket.SHUT_RDWR)
        self.assertFalse(reader.waits(2 * SOON))
        self.is_near(when, reader.end().ended)
        self.assertEqual(reader.error, errno.ETIMEDOUT)
        self.assertEqual(nd.get_deadlines(other.fileno()), (when, 0))

    def test_a_scope_of_one_thread_is_none_of_anothers(self):
        client, server = self.pair()
        token = nd.scope_enter(nd.now() + SOON)
        try:
            reader = Call(nd.read, client.fileno(), 10)
            self.assertTrue(reader.waits(2 * SOON))
            self.expires(0, nd.send, client.fileno(), b"x")
            self.assertIsNone(Call(nd.send, server.fileno(), b"late").end().error)
            self.assertEqual(reader.end().result, b"late")
        finally:
            nd.scope_leave(token)

    def test_moved_deadlines_race_with_readers_and_lose_no_byte(self):
        client, server = self.pair()
        fd, total, sent = client.fileno(), bytearray(), bytearray()

        def reading():
            while len(total) < 2000:
                try:
                    total.extend(nd.read(fd, 7))
                except TimeoutError:
                    pass

        reader = Call(reading)
        for turn in range(500):
            nd.set_read_deadline(fd, (1, nd.now() + 50_000, 0, nd.NEVER)[turn % 4])
            piece = turn.to_bytes(4, "big")
            server.sendall(piece)
            sent += piece
        nd.set_read_deadline(fd, 0)
        self.assertIsNone(reader.end().error)
        self.assertEqual(total, sent)


class Numbers(Case):
    """Python's own close, on a number that the library knows. Under a preload the library sees it; loaded by dlopen it does not."""

    def test_a_deadline_does_not_stick_to_the_number(self):
        for turn in range(100):
            client, _ = self.pair()
            fd = client.fileno()
            if turn % 2:
                nd.set_deadline(fd, 1)
                self.expires(0, nd.recv, fd, 1)
            else:
                nd.set_read_deadline(fd, nd.now() + FAR)
                nd.set_timeouts(fd, read=1 * MS)
                self.expires(0, nd.recv, fd, 1)
            client.close()
            fresh, peer = self.pair()
            self.assertIn(fd, (fresh.fileno(), peer.fileno()), "the number was not used again: nothing is tested")
            mine, other = (fresh, peer) if fresh.fileno() == fd else (peer, fresh)
            if turn % 3 == 0:
                self.assertEqual(nd.get_deadlines(fd), (0, 0))
                self.assertEqual(set(nd.get_timeouts(fd).values()), {0})
                self.fails(errno.ENODATA, nd.last_expiry, fd)
            other.sendall(b"fresh")
            if turn % 3 == 1:
                self.assertEqual(nd.poll({fd: select.POLLIN}, 5000), {fd: select.POLLIN})
            self.assertEqual(nd.recv(fd, 10), b"fresh")
            self.assertEqual(nd.send(fd, b"and back"), 8)
            # And it waits: 20 ms are longer than the millisecond that the number had.
            reader = Call(nd.recv, fd, 10)
            self.assertTrue(reader.waits(20 * MS))
            other.sendall(b"x")
            self.assertEqual(reader.end().result, b"x")
            mine.close()
            other.close()

    def expired_number(self):
        """A number that is free again, and was a socket's whose deadline has passed when the library last saw it."""
        client, _ = self.pair()
        fd = client.fileno()
        nd.set_deadline(fd, 1)
        self.expires(0, nd.read, fd, 1)
        client.close()
        return fd

    def test_nor_to_a_file_with_the_number(self):
        fd = self.expired_number()
        with open(__file__, "rb") as file:
            os.dup2(file.fileno(), fd)
        self.addCleanup(os.close, fd)
        self.assertEqual(nd.read(fd, 3), b'"""')
        self.fails(errno.ENOTSOCK, nd.set_deadline, fd, 1)
        self.fails(errno.ENOTSOCK, nd.get_deadlines, fd)

    def test_nor_to_a_listener_with_the_number(self):
        fd = self.expired_number()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            os.dup2(listener.fileno(), fd)
            self.addCleanup(os.close, fd)
            accepter = Call(nd.accept, fd)
            self.assertTrue(accepter.waits())
            with socket.create_connection(listener.getsockname()):
                os.close(accepter.end().result)

    def test_nor_to_nothing_at_all(self):
        fd = self.expired_number()
        self.fails(errno.EBADF, nd.read, fd, 1)
        self.fails(errno.EBADF, nd.get_deadlines, fd)
        self.fails(errno.EBADF, nd.set_deadline, fd, 0)
        self.fails(errno.EBADF, nd.close, fd)

    def test_a_waiting_read_never_takes_the_next_sockets_bytes(self):
        client, peer = self.pair()
        nd.set_read_deadline(client.fileno(), nd.now() + FAR)
        fd = client.fileno()
        reader = Call(nd.read, fd, 10)
        self.assertTrue(reader.waits())
        fresh, other = self.pair()
        other.sendall(b"not yours")
        # Closes the old socket and gives its number to the fresh one in one step.
        os.dup2(fresh.fileno(), fd)
        time.sleep(0.05)
        peer.sendall(b"late")
        peer.close()
        reader.end()
        self.assertNotEqual(reader.result, b"not yours")
        self.assertIn((reader.result, reader.error), ((None, errno.EBADF), (b"late", None)))
        self.assertEqual(fresh.recv(100, socket.MSG_DONTWAIT), b"not yours")


class PythonsOwnCalls(Case):
    """They obey where the library is preloaded, and are libc's alone where it is not."""

    def test_recv_obeys_in_a_preloaded_process_only(self):
        client, server = self.pair()
        server.sendall(b"data")
        time.sleep(0.01)
        nd.set_read_deadline(client.fileno(), 1)
        if PRELOADED:
            self.expires(0, client.recv, 10)
            nd.set_read_deadline(client.fileno(), 0)
        self.assertEqual(client.recv(10), b"data")
        if PRELOADED:
            reader = Call(client.recv, 10)
            self.assertTrue(reader.waits())
            moved = nd.now()
            nd.set_read_deadline(client.fileno(), moved)
            self.assertEqual(reader.end().error, errno.ETIMEDOUT)
            self.is_near(moved, reader.ended)

    def test_a_scope_bounds_them_in_a_preloaded_process_only(self):
        client, server = self.pair()
        when = nd.now() + SOON
        token = nd.scope_enter(when)
        try:
            if PRELOADED:
                self.expires(when, client.recv, 10)
                self.assertEqual(select.select([client], [], [], 20)[0], [client])
            else:
                time.sleep(2 * SOON / 1e9)
                server.sendall(b"data")  # libc's alone, too
                self.assertEqual(client.recv(10), b"data")
        finally:
            nd.scope_leave(token)
