"""Running one cell: one program of one build, natively or by one way in, watched until it ended or hangs.

What is expected comes from facts.py; nothing is printed here.
"""

import collections
import contextlib
import itertools
import json
import os
import resource
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from expect import HANGS, Cut, Own

# Waiting this long, counted from the program's first word, is hanging: several times every deadline of the tests that
# should have ended it.
WATCH = 2.6
# A run that has not shown by then what it should is ended by us and fails.
CAP = 25.0
HEAVY_CAP = 90.0
# More than the few thousand sockets of the largest program.
FILES = 20000

# Below the ephemeral range: in a namespace of our own nobody else takes them.
ports = itertools.count(2000)
loopbacks = itertools.count(1)


@dataclass(frozen=True)
class Cell:
    build: object
    way: str  # native, preload, run
    fact: object

    @property
    def name(self):
        return f"{self.build.name} {self.way} {self.fact.name}"


@dataclass
class Result:
    cell: Cell
    wrong: list
    seen: dict = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Surroundings:
    """What all cells share."""

    peers: dict
    scratch: Path
    library: str
    command: str


def command_and_environment(cell, around, own, log):
    """The policy as options of `run`, as variables for the preload: each way is tried as a user would."""
    fact = cell.fact
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("NETDEADLINE_", "LD_PRELOAD", "GO", "ND_PROGRAMS")) and not key.lower().endswith("_proxy")}
    loopback = next(loopbacks)
    values = {"port": str(next(ports)), "scratch": around.scratch}
    env.update(
        GO_TESTS_PEERS=json.dumps(around.peers), GO_TESTS_PORT=values["port"], TMPDIR=str(own),
        GO_TESTS_LOOPBACK=f"127.1.{loopback >> 8}.{loopback & 255 or 255}",
    )
    program = [str(cell.build.binary), fact.runs]
    env.update(fact.env)
    if cell.way == "native":
        return program, env
    env.update(NETDEADLINE_LOG=str(log), NETDEADLINE_LOG_FORMAT="json")
    policy = {key: text.format(**values) for key, text in fact.policy.items()}
    if cell.way == "preload":
        env["LD_PRELOAD"] = around.library
        for key, text in policy.items():
            env["NETDEADLINE_RULES" if key == "rule" else f"NETDEADLINE_{key.upper()}"] = text
        return program, env
    options = [word for key, text in policy.items() for word in (f"--{key}", text)]
    return [around.command, "run", *options, "--", *program], env


def watch(process, waits_for, hangs, cap):
    """Read the program's lines until it ends or, where some of it shall hang, until the rest is there and it hung long
    enough. Returns the lines and whether we ended it."""
    lines, buffered, began = [], b"", None
    seen = set()
    started = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            now = time.monotonic()
            enough = hangs and began is not None and now - began >= WATCH and waits_for <= seen
            if enough or now - started >= cap:
                return lines, True
            if not selector.select(0.1):
                continue
            piece = os.read(process.stdout.fileno(), 1 << 16)
            if not piece:
                # An end of file without an end of the process: it has closed its stdout, and will be waited for.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.1, started + cap - time.monotonic()))
                return lines, process.poll() is None
            *whole, buffered = (buffered + piece).split(b"\n")
            for line in whole:
                lines.append(json.loads(line))
                seen.add(lines[-1]["what"])
                began = began or time.monotonic()


def limits():
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


def run(cell, around, number):
    fact, native = cell.fact, cell.way == "native"
    expected = {what: fact.expected(what, native, cell.build.number) for what in fact.seen}
    waits_for = {what for what, it in expected.items() if it != HANGS}
    own = around.scratch / "cells" / f"{number}_{cell.fact.name}"
    own.mkdir(parents=True)
    log, errors = own / "log.json", own / "stderr"
    command, env = command_and_environment(cell, around, own, log)
    began = time.monotonic()
    with open(errors, "wb") as stderr:
        process = subprocess.Popen(command, env=env, cwd=own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=stderr, start_new_session=True, preexec_fn=limits)
    try:
        lines, ended_by_us = watch(process, waits_for, HANGS in expected.values(), HEAVY_CAP if fact.heavy else CAP)
        code = process.poll()
    finally:
        # Children that a program left behind end with it; nobody else is in the session that was started for it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    result = Result(cell, [], {line["what"]: line for line in lines}, time.monotonic() - began)
    result.wrong = judge(cell, expected, result.seen, lines, process.pid, code, ended_by_us)
    if fact.records and not native:
        result.wrong += judge_records(fact, expected, log)
    said = errors.read_text(errors="replace").strip()
    if said and (result.wrong or not native):
        result.wrong.append("stderr: " + " | ".join(said.splitlines()[:12])[:1500])
    return result


def judge(cell, expected, seen, lines, pid, code, ended_by_us):
    wrong = [f"{what}: {fault}" for what, it in expected.items() for fault in it.faults(seen.get(what))]
    begins = [line["note"] for line in lines if line["what"] == "begin"]
    if not begins:
        wrong.append("the program did not begin")
    # Whoever starts a program knows it by its process id.
    if set(begins[:1] if cell.fact.spawns else begins) - {str(pid)}:
        wrong.append(f"the program has the pid {begins}, and {pid} was started")
    if wrong or not ended_by_us:
        ending = f"exit {code}" if code is None or code >= 0 else f"killed by {signal.Signals(-code).name}"
        if not ended_by_us and (code != 0 or HANGS in expected.values()):
            wrong.append(ending)
    for line in lines:
        if line["what"] not in expected and line["what"] not in ("begin", "pid before"):
            wrong.append(f"unexpected: {line}")
    return wrong


def judge_records(fact, expected, log):
    """Each cut has one record of its class that waited long enough, and nothing else has any."""
    records = []
    with contextlib.suppress(FileNotFoundError):
        records = [json.loads(line) for line in log.read_text().splitlines() if line]
    wanted = collections.Counter(it.by for it in expected.values() if isinstance(it, Cut) for _ in range(it.times))
    if fact.records is not True:
        wanted = collections.Counter(fact.records)
    met = collections.Counter(str(record.get("class")) for record in records)
    # No call of Go's says that its own deadline ended a wait: ours may then pass unseen, and be recorded.
    given_up = any(isinstance(it, Own) for it in expected.values())
    wrong = [] if met == wanted or given_up and met >= wanted else [f"records of {dict(met)}, not of {dict(wanted)}"]
    for record in records:
        if record.get("waited_ms", 0) < record.get("deadline_ms", 0):
            wrong.append(f"EARLY record: {record}")
    return wrong
