"""How late waits end under netdeadline beside a bare timerfd, in turn; and that none ends early, which is an assertion."""

import os
import subprocess

from tools import Broken, median, quantile, table

# waits, timeout and span in ms, rounds
SPREAD = ((10, 300, 200, 10), (1000, 1200, 1000, 4), (10000, 2200, 2000, 3))
QUICK = ((10, 200, 100, 3), (1000, 700, 500, 1), (10000, 2200, 2000, 1))
AT_ONCE = 10000
AIM_MS = 2.0


def first_in_line():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))


def run(workshop, how, count, timeout, span, claimed=None, realtime=False):
    """ns after the earliest allowed end, of each wait."""
    environment = workshop.environment("armed" if how in ("deadlines", "recv") else "native")
    for name in [name for name in environment if name.startswith("NETDEADLINE_")]:
        del environment[name]
    if "LD_PRELOAD" in environment:
        environment |= {"NETDEADLINE_READ": f"{timeout}ms", "NETDEADLINE_LOG": str(workshop.directory / "records")}
    command = [workshop.program("late"), how, str(count), str(claimed or timeout), str(span)]
    before = first_in_line if realtime else None
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, preexec_fn=before)
    if done.returncode or done.stderr:
        raise Broken(f"{' '.join(command[1:])}: exit {done.returncode}: {done.stderr[-500:]}")
    late = [int(line) for line in done.stdout.split()]
    if len(late) != count:
        raise Broken(f"{' '.join(command[1:])}: {len(late)} waits ended")
    return late


def judge_of_early(workshop):
    """The assertion must be able to fail: a program that believes in a longer deadline than is set sees early ends."""
    if min(run(workshop, "deadlines", 10, 50, 10, claimed=80)) >= 0:
        raise Broken("waits that end 30 ms early are not seen as early")


def us(ns):
    return f"{ns / 1000:.0f}"


class Lateness:
    """Everything that was measured, and what of it was early."""

    def __init__(self, workshop, realtime):
        self.workshop, self.realtime, self.early, self.waits, self.p99 = workshop, realtime, [], 0, {}

    def pair(self, title, ours, control, count, timeout, span, rounds):
        """A row of the table: rounds in turn, ours and the control."""
        late = {ours: [], control: []}
        for _ in range(rounds):
            for how in (control, ours):
                late[how] += run(self.workshop, how, count, timeout, span, realtime=self.realtime)
        if ours != "kernel-recv":  # its jiffies are its own affair
            self.early += [(title, ns) for ns in late[ours] if ns < 0]
            self.waits += len(late[ours])
        self.p99[title] = quantile(late[ours], 0.99)
        cells = [title]
        for how in (ours, control):
            cells += [us(median(late[how])), us(quantile(late[how], 0.99)), us(max(late[how]))]
        return [*cells, us(min(late[ours]))]


def report(workshop, size, realtime):
    """Print the table. True if nothing was early."""
    judge_of_early(workshop)
    quick = size == "quick"
    found = Lateness(workshop, realtime)
    made = [
        found.pair(f"{count:,} connections", "deadlines", "timers", count, timeout, span, rounds)
        for count, timeout, span, rounds in (QUICK if quick else SPREAD)
    ]
    made.append(found.pair(f"{AT_ONCE:,}, all at once", "deadlines", "timers", AT_ONCE, 1000, 0, 1 if quick else 3))
    made.append(found.pair("blocking recv", "recv", "timer-read", 20 if quick else 100, 20, 0, 1))
    made.append(found.pair("(SO_RCVTIMEO alone)", "kernel-recv", "timer-read", 20 if quick else 100, 20, 0, 1))
    print("Lateness in us: deadlines of silent connections in one epoll set, beside as many timerfds in one epoll set.")
    print("The deadlines lie spread over 0.2, 1 and 2 s, and all are armed when the first is due.")
    if realtime:
        print("Both with real-time priority: other programs of this machine do not count.")
    head = ["us after the deadline", "median", "p99", "max", "timerfd: median", "p99", "max", "earliest"]
    table(head, made)
    p99 = found.p99["10,000 connections"] / 1e6
    verdict = "met" if p99 <= AIM_MS else f"missed ({p99:.1f} ms)"
    print(f"Aim: p99 at most {AIM_MS:.0f} ms with 10,000 connections on a quiet machine: {verdict}.")
    for title, ns in found.early[:10]:
        print(f"EARLY: {title}: {-ns} ns before its deadline")
    verdict = f"{len(found.early)} early" if found.early else "met"
    print(f"Never early, in {found.waits:,} waits: {verdict}.\n", flush=True)
    return not found.early
