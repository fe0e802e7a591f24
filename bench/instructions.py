"""Instructions per call in user space, counted by callgrind: the same on every run, however busy the machine."""

import re
import subprocess

from calls import MANAGED, UNMANAGED
from tools import VARIANTS, Broken, table

# How many calls a kind makes each time, where it is more than one; and the most that being idle may add to each.
CALLS = {"exchange": 4, "connection": 7}
AIM = 30


def count(workshop, variant):
    """Instructions of each kind of call, loop and libc included."""
    out = workshop.directory / f"callgrind.{variant}"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", workshop.program("calls"), "--count"]
    done = subprocess.run(command, env=workshop.environment(variant), capture_output=True, text=True, timeout=300)
    if done.returncode or "ERROR: ld.so" in done.stderr:
        raise Broken(f"callgrind, {variant}: exit {done.returncode}: {done.stderr[-500:]}")
    calls = dict(line.split() for line in done.stdout.splitlines())
    found = {}
    for part in out.parent.glob(f"{out.name}.*"):
        text = part.read_text()
        kind = re.search(r"^desc: Trigger: Client Request: (\S+)$", text, re.M)
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
        if kind and total:
            found[kind[1]] = int(total[1]) / int(calls[kind[1]])
    if found.keys() != calls.keys():
        raise Broken(f"callgrind, {variant}: counted {sorted(found)} of {sorted(calls)}; are valgrind's headers installed?")
    return found


def report(workshop):
    found = {variant: count(workshop, variant) for variant in VARIANTS}
    made, worst = [], []
    for kind, title in (*UNMANAGED, *MANAGED):
        if kind not in found["native"]:
            continue
        counted = {variant: found[variant][kind] for variant in VARIANTS}
        cells = [title, f"{counted['native']:.0f}", f"{counted['empty'] - counted['native']:+.0f}"]
        for variant in ("idle", "other", "armed"):
            shown = f"{counted[variant] - counted['empty']:+.0f}"
            cells.append("" if variant == "armed" and (kind, title) in UNMANAGED else shown)
        made.append(cells)
        worst.append(((counted["idle"] - counted["native"]) / CALLS.get(kind, 1), title))
    print("Instructions per call in user space. Column empty: over native; the others: over empty.")
    table(["instructions per call", "native", "empty", "idle", "other", "armed"], made)
    missed = [f"{title} {more:+.0f}" for more, title in sorted(worst, reverse=True) if round(more) > AIM]
    verdict = "missed by " + ", ".join(missed) if missed else "met"
    print(f"Aim: idle at most {AIM} instructions per call over native: {verdict}.\n", flush=True)
