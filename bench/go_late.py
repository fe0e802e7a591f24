"""How late reads of a Go program end: by our deadline, by Go's own, and a bare timerfd, in turn; and that none ends early."""

import subprocess

from go_workshop import BUILDS
from tools import HOUR, Broken, median, quantile, table

TIMEOUT_MS = 100


def run(workshop, build, variant, how, waits, claimed=TIMEOUT_MS):
    """ns after the earliest allowed end, of each wait."""
    extra = {"hour": HOUR, "deadline": {"NETDEADLINE_READ": f"{TIMEOUT_MS}ms"}}.get(variant, {})
    extra = extra | ({"NETDEADLINE_LOG": str(workshop.directory / "records")} if extra else {})
    command, environment = workshop.command_of("late", build, variant, [how, waits, claimed], extra)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode or done.stderr:
        raise Broken(f"late {how}, {build}, {variant}: exit {done.returncode}: {done.stderr[-500:]}")
    late = [int(line) for line in done.stdout.split()]
    if len(late) != waits:
        raise Broken(f"late {how}, {build}, {variant}: {len(late)} waits ended")
    return late


def us(ns):
    return f"{ns / 1000:.0f}"


def report(workshop, size):
    """Print the table. True if nothing was early."""
    rounds, waits = (2, 50) if size == "quick" else (6, 200)
    if min(run(workshop, "static", "deadline", "policy", 10, TIMEOUT_MS + 30)) >= 0:
        raise Broken("waits that end 30 ms early are not seen as early")
    kinds = [("timerfd, no library", "static", "native", "timerfd"), ("Go's own, no library", "static", "native", "own")]
    for build in BUILDS:
        kinds.append((f"our deadline, {build}", build, "deadline", "policy"))
        kinds.append((f"Go's own beside ours of an hour, {build}", build, "hour", "own"))
    found = {title: [] for title, *_ in kinds}
    for _ in range(rounds):
        for title, build, variant, how in kinds:
            found[title] += run(workshop, build, variant, how, waits)
    print(f"Lateness of reads in a Go program at a deadline of {TIMEOUT_MS} ms, {rounds * waits} of each, ten at a time.")
    cells = [
        [title, us(median(late)), us(quantile(late, 0.99)), us(max(late)), us(min(late))] for title, late in found.items()
    ]
    table(["us after the deadline", "median", "p99", "max", "earliest"], cells)
    own = median(found["Go's own, no library"])
    missed = [build for build in BUILDS if median(found[f"our deadline, {build}"]) >= own]
    print(f"Aim: our median below Go's own: {'missed, ' + ', '.join(missed) if missed else 'met'}.")
    early = [(title, ns) for title, late in found.items() for ns in late if ns < 0]
    for title, ns in early[:10]:
        print(f"EARLY: {title}: {-ns} ns before its deadline")
    print(f"Never early, in {len(kinds) * rounds * waits:,} waits: {f'{len(early)} early' if early else 'met'}.\n", flush=True)
    return not early
