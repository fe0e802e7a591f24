"""What it costs to be started under the library: the time from posix_spawn to the end of a program that ends at once."""

import os
import random
import time

from go_workshop import BUILDS
from tools import Broken, median, quantile, table

AIM_MS = 3.0


def once(command, environment):
    start = time.perf_counter_ns()
    pid = os.posix_spawn(command[0], command, environment)
    _, status = os.waitpid(pid, 0)
    took = time.perf_counter_ns() - start
    if status:
        raise Broken(f"{' '.join(command)}: status {status:#x}")
    return took / 1e6


def report(workshop, size):
    turns = 10 if size == "quick" else 50
    plain = {build: workshop.command_of("start", build, "native") for build in BUILDS}
    kinds = {
        "static, plain": plain["static"],
        # One exec more and nothing else: what any launcher pays.
        "static, by env(1)": (["/usr/bin/env", *plain["static"][0]], plain["static"][1]),
        "static, by netdeadline run": workshop.command_of("start", "static", "armed"),
        "dynamic, plain": plain["dynamic"],
        "dynamic, LD_PRELOAD": workshop.command_of("start", "dynamic", "armed"),
    }
    found = {title: [] for title in kinds}
    order = list(kinds)
    for turn in range(turns + 2):
        random.shuffle(order)
        for title in order:
            took = once(*kinds[title])
            if turn > 1:
                found[title].append(took)
    cells = []
    for title, took in found.items():
        base = found[title.split(",")[0] + ", plain"]
        more = median(a - b for a, b in zip(took, base))
        cells.append([title, f"{median(took):.2f}", f"{quantile(took, 0.99):.2f}", "" if took is base else f"{more:+.2f}"])
    print(f"Starting a Go program that ends at once, {turns} times each, in turn.")
    table(["ms", "median", "p99", "over plain"], cells)
    more = median(a - b for a, b in zip(found["static, by netdeadline run"], found["static, plain"]))
    verdict = "met" if more <= AIM_MS else f"missed, {more:.1f}"
    print(f"Aim: the launcher at most {AIM_MS:.0f} ms over a plain exec: {verdict}.\n")
