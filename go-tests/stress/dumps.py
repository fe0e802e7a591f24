"""SIGQUIT at a random moment: what Go prints must be whole and readable. Only the judgement of dumps belongs here."""

import os
import random
import re
import signal
import subprocess
import time

# dump.go parks that many.
PARKED = 100
# Go dies of such a dump by itself, now and then: freezetheworld (runtime/proc.go) asks the other threads to stop and does not wait
# until they have, so a stack may move while it is walked. Natively 1 of some 3,300 was cut short by SIGSEGV so (Go 1.21.13, both
# cores busy). So a dump that is wrong is looked for again in as many more, and is a fault if it comes again.
AGAIN = 40
# What Go says where it could not walk a stack, or died of trying.
UNREADABLE = (
    *("unexpected return pc", "unknown pc", "fatal error", "traceback stuck", "unexpected signal", "goroutine stack exceeds"),
    *("panic during", "[signal SIG", "bad frame", "stack split at bad time", "runtime: bad", "morestack on", "throw"),
)
GOROUTINE = re.compile(r"^goroutine (\d+) .*\[.*\]:$")
REGISTERS = ("rax", "rbx", "rip", "rflags", "gs")


SIGNALLED = re.compile(r"^PC=0x([0-9a-f]+) ", re.M)
UNKNOWN = re.compile(r"unknown pc 0x([0-9a-f]+)")


def library(pid):
    """Where the library's code is in the process."""
    with open(f"/proc/{pid}/maps") as maps:
        found = [line.split()[0].split("-") for line in maps if " r-xp " in line and "/libnetdeadline" in line]
    return [range(int(start, 16), int(end, 16)) for start, end in found]


def without_own(text, ours):
    """The text without the one trace that is cut short because the signal itself found the library's code (docs/limits.md)."""
    at = SIGNALLED.search(text)
    if at and any(int(at[1], 16) in code for code in ours) and set(UNKNOWN.findall(text)) == {at[1]}:
        return UNKNOWN.sub("in the library", text)
    return text


def judge(text, code):
    """What is wrong with one dump, in words."""
    wrong = []
    lines = text.rstrip().splitlines()
    if code != 2:
        wrong.append(f"exit {code}, not 2")
    if "SIGQUIT: quit" not in text:
        return [*wrong, "no dump"]
    wrong += [f"it says {words!r}" for words in UNREADABLE if words in text]
    if (found := text.count("main.parkedToBeCounted(")) != PARKED:
        wrong.append(f"{found} of {PARKED} parked goroutines are listed")
    for number, line in enumerate(lines[:-1]):
        found = GOROUTINE.match(line)
        # Goroutine 0 is a thread's own stack, which may be in C.
        if found and found[1] != "0" and not lines[number + 1].strip():
            wrong.append(f"nothing under {line!r}")
    last = [line.split()[0] for line in lines[-21:] if line.strip()]
    if absent := [name for name in REGISTERS if name not in last]:
        wrong.append(f"it does not end with the registers: {absent} are not there")
    return wrong


def one(command, env, scratch):
    """Start a fresh process, interrupt it, and judge; (faults, the text of the dump)."""
    path = os.path.join(scratch, "dump")
    with open(path, "wb") as err:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err)
    try:
        if process.stdout.readline() != b"ready\n":
            raise ValueError("it did not start")
        ours = library(process.pid)
        time.sleep(random.uniform(0, 0.8))
        process.send_signal(signal.SIGQUIT)
        code = process.wait(30)
        wrong = None
    except (ValueError, subprocess.TimeoutExpired) as error:
        wrong = [str(error)]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with open(path, errors="replace") as text:
        said = text.read()
    return (judge(without_own(said, ours), code) if wrong is None else wrong), said


def many(command, env, scratch, seconds):
    """Dumps of fresh processes until the time is over; (how many, faults, the worst text, what came once)."""
    until, count, once, least = time.monotonic() + seconds, 0, [], 1
    while count < least or time.monotonic() < until:
        wrong, said = one(command, env, scratch)
        count += 1
        if wrong and once:
            return count, [*once, *wrong], said, []
        if wrong:
            once, least = wrong, count + AGAIN
    return count, [], "", once
