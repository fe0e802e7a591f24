"""Running one cell: the same command natively and under the library, at the same time, each against a server of its own.

What is expected comes from cells.py, what the evidence must say from records.py; nothing is printed here.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

import faults
import namespace
import records

# The deadline of a fault, the time after which a native run counts as hanging, and the deadline of a control, whose
# server takes LATE of it.
DEADLINE = 1.2
HANGING = 4.0
CONTROL = 2.5
LATE = 0.8
# A run that is not over by then is ended by us and fails.
CAP = 20.0
# Starting a client (a JVM that compiles its source, on a busy machine) and its own back-off between two tries.
SLACK = 8.0
PORT = re.compile(r":\d+")
# SYNs are sent again one second apart: room made at 1.5 s is found at 2.0 s, which is 0.8 of CONTROL.
ROOM_AFTER = 1.5


@dataclass
class Run:
    code: int | None
    output: str
    seconds: float
    loaded: bool


@dataclass
class Result:
    cell: object
    wrong: list
    native: Run | None = None
    shimmed: Run | None = None
    records: list = field(default_factory=list)


def server_for(cell, furniture):
    """The fault as a context manager that yields an address."""
    protocol, is_ssh = cell.client.protocol, "ssh" in cell.client.name
    delay = LATE * CONTROL
    match cell.fault:
        case "syn-dropped":
            return faults.syn_dropped(protocol)
        case "full-backlog":
            return faults.full_backlog(protocol)
        case "silent" | "silent-read":
            return faults.silent(protocol)
        case "half":
            return faults.half(protocol)
        case "drip":
            return faults.drip(protocol)
        case "zero-window" if is_ssh:
            return faults.relayed(furniture.sshd, limit=200_000)
        case "zero-window" if cell.client.name == "openssl":
            return faults.tls(furniture.tls, protocol)
        case "zero-window":
            return faults.zero_window(protocol)
        case "late" if is_ssh:
            return faults.relayed(furniture.sshd, delay=delay)
        case "late" if cell.client.name == "openssl":
            return faults.tls(furniture.tls, protocol, delay=delay)
        case "late" | "late-reader":
            return faults.late(protocol, delay)
        case "late-accept":
            return faults.full_backlog(protocol, room_after=ROOM_AFTER)
    raise AssertionError(f"no server for {cell.name}")


def environment(cell, library, log, values):
    """Without LD_PRELOAD and our variables for the native run; the program's own language stays fixed for the texts."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("NETDEADLINE_", "LD_PRELOAD"))}
    env.update(LC_ALL="C", LANGUAGE="", **{key: value.format(**values) for key, value in cell.client.env.items()})
    env = {key: value for key, value in env.items() if not key.lower().endswith("_proxy")}
    if cell.client.wraps:
        env["ND_TEST_PRELOAD"] = library or ""
    if not library:
        return env
    if not cell.client.wraps:
        env["LD_PRELOAD"] = library
    env.update(NETDEADLINE_LOG=log, NETDEADLINE_LOG_FORMAT="json")
    if cell.expect:
        env[f"NETDEADLINE_{cell.cut_by.upper()}"] = f"{round(DEADLINE * 1000)}ms"
    else:
        for name in ("CONNECT", "READ", "WRITE", "RESPONSE"):
            env[f"NETDEADLINE_{name}"] = f"{round(CONTROL * 1000)}ms"
        env["NETDEADLINE_LIFETIME"] = "1h"
    return env


def anyone_loaded(session, library):
    """Whether a process of this session has the library mapped: without that a control shows nothing."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat") as stat:
                if int(stat.read().rpartition(")")[2].split()[3]) != session:
                    continue
            with open(f"/proc/{pid}/maps") as maps:
                if os.path.basename(library) in maps.read():
                    return True
    return False


def end_session(process):
    """End the process group that we started, and collect what it said."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()[0]


def execute(command, env, stdin, cap, library):
    started = time.monotonic()
    with open(stdin or os.devnull, "rb") as source:
        process = subprocess.Popen(
            command, env=env, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
    loaded, code, output = False, None, b""
    while True:
        try:
            output, _ = process.communicate(timeout=0.3)
            code = process.returncode
            break
        except subprocess.TimeoutExpired:
            loaded = loaded or bool(library) and anyone_loaded(process.pid, library)
            if time.monotonic() - started > cap:
                output = end_session(process)
                break
    return Run(code, output.decode(errors="replace"), time.monotonic() - started, loaded)


def launch(cell, furniture, library, scratch):
    """One run of the cell's client against a fresh server, and the peers that its records may name."""
    log = os.path.join(scratch, "log.json")
    with server_for(cell, furniture) as (host, port):
        values = {**vars(furniture), "host": cell.host or host, "port": port, "scratch": scratch, "log": log}
        values.update(spare=next(furniture.spare), run="shimmed" if library else "native")
        command = [word.format(**values) for word in (cell.client.get if cell.mode == "get" else cell.client.put)]
        stdin = (cell.client.stdin if cell.mode == "get" else cell.client.put_stdin).format(**values)
        cap = CAP if library or not cell.expect else HANGING
        run = execute(command, environment(cell, library, log, values), stdin, cap, library)
    names = {"two.test": namespace.DEAD, "": (host,)}.get(cell.host, (cell.host,))
    return run, {f"{name}:{port}" for name in names}, records.read(log)


def last_lines(text):
    return " | ".join(text.strip().splitlines()[-3:])[-300:]


def judge_native(cell, run):
    if cell.expect and run.code is not None:
        return [f"natively it does not hang: exit {run.code} after {run.seconds:.1f} s: {last_lines(run.output)}"]
    if not cell.expect and run.code != 0:
        return [f"natively the control fails: exit {run.code} after {run.seconds:.1f} s: {last_lines(run.output)}"]
    return []


def judge_fault(cell, run, peers, found):
    want, wrong = cell.expect, []
    if run.code is None:
        wrong.append(f"still running after {CAP:.0f} s with the library")
    elif run.code not in want.codes:
        wrong.append(f"exit {run.code}, not {want.code}: {last_lines(run.output)}")
    if not re.search(want.says, run.output):
        wrong.append(f"it says {last_lines(run.output)!r}, which lacks {want.says!r}")
    if len(found) != want.times:
        kinds = ", ".join(f"{record.get('operation')}:{record.get('class')}" for record in found)
        wrong.append(f"{len(found)} records, not {want.times} ({kinds})")
    for record in found:
        wrong += records.faults_of(record, cell.cut_by, DEADLINE, peers)
    if run.seconds > DEADLINE * want.times + SLACK:
        wrong.append(f"late: over after {run.seconds:.1f} s, with {want.times} deadlines of {DEADLINE} s")
    if run.seconds < DEADLINE * want.times:
        wrong.append(f"EARLY: over after {run.seconds:.3f} s, with {want.times} deadlines of {DEADLINE} s")
    return wrong


def judge_control(native, run, found):
    wrong = []
    # Each run has a server of its own, on a port of its own.
    if (run.code, PORT.sub("", run.output)) != (native.code, PORT.sub("", native.output)):
        was, now = last_lines(native.output), last_lines(run.output)
        wrong.append(f"disturbed: natively {native.code} {was!r}, now {run.code} {now!r}")
    if found:
        wrong.append(f"{len(found)} records of a server that answered in time: {found[0]}")
    return wrong


def run_cell(cell, furniture, library):
    """Both runs and their judgement. Without a library (`--native`) only the native half."""
    missing = cell.client.needs.format(**vars(furniture))
    if not shutil.which(missing):
        return Result(cell, [f"{missing} is not installed (tests/programs/packages.txt)"])
    own = os.path.join(furniture.scratch, "cells", cell.name.replace("/", "_"))
    scratch = {kind: os.path.join(own, kind) for kind in ("native", "shimmed")}
    for directory in scratch.values():
        os.makedirs(directory)
        # nginx's worker has given up root by the time it opens the log.
        os.chmod(directory, 0o777)
    native = []
    beside = threading.Thread(target=lambda: native.append(launch(cell, furniture, None, scratch["native"])[0]))
    beside.start()
    result = Result(cell, [])
    if library:
        result.shimmed, peers, result.records = launch(cell, furniture, library, scratch["shimmed"])
    beside.join()
    if not native:
        result.wrong.append("the native run could not be started")
        return result
    result.native = native[0]
    result.wrong += judge_native(cell, result.native)
    if library:
        if not result.shimmed.loaded:
            result.wrong.append("no process of this run had the library mapped")
        if cell.expect:
            result.wrong += judge_fault(cell, result.shimmed, peers, result.records)
        else:
            result.wrong += judge_control(result.native, result.shimmed, result.records)
    return result
