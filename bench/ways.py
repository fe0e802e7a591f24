"""The ways to run a server that the part `servers` compares, started side by side, and the proof that each is what it says.

What a server is belongs into serving.py, how they are compared into servers.py.
"""

import contextlib
import os
import socket
import subprocess
import time

import serving
from tools import Broken

CLASSES = ("connect", "response", "read", "write", "lifetime")


def rules(timeout):
    """Every class on every connection; an accepted one has no connect."""
    words = [f"{name}={timeout}" for name in CLASSES]
    return {"NETDEADLINE_RULES": f"to * {' '.join(words)}; on * {' '.join(words[1:])}"}


ARMED, SOON = rules("1h"), rules("200ms")
# 192.0.2.0/24 is for documentation: nobody is there.
ELSEWHERE = {"NETDEADLINE_RULES": "to 192.0.2.1 connect=1h read=1h write=1h; on 192.0.2.1 read=1h write=1h"}
POLICY = {"other": ELSEWHERE, "armed": ARMED}
LEGEND = """\
direct        no preload
direct again  another process of the same: as far apart as the two are, the others may be for no reason
empty         a preload of the same names that only calls the next function
idle          netdeadline, no variable set
other         netdeadline with a policy that concerns no connection here
armed         netdeadline, every class at an hour on every connection, accepted ones too, in the server
client armed  the same in the client, before `direct`; processor time is the client's, over what a direct client takes
HAProxy       in TCP mode, its three timeouts at an hour, before `direct`, on the server's processor
strace        of the calls that netdeadline interposes, on `direct`"""
PRELOADED = ("empty", "idle", "other", "armed")
# Where the client and where the server is: the first and the last processor.
CLIENT, SERVER = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))


def environment(workshop, variant):
    """Of a C program."""
    return workshop.environment("native" if variant.startswith("direct") else variant) | POLICY.get(variant, {})


def checked(server, way, library):
    """The server, if it has the library that its way says."""
    try:
        if way in PRELOADED:
            server.must_map(library)
    except BaseException:
        server.end()
        raise
    return server


class C:
    """A server written in C, by a function of serving.py."""

    def __init__(self, name, start, workshop):
        self.name, self.function, self.workshop = name, start, workshop
        self.ways = ("direct", "direct again", *PRELOADED)

    def start(self, way, policy=None, under=()):
        variables = environment(self.workshop, way) | (policy or {})
        server = self.function(self.workshop, f"{self.name}, {way}", variables, SERVER, under)
        return checked(server, way, self.workshop.program("empty.so") if way == "empty" else self.workshop.library)


class Go:
    """The http server of go/http. Go calls no libc, so an empty interposer would not even be called."""

    def __init__(self, name, build, workshop, go_workshop):
        self.name, self.build, self.workshop, self.go = name, build, workshop, go_workshop
        self.ways = ("direct", "direct again", "idle", "other", "armed")

    def start(self, way, policy=None):
        variant = "native" if way.startswith("direct") else "idle"
        command, variables = self.go.command_of("http", self.build, variant, extra=policy or POLICY.get(way, {}))
        server = serving.go(self.workshop, f"{self.name}, {way}", command, variables, SERVER)
        return checked(server, way, self.go.library)


@contextlib.contextmanager
def running(kind, ways):
    """The servers of a kind, by way."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for way in ways:
            servers[way] = kind.start(way)
            stack.callback(servers[way].end)
        yield servers


# ---- Is it what it says? ------------------------------------------------------------------------------------------------------


def must_bound_its_connections(kind):
    """`armed` with its hour shortened ends a silent client; or else the deadlines were never armed, and cost nothing."""
    server = kind.start("armed", policy=SOON | {"NETDEADLINE_LOG": "off"})
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=serving.PATIENCE) as silent:
            began = time.monotonic()
            with contextlib.suppress(ConnectionResetError):
                if silent.recv(1):
                    raise Broken(f"{server.what}: it spoke first")
            if time.monotonic() - began < 0.2:
                raise Broken(f"{server.what}: it ended a connection before its deadline")
    except TimeoutError:
        raise Broken(f"{server.what}: it never ended a silent connection: not armed") from None
    finally:
        server.end()


def said(errors):
    errors.seek(0)
    return errors.read()


def must_bound_its_server(workshop, command):
    """A client under the policy of `client armed`, its hour shortened, records that a silent server was given up."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        port = silent.getsockname()[1]
        variables = environment(workshop, "armed") | SOON
        with (workshop.directory / "given-up").open("w+b") as errors:
            client = subprocess.Popen(command(port), env=variables, stdout=subprocess.DEVNULL, stderr=errors)
            try:
                record = f"127.0.0.1:{port}".encode()
                serving.eventually(f"{command(port)[0]}: a silent server given up", lambda: record in said(errors))
            finally:
                client.kill()
                client.wait()
