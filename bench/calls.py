"""ns per call, by variant: paired and interleaved.

For each kind of call one process per variant is started on one processor, and they are asked in turn, in an order that
changes, for a batch of a few milliseconds. Differences and ratios are taken within a turn and their median reported, so that
what else the machine does falls out. The processes are made anew a few times: where the loader happens to put things is
worth a nanosecond too.
"""

import contextlib
import os
import random
import select
import struct
import subprocess

from tools import VARIANTS, Broken, median, table

# kind in calls.c, what the table says
UNMANAGED = (
    ("read-zero", "read 1 byte, /dev/zero"),
    ("write-null", "write 1 byte, /dev/null"),
    ("read-pipe", "read 1 byte, pipe"),
    ("write-pipe", "write 1 byte, pipe"),
    ("poll-pipe", "poll of a ready pipe"),
    ("epoll-0", "epoll_wait, a ready pipe; 0 armed"),
    ("epoll-timed", "epoll_wait with a timeout; 0 armed"),
    ("dup-pipe", "dup of a pipe"),
    ("close-pipe", "close of a dup of a pipe"),
    ("socket", "socket"),
)
MANAGED = (
    ("exchange", "round trip in one process: 2 send, 2 recv"),
    ("echo", "blocking round trip: send, recv that waits"),
    ("write-tcp", "write 1 byte, TCP"),
    ("eagain", "recv that gets EAGAIN, TCP"),
    ("poll-1", "poll of 1 ready connection"),
    ("poll-10", "poll of 10 ready connections"),
    ("epoll-ready", "epoll_wait, a ready connection"),
    ("epoll-1", "epoll_wait, 1 silent connection armed"),
    ("epoll-timed-1", "epoll_wait with a timeout, 1 armed"),
    ("epoll-100", "epoll_wait, 100 armed"),
    ("epoll-10000", "epoll_wait, 10,000 armed"),
    ("modify", "epoll_ctl MOD, TCP"),
    ("option", "setsockopt TCP_NODELAY"),
    ("dup-tcp", "dup of a connection"),
    ("close-tcp", "close of a dup of a connection"),
    ("connect", "connect, blocking"),
    ("accept", "accept of what waits"),
    ("connection", "socket + connect + accept + 2 close, TCP"),
)
DOORS = (
    ("door-read", "read, unmanaged"),
    ("door-write", "write, unmanaged"),
    ("door-poll", "poll of 1, unmanaged"),
    ("door-epoll", "epoll_wait, unmanaged"),
    ("door-epoll-timed", "epoll_wait with a timeout, unmanaged"),
    ("door-close", "close, unmanaged"),
    ("door-tcp-recv", "recv, TCP"),
    ("door-tcp-send", "send, TCP"),
)
# ns over the empty interposer, by kind. A wait on a set must look for the library's own event (SEMANTICS, rule 10).
AIM = 2.0
AIMS = {"door-epoll": 5.0, "door-epoll-timed": 5.0}
ANSWER_SECONDS = 60


class Caller:
    """One process that answers as calls.c does."""

    def __init__(self, command, environment, errors, processor):
        self.what = " ".join(command[1:])
        self.errors = errors
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            preexec_fn=lambda: os.sched_setaffinity(0, {processor}),
        )

    def bytes(self, count):
        got = b""
        while len(got) < count:
            ready, _, _ = select.select([self.process.stdout], [], [], ANSWER_SECONDS)
            more = self.process.stdout.read(count - len(got)) if ready else b""
            if not more:
                self.errors.seek(0)
                raise Broken(f"{self.what}: no answer: {self.errors.read().decode(errors='replace')[-500:]}")
            got += more
        return got

    def ready(self):
        self.bytes(len(b"ready\n"))

    def batch(self):
        self.process.stdin.write(b"x")
        ns, calls = struct.unpack("QQ", self.bytes(16))
        return ns / calls

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def measure(directory, variants, generations, turns):
    """ns per call of each variant, one list each, the same turn at the same place. A variant is a command and its environment."""
    found = {variant: [] for variant in variants}
    processor = max(os.sched_getaffinity(0))
    order = list(variants)
    for _ in range(generations):
        with contextlib.ExitStack() as stack, open(directory / "errors", "w+b") as errors:
            callers = {}
            for variant, (command, environment) in variants.items():
                callers[variant] = caller = Caller(command, environment, errors, processor)
                stack.callback(caller.end)
                caller.ready()
            for _ in range(turns):
                random.shuffle(order)
                turn = {variant: callers[variant].batch() for variant in order}
                for variant, ns in turn.items():
                    found[variant].append(ns)
            # A preload that was not loaded is silent but for this.
            if errors.seek(0, os.SEEK_END):
                errors.seek(0)
                raise Broken(f"{caller.what}: {errors.read().decode(errors='replace')[-500:]}")
    return found


def over(found, variant, base):
    return median(a - b for a, b in zip(found[variant], found[base]))


def ratio(found, variant, base):
    return median(a / b for a, b in zip(found[variant], found[base]))


def rows(workshop, kinds, behind, size, armed=True):
    made, worst = [], []
    for kind, title in kinds:
        generations, turns = (2, 8) if size == "quick" else (4, 20)
        if kind == "epoll-10000":
            generations = max(1, generations // 3)
        variants = {name: ([workshop.program("calls"), kind], workshop.environment(name, behind)) for name in VARIANTS}
        found = measure(workshop.directory, variants, generations, turns)
        digits = 2 if behind else 0 if median(found["native"]) >= 1000 else 1
        cells = [title, f"{median(found['native']):.{digits}f}", f"{over(found, 'empty', 'native'):+.{digits}f}"]
        for variant in ("idle", "other", "armed") if armed else ("idle", "other"):
            cells.append(f"{over(found, variant, 'empty'):+.{digits}f}")
            if not behind:
                cells.append(f"{ratio(found, variant, 'native'):.2f}")
        made.append(cells)
        worst.append((kind, title, max(over(found, "idle", "empty"), over(found, "other", "empty"))))
    return made, worst


def report(workshop, size):
    plain = ["ns per call", "native", "empty"]
    pair = lambda name: [name, "x native"]
    print("Calls on unmanaged fds. Column empty: ns over native; idle, other, armed: ns over empty.")
    table([*plain, *pair("idle"), *pair("other")], rows(workshop, UNMANAGED, (), size, armed=False)[0])
    print("Calls on connections over loopback. Beside silent connections epoll_wait reports a pipe that is always ready.")
    table([*plain, *pair("idle"), *pair("other"), *pair("armed")], rows(workshop, MANAGED, (), size)[0])
    print("The interposer alone: the next function is a stub that returns at once. Column native: the stub.")
    made, costs = rows(workshop, DOORS, ("stub.so",), size)
    table(["ns per call", "native", "empty", "idle", "other", "armed"], made)
    missed = [
        f"{title} +{ns:.1f}"
        for kind, title, ns in costs
        if title.endswith("unmanaged") and round(ns, 1) > AIMS.get(kind, AIM)
    ]
    verdict = "missed by " + ", ".join(missed) if missed else "met"
    aim = f"at most {AIM:.0f} ns over the empty interposer on unmanaged fds, {AIMS['door-epoll']:.0f} for epoll_wait"
    print(f"Aim: {aim}: {verdict}.\n", flush=True)
