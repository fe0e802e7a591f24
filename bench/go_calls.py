"""ns and instructions per system call of a Go program, patched against unpatched: paired and interleaved, as calls.py does."""

import contextlib
import os
import random
import subprocess

from calls import over, ratio
from go_workshop import BUILDS, VARIANTS, Answering
from tools import Broken, median, table

# kind in go/calls, what the table says, the aim in ns over native
RAW = (
    ("getppid", "getppid", 5),
    ("read-zero", "read 1 byte, /dev/zero", None),
    ("write-null", "write 1 byte, /dev/null", None),
    ("read-tcp", "read 1 byte, TCP", 15),
    ("write-tcp", "write 1 byte, TCP", None),
    ("eagain", "read that gets EAGAIN, TCP", None),
)
# x86-64's system call numbers, for the count of instructions.
READ = 0
NUMBERS = {"getppid": 110, "write-null": 1, "write-tcp": 1}
THROUGH = (
    ("conn-read", "conn.Read of 1 byte, TCP", None),
    ("conn-write", "conn.Write of 1 byte, TCP", None),
    ("pingpong", "ping-pong of 1 byte, TCP", None),
    ("connection", "Dial + Accept + 2 Close", None),
)


def measure(workshop, kind, build, generations, turns):
    """ns per call of each variant, one list each, the same turn at the same place."""
    found = {variant: [] for variant in VARIANTS}
    order = list(VARIANTS)
    processor = max(os.sched_getaffinity(0))
    for _ in range(generations):
        with contextlib.ExitStack() as stack, open(workshop.directory / "errors", "w+b") as errors:
            answering = {}
            for variant in VARIANTS:
                answering[variant] = one = Answering(workshop, kind, build, variant, errors, processor)
                stack.callback(one.end)
                one.ready()
                one.batch()
            for _ in range(turns):
                random.shuffle(order)
                turn = {variant: answering[variant].batch() for variant in order}
                for variant, ns in turn.items():
                    found[variant].append(ns)
            if errors.seek(0, os.SEEK_END):
                errors.seek(0)
                raise Broken(f"{kind}: {errors.read().decode(errors='replace')[-500:]}")
    return found


def count(workshop, kind, variant):
    """Instructions of one call of a static program, the loop around it included: the median of three batches of 20."""
    counted, processor = [], max(os.sched_getaffinity(0))
    beside = lambda: os.sched_setaffinity(0, {processor})
    with open(workshop.directory / "errors", "w+b") as errors:
        # Steps are slow, and a thread that is asked to yield in every one of them would get nowhere.
        extra = {"GODEBUG": "asyncpreemptoff=1"}
        one = Answering(workshop, kind, "static", variant, errors, processor, extra)
        try:
            one.ready()
            one.batch()
            for _ in range(3):
                command = [workshop.directory / "steps", str(one.process.pid), str(NUMBERS.get(kind, READ))]
                steps = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=beside)
                if steps.stdout.readline() != "ready\n":
                    raise Broken(f"{one.what}: no single steps")
                one.process.stdin.write(b"c")
                one.bytes(16)
                lines = steps.communicate(timeout=60)[0].split()
                if len(lines) != 19:
                    raise Broken(f"{one.what}: 20 calls made {len(lines) + 1} system calls")
                counted += [int(line) for line in lines]
        finally:
            one.end()
    return median(counted)


def rows(workshop, kinds, build, size):
    made, missed = [], []
    generations, turns = (2, 8) if size == "quick" else (4, 20)
    for kind, title, aim in kinds:
        found = measure(workshop, kind, build, generations, turns)
        digits = 0 if median(found["native"]) >= 1000 else 1
        cells = [title, f"{median(found['native']):.{digits}f}"]
        for variant in VARIANTS[1:]:
            cells += [f"{over(found, variant, 'native'):+.{digits}f}", f"{ratio(found, variant, 'native'):.2f}"]
        made.append(cells)
        missed += [
            f"{title} +{ns:.1f} of {aim}, {build}, {variant}"
            for variant in VARIANTS[1:]
            if aim and round(ns := over(found, variant, "native"), 1) > aim
        ]
    return made, missed


def report(workshop, size):
    head = ["ns per call", "native"]
    for variant in VARIANTS[1:]:
        head += [variant, "x native"]
    missed = []
    for build in BUILDS:
        for kinds, how in ((RAW, "straight through Go's Syscall6"), (THROUGH, "as a program makes them")):
            print(f"System calls of a {build} Go program, {how}. Columns: ns over native.")
            made, late = rows(workshop, kinds, build, size)
            missed += late
            table(head, made)
    verdict = "missed by " + "; ".join(missed) if missed else "met"
    print(f"Aim: at most 5 ns on getppid and 15 on a socket read: {verdict}.\n")
    print("Instructions per call in user space, static, by single steps. Columns: over native. Steps are slow, time passes from")
    print("call to call: armed pays in each what it else pays once in a while (a reading of the clock, a look at the connection).")
    made = []
    for kind, title, _ in RAW:
        counted = {variant: count(workshop, kind, variant) for variant in VARIANTS}
        made.append([title, f"{counted['native']:.0f}", *(f"{counted[v] - counted['native']:+.0f}" for v in VARIANTS[1:])])
    table(["instructions per call", *VARIANTS], made)
