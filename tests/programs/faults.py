"""Servers that misbehave in one way each, on the loopback of the test's own namespace.

A fault is a context manager that yields the (host, port) to connect to. Which bytes a protocol speaks is in answers.py,
which client meets which fault in cells.py.
"""

import contextlib
import socket
import ssl
import threading
import time

import namespace

# A drip is slower than nothing at all and faster than any sensible read timeout.
DRIP_INTERVAL = 0.2
# Small enough that a few tens of kilobytes stop a sender; the kernel doubles it.
TINY_BUFFER = 4096


class Server:
    """Accepts for as long as it lives, and gives each connection to `talk(conn)` on a thread of its own."""

    def __init__(self, talk, tiny=False):
        self.talk = talk
        self.stopping = threading.Event()
        self.connections = []
        self.listener = socket.socket()
        if tiny:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY_BUFFER)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.address = self.listener.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(conn)
            threading.Thread(target=self.converse, args=(conn,), daemon=True).start()

    def converse(self, conn):
        # A client that leaves in the middle is what most cells expect; it is no fault of the server's.
        with contextlib.suppress(OSError, ssl.SSLError):
            self.talk(self, conn)

    def hold(self):
        self.stopping.wait()

    def stop(self):
        self.stopping.set()
        # shutdown wakes the thread that waits in accept or recv; close alone does not.
        for sock in (self.listener, *self.connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


@contextlib.contextmanager
def serving(talk, tiny=False):
    server = Server(talk, tiny)
    try:
        yield server.address
    finally:
        server.stop()


@contextlib.contextmanager
def syn_dropped(_protocol):
    yield (namespace.DEAD[0], 80)


@contextlib.contextmanager
def full_backlog(_protocol, room_after=None):
    """A listener whose accept queue is full: it drops SYNs. With `room_after` it begins to accept that many seconds on."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(3):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    time.sleep(0.05)
    done = threading.Event()

    def make_room():
        if done.wait(room_after):
            return
        mine = {filler.getsockname() for filler in fillers}
        listener.listen(64)
        with contextlib.suppress(OSError):
            while True:
                conn, peer = listener.accept()
                if peer in mine:
                    continue
                threading.Thread(target=late_talk, args=(conn,), daemon=True).start()

    def late_talk(conn):
        with contextlib.suppress(OSError):
            _protocol.serve(conn, lambda: None)
        conn.close()

    if room_after is not None:
        threading.Thread(target=make_room, daemon=True).start()
    try:
        yield listener.getsockname()
    finally:
        done.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        for sock in (listener, *fillers):
            sock.close()


def silent(_protocol):
    def talk(server, conn):
        while conn.recv(65536):
            pass

    return serving(talk)


def half(protocol):
    def talk(server, conn):
        protocol.greet(conn)
        conn.sendall(protocol.half)
        server.hold()

    return serving(talk)


def drip(protocol):
    def talk(server, conn):
        protocol.greet(conn)
        conn.sendall(protocol.half)
        for byte in protocol.drip():
            if server.stopping.wait(DRIP_INTERVAL):
                return
            conn.sendall(byte)

    return serving(talk)


def zero_window(protocol):
    def talk(server, conn):
        protocol.sink(conn)
        server.hold()

    return serving(talk, tiny=True)


def late(protocol, delay):
    """Correct, and slow: `delay` seconds before each answer."""

    def talk(server, conn):
        protocol.serve(conn, lambda: time.sleep(delay))
        conn.close()

    return serving(talk)


class Relay:
    """Stands before a real server. Passes `limit` bytes of the client's and then reads no more; or is slow to begin with."""

    def __init__(self, target, limit=None, delay=0.0):
        self.target, self.limit, self.delay = target, limit, delay

    def talk(self, server, conn):
        upstream = socket.create_connection(self.target)
        server.connections.append(upstream)
        threading.Thread(target=self.back, args=(upstream, conn), daemon=True).start()
        passed = 0
        while self.limit is None or passed < self.limit:
            piece = conn.recv(16384)
            if not piece:
                upstream.shutdown(socket.SHUT_WR)
                return
            upstream.sendall(piece)
            passed += len(piece)
        server.hold()

    def back(self, upstream, conn):
        with contextlib.suppress(OSError):
            time.sleep(self.delay)
            while piece := upstream.recv(65536):
                conn.sendall(piece)
            conn.shutdown(socket.SHUT_WR)


def relayed(target, limit=None, delay=0.0):
    return serving(Relay(target, limit, delay).talk, tiny=limit is not None)


def tls(context, protocol, delay=None):
    """A real handshake, and then either a peer that never reads again, or (with `delay`) one slow and correct answer."""

    def talk(server, conn):
        if delay is not None:
            time.sleep(delay)
        with context.wrap_socket(conn, server_side=True) as wrapped:
            server.connections.append(wrapped)
            if delay is None:
                server.hold()
            else:
                protocol.serve(wrapped, lambda: time.sleep(delay))

    return serving(talk, tiny=delay is None)
