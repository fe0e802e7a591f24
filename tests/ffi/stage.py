"""What the tests of this directory share: sockets, a black hole, a thread that waits, and the judgement of when it came back."""

import contextlib
import errno
import os
import select
import socket
import threading
import time
import unittest

import netdeadline as nd

MS = 1_000_000
SOON = 150 * MS
FAR = 60_000 * MS
LATE = 2_000 * MS
PRELOADED = "libnetdeadline" in os.environ.get("LD_PRELOAD", "")


class Call:
    """A call in a thread of its own: whether it still waits, and how and when it ended."""

    def __init__(self, call, *arguments):
        self.result = self.error = self.ended = None
        self.thread = threading.Thread(target=self.run, args=(call, arguments), daemon=True)
        self.thread.start()

    def run(self, call, arguments):
        try:
            self.result = call(*arguments)
        except OSError as error:
            self.error = error.errno
        self.ended = nd.now()

    def waits(self, ns=100 * MS):
        """It has not ended after this time."""
        time.sleep(ns / 1e9)
        return self.thread.is_alive()

    def end(self):
        self.thread.join(20)
        if self.thread.is_alive():
            raise AssertionError("it still waits after 20 s")
        return self


class Case(unittest.TestCase):
    def pair(self):
        """A connected TCP pair of Python's own sockets."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.addCleanup(end.close)
        return client, server

    def full(self, end):
        """Fill a pair until not a byte more is taken."""
        end.setblocking(False)
        quiet = 0
        while quiet < 40:
            try:
                end.send(b"x" * 65536)
                quiet = 0
            except BlockingIOError:
                quiet += 1
                time.sleep(0.01)
        end.setblocking(True)

    @contextlib.contextmanager
    def hole(self):
        """An address that answers no SYN: a listener whose queue is full."""
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            pending = 0
            while pending < 2:
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    filler.connect(listener.getsockname())
                pending += not select.select([], [filler], [], 0.1)[1]
            yield listener.getsockname()

    def expires(self, when, call, *arguments):
        """It fails with ETIMEDOUT at this instant, or at once if that has passed: not a nanosecond before, and not much later."""
        when = max(when, nd.now())
        with self.assertRaises(TimeoutError) as caught:
            call(*arguments)
        self.is_near(when, nd.now())
        self.assertEqual(caught.exception.errno, errno.ETIMEDOUT)

    def is_near(self, when, ended):
        self.assertGreaterEqual(ended, when, "early")
        self.assertLess(ended, when + LATE, "late")

    def fails(self, number, call, *arguments):
        with self.assertRaises(OSError) as caught:
            call(*arguments)
        self.assertEqual(errno.errorcode[caught.exception.errno], errno.errorcode[number])
