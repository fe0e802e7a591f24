"""What a server of each protocol says: enough of it that the real client gets as far as the fault wants.

Bytes and small conversations only; when to stop answering is faults.py's business. A protocol has
  greet(conn)          what comes before the answer (reading the request; for PostgreSQL also the log-in)
  half                 the first part of an answer, after which the client knows that more must come
  drip                 what follows `half` for ever, one byte at a time
  sink(conn)           what comes before a peer that never reads again
  serve(conn, pause)   a complete and correct answer; pause() is called where a slow server would be slow
"""

import itertools
import struct


def read_until(conn, mark, limit=1 << 20):
    """Read up to `mark`; what came so far when the peer closes."""
    got = b""
    while mark not in got and len(got) < limit:
        piece = conn.recv(65536)
        if not piece:
            break
        got += piece
    return got


def read_exactly(conn, count):
    got = b""
    while len(got) < count:
        piece = conn.recv(count - len(got))
        if not piece:
            raise ConnectionError("the client left")
        got += piece
    return got


class Protocol:
    half = b""

    def drip(self):
        return itertools.repeat(b".")

    def greet(self, conn):
        conn.recv(65536)

    def sink(self, conn):
        pass


class Line(Protocol):
    """Ours, for plain sockets: a line is answered with a line."""

    half = b"half of an ans"

    def serve(self, conn, pause):
        read_until(conn, b"\n")
        pause()
        conn.sendall(b"the whole ")
        pause()
        conn.sendall(b"answer\n")


class Http(Protocol):
    half = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\nhalf of an ans"
    body = b"the whole answer\n"
    kind = b"text/plain"

    def greet(self, conn):
        read_until(conn, b"\r\n\r\n")

    def serve(self, conn, pause):
        request = read_until(conn, b"\r\n\r\n")
        head, _, body = request.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        left = length - len(body)
        pause()
        while left > 0:
            piece = conn.recv(min(left, 1 << 18))
            if not piece:
                return
            left -= len(piece)
        conn.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            % (self.kind, len(self.body), self.body[:10])
        )
        pause()
        conn.sendall(self.body[10:])


def packet(line):
    """git's framing: four hex digits of length, which counts itself."""
    return b"%04x%s" % (len(line) + 4, line)


class Git(Http):
    """The smart HTTP advertisement that `git ls-remote` asks for, and the start of a push."""

    commit = b"1234567890123456789012345678901234567890"
    kind = b"application/x-git-upload-pack-advertisement"
    body = (
        packet(b"# service=git-upload-pack\n")
        + b"0000"
        + packet(commit + b" refs/heads/main\x00ofs-delta agent=test\n")
        + b"0000"
    )
    half = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: 100000\r\n\r\n%s" % (kind, body[:40])

    def sink(self, conn):
        """Let a push come as far as its pack: the advertisement, and the empty POST with which git asks for permission."""
        advert = packet(b"# service=git-receive-pack\n") + b"0000"
        advert += packet(b"0" * 40 + b" capabilities^{}\x00report-status agent=test\n") + b"0000"
        answers = (
            (b"application/x-git-receive-pack-advertisement", advert),
            (b"application/x-git-receive-pack-result", b""),
        )
        for kind, body in answers:
            request = read_until(conn, b"\r\n\r\n")
            if b"content-length: 4\r\n" in request.lower() and not request.endswith(b"0000"):
                read_exactly(conn, 4)
            if b"transfer-encoding: chunked" in request.lower():
                return
            head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
            conn.sendall(head + body)


class Redis(Protocol):
    half = b"$100000\r\nhalf of an ans"

    def serve(self, conn, pause):
        conn.recv(65536)
        pause()
        conn.sendall(b"+PONG\r\n")


def message(kind, payload):
    """PostgreSQL's framing: a letter, and a length that counts itself."""
    return kind + struct.pack("!I", len(payload) + 4) + payload


class Postgres(Protocol):
    """Protocol 3.0 without TLS or password: one client, one query at a time, each answered with one row."""

    authentication_ok = b"R" + struct.pack("!II", 8, 0)
    ready = b"Z" + struct.pack("!I", 5) + b"I"
    status = message(b"S", b"application_name\0psql\0")
    half = authentication_ok + status[:9]

    def drip(self):
        rest = self.status[9:] + self.status[:9]
        return (bytes([byte]) for byte in itertools.cycle(rest))

    def startup(self, conn, pause=lambda: None):
        """The start message, with no to the TLS and GSS requests that may come before it."""
        while True:
            (length,) = struct.unpack("!I", read_exactly(conn, 4))
            (code,) = struct.unpack("!I", read_exactly(conn, length - 4)[:4])
            pause()
            if code == 196608:
                return
            conn.sendall(b"N")

    greet = startup

    def log_in(self, conn, pause=lambda: None):
        self.startup(conn, pause)
        parameters = ((b"server_version", b"15.0"), (b"client_encoding", b"UTF8"), (b"standard_conforming_strings", b"on"))
        said = [message(b"S", name + b"\0" + value + b"\0") for name, value in parameters]
        conn.sendall(self.authentication_ok + b"".join(said) + self.ready)

    sink = log_in

    def serve(self, conn, pause):
        self.log_in(conn, pause)
        while True:
            kind = read_exactly(conn, 1)
            (length,) = struct.unpack("!I", read_exactly(conn, 4))
            read_exactly(conn, length - 4)
            if kind != b"Q":
                return
            pause()
            column = b"answer\0" + struct.pack("!IHIhih", 0, 0, 25, -1, -1, 0)
            conn.sendall(
                message(b"T", struct.pack("!H", 1) + column)
                + message(b"D", struct.pack("!HI", 1, 16) + b"the whole answer")
                + message(b"C", b"SELECT 1\0")
                + self.ready
            )


class Ssh(Protocol):
    """As far as the version line; past it the real sshd answers behind a relay (see faults.Relay)."""

    half = b"SSH-2.0-OpenSSH_9.0\r\n"

    def drip(self):
        """A packet that announces 32764 bytes (with its length field a multiple of the block size, or ssh hangs up)."""
        return itertools.chain((bytes([byte]) for byte in struct.pack("!I", 32764)), itertools.repeat(b"\x01"))


class Tls(Protocol):
    """A handshake record that announces 122 bytes and holds six. Handshakes that end are done by ssl in faults.py."""

    half = bytes([0x16, 0x03, 0x03, 0x00, 0x7A, 0x02, 0x00, 0x00, 0x76, 0x03, 0x03])

    def drip(self):
        return itertools.repeat(b"\x01")

    def serve(self, conn, pause):
        read_until(conn, b"\n")
        pause()
        conn.sendall(b"the whole answer\n")
        conn.unwrap()
