"""Running one cell: the same client natively and under the library, at the same time, each with a server of its own.

What is expected comes from cells.py; nothing is printed here.
"""

import concurrent.futures
import contextlib
import json
import os
import queue
import re
import subprocess
import threading
import time
from dataclasses import dataclass, field

import cells
import servers
import ways

# The deadline of a fault, how long a native call is watched beyond it, and how late a busy machine may be.
DEADLINE, WATCHED, LATE = 1.5, 3.0, 15.0
# What no answer takes, for calls that must be left alone.
SOUND = "20s"
LOAD = "3s"
CAP = 40.0


@dataclass
class Side:
    """What one run came to: faults in words, and a note for the report."""

    wrong: list = field(default_factory=list)
    note: str = ""


class Driver:
    """A client that obeys lines (talk/talk.go). Its stdout is read by a thread, so that every wait is bounded."""

    def __init__(self, command, env, log):
        self.log = open(log, "w+b")
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, bufsize=1
        )
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def say(self, command, seconds):
        """The answer as a dictionary, or None where none came in time."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(command + "\n")
        with contextlib.suppress(queue.Empty):
            if line := self.lines.get(timeout=seconds):
                return json.loads(line)
            raise RuntimeError(f"the client ended with {self.process.wait(5)}: {self.complaint()}")
        return None

    def complaint(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-3000:]

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.reader.join(5)
        self.process.stdout.close()
        self.log.close()


def settings_of(cell, port):
    if cell.what in cells.FAULTS:
        return {f"NETDEADLINE_{cells.FAULTS[cell.what][0].upper()}": f"{round(DEADLINE * 1000)}ms"}
    if cell.what.startswith("idle"):
        return {f"NETDEADLINE_{cell.what.partition('-')[2].upper()}": f"{round(DEADLINE * 1000)}ms"}
    rule = f"connect={SOUND} response={SOUND} read={SOUND} write={SOUND} lifetime=1h"
    return {"NETDEADLINE_RULES": f"to * {rule}; on :{port} read={SOUND} write={SOUND} lifetime=1h"}


def records(log):
    with contextlib.suppress(FileNotFoundError), open(log) as lines:
        return [json.loads(line) for line in lines if line.strip()]
    return []


def wrong_records(found, wanted, server):
    wrong = []
    for record in found:
        if record["class"] != wanted or record["peer"] != f"{server.host}:{server.port}":
            wrong.append(f"a record of {record['class']} with {record['peer']}, not {wanted} with {server.host}:{server.port}")
        if record["waited_ms"] < record["deadline_ms"]:
            wrong.append(f"EARLY: a record says {record['waited_ms']} of {record['deadline_ms']} ms")
    return wrong


def healthy(driver, times=3):
    for _ in range(times):
        answer = driver.say("call", CAP)
        if answer is None or answer["Error"]:
            return [f"a healthy call: {answer['Error'] if answer else f'no answer after {CAP} s'}"]
    return []


def judge_end(cell, end, wanted):
    """What is wrong with how a call to a silent server ended under the library."""
    if end is None:
        return [f"still waiting {LATE} s after the deadline"]
    wrong = []
    least = DEADLINE * (1 if cell.what == "unreachable" else cell.client.waits)
    if end["Seconds"] < least:
        wrong.append(f"EARLY: it ended after {end['Seconds']:.3f} s of {least} s: {end['Error']}")
    if cells.TIMED_OUT not in end["Error"] or cell.client.note not in end["Note"]:
        wrong.append(f"it says {end['Error']!r} and {end['Note']!r}, which lacks {cells.TIMED_OUT!r} or {cell.client.note!r}")
    asked = {key: end[key] for key in wanted}
    if asked != wanted:
        wrong.append(f"its error is {asked}, not {wanted}: {end['Error']!r}")
    return wrong


def recover(driver):
    """The server is back: the next calls work again, some clients first wait before they connect anew."""
    until, last = time.monotonic() + CAP, None
    while time.monotonic() < until:
        if (last := driver.say("call", CAP)) is None or not last["Error"]:
            break
        time.sleep(0.2)
    return [] if last and not last["Error"] else [f"it does not recover: {last}"]


def fault(cell, driver, server, native, log):
    wanted, how = cells.FAULTS[cell.what]
    side = Side([] if cell.what == "unreachable" else healthy(driver))
    server.silence(how)
    end = driver.say("call", DEADLINE + (WATCHED if native else LATE))
    server.revive(how)
    if native:
        if end is not None:
            side.wrong.append(f"natively it does not hang: {end['Error']!r} after {end['Seconds']:.1f} s")
        return side
    side.wrong += judge_end(cell, end, cell.client.error)
    if end:
        side.note = f"{end['Seconds']:.3f} s: {end['Error']}"
        side.wrong += recover(driver)
    found = records(log)
    side.wrong += wrong_records(found, wanted, server) or ([] if found else ["no record"])
    return side


def load(driver):
    done = driver.say(f"load {LOAD}", CAP)
    if not done or done["Failed"] or done["Calls"] < 50:
        return Side([f"of the calls of {LOAD} failed: {done}"])
    return Side(note=f"{done['Calls']} calls, the longest {done['Longest'] * 1000:.0f} ms")


def idle(driver):
    side = Side(healthy(driver))
    time.sleep(2 * DEADLINE)
    side.wrong += healthy(driver)
    return side


def own(driver, server):
    """The program's own timeout, shorter than ours."""
    side = Side(healthy(driver))
    server.silence("stopped")
    end = driver.say("call", CAP)
    server.revive("stopped")
    if not end or not cells.OWN_SECONDS <= end["Seconds"] < cells.OWN_SECONDS + 1.5:
        side.wrong.append(f"its own timeout of {cells.OWN_SECONDS} s: {end}")
    elif (asked := {key: end[key] for key in cells.OWN.error}) != cells.OWN.error:
        side.wrong.append(f"its error is {asked}, not {cells.OWN.error}: {end['Error']!r}")
    side.note = f"{end['Seconds']:.3f} s: {end['Error']}" if end else ""
    return side


def hey(cell, server, binary, way, log):
    """`hey` itself, fifty connections at a time."""
    scheme = "https" if cell.client.server == "https" else "http"
    command = [str(binary), "-z", LOAD, "-c", "50", "-t", "0", *cell.client.arguments, f"{scheme}://{server.host}:{server.port}/"]
    command, env = ways.started(way, command, settings_of(cell, server.port), log)
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CAP * 2)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    answers = re.findall(r"\[(\d+)\]\s+(\d+) responses", done.stdout)
    if done.returncode or "Error distribution" in done.stdout or [code for code, _ in answers] != ["200"] or not rate:
        return Side([f"exit {done.returncode}: {done.stdout[-1500:]} {done.stderr[-1500:]}"])
    return Side(note=f"{answers[0][1]} requests, {float(rate[1]):.0f}/s")


def run_side(cell, way, network, scratch, built):
    """One half of a cell: `way` is the cell's, or `native`."""
    native = way == "native"
    log, port = f"{scratch}/log", servers.PORTS.get(cell.client.server, 8080)
    # A Go server under load is under the library too; one that is to go silent is left alone.
    sound = settings_of(cell, port) if cell.what == "load" else None
    serving, env = ways.started(way if sound else "native", [str(built["server"])], sound or {}, f"{scratch}/server-log")
    with servers.running(network, cell.client.server, f"{scratch}/server", built, serving, env) as server:
        if cell.client in cells.HEYS:
            side = hey(cell, server, built["hey"], way, log)
        else:
            command = [str(built[cell.client.program]), f"{server.host}:{server.port}", *cell.client.arguments]
            driver = Driver(*ways.started(way, command, settings_of(cell, port), log), f"{scratch}/err")
            try:
                if cell.what in cells.FAULTS:
                    side = fault(cell, driver, server, native, log)
                elif cell.what == "own":
                    side = own(driver, server)
                else:
                    side = load(driver) if cell.what == "load" else idle(driver)
            finally:
                driver.end()
    return conclude(cell, side, native, log, f"{scratch}/server-log")


def conclude(cell, side, native, *logs):
    """Where nothing may expire there must be no record either; an idle connection that is read from ends once."""
    if native or cell.what in cells.FAULTS:
        return side
    found = [record for log in logs for record in records(log)]
    expected = int(cell.what == "idle-read" and cell.client.reads_idle)
    if len(found) != expected:
        side.wrong.append(f"{len(found)} records, not {expected}; the first: {found[:1]}")
    if cell.what.startswith("idle"):
        side.note = f"{len(found)} idle connections ended"
    return side


def run_cell(cell, network, scratch, built, native_only):
    """Both halves, at the same time."""
    os.makedirs(scratch)
    os.chmod(scratch, 0o755)

    def half(way):
        try:
            os.makedirs(f"{scratch}/{way}")
            return run_side(cell, way, network, f"{scratch}/{way}", built)
        except (OSError, RuntimeError, ValueError, KeyError, subprocess.SubprocessError) as error:
            return Side([f"{type(error).__name__}: {error}"])

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        halves = {way: pool.submit(half, way) for way in ("native", *([] if native_only else [cell.way]))}
        return {way: side.result() for way, side in halves.items()}
