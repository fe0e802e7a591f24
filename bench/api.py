"""What the C API costs: its own calls, and plain calls of a program that uses it or is only linked; paired as in calls.py."""

import subprocess

from calls import measure, over, ratio
from tools import Broken, median, quantile, table

# variant: program, role in api.c
PLAIN = {
    "unlinked": ("api", "none"),
    "linked": ("api.linked", "none"),
    "elsewhere": ("api.linked", "elsewhere"),
    "deadline": ("api.linked", "deadline"),
    "scope": ("api.linked", "scope"),
}
LEGEND = """\
unlinked   a program without the library
linked     the same program linked to it, without any nd_ call
elsewhere  it has set a deadline on another socket
deadline   a deadline in an hour on both ends
scope      the thread is in a scope that ends in an hour"""
# kind in api.c, what the table says
CALLS = (
    ("read-tcp", "read 1 byte, TCP"),
    ("recv-tcp", "recv 1 byte, TCP"),
    ("write-tcp", "write 1 byte, TCP"),
    ("read-unix", "read 1 byte, unix"),
    ("write-unix", "write 1 byte, unix"),
    ("eagain", "recv that gets EAGAIN, TCP"),
    ("poll", "poll of 1 ready connection"),
    ("epoll", "epoll_wait, a ready connection"),
)
# kind, role, what the table says. The first is what the others are to be compared with.
OWN = (
    ("clock", "none", "clock_gettime"),
    ("now", "none", "nd_now"),
    ("set", "none", "nd_set_deadline, TCP"),
    ("set-read", "none", "nd_set_read_deadline, TCP"),
    ("set-unix", "none", "nd_set_deadline, unix"),
    ("set-clear", "none", "nd_set_deadline, set and cleared in turn"),
    ("set-epoll", "none", "nd_set_deadline, in an epoll set"),
    ("set-waiter", "none", "nd_set_deadline later, a thread waits"),
    ("set-waiter-earlier", "none", "nd_set_deadline earlier, a thread waits and is woken"),
    ("get", "deadline", "nd_get_deadlines"),
    ("scope", "none", "nd_scope_enter + nd_scope_leave"),
)
DIRECT = (("recv-tcp", "recv 1 byte, TCP"), ("nd-read-tcp", "nd_read 1 byte, TCP"), ("set-recv", "nd_set_read_deadline + recv"))
SET_AIM, READ_AIM = 50.0, 25.0
AIMED = {"set", "set-read", "set-unix", "set-epoll", "set-waiter"}
READS = {"read-tcp", "recv-tcp", "read-unix"}


def variants(workshop, kind, which):
    environment = workshop.environment("native")
    return {name: ([workshop.program(program), role, kind], environment) for name, (program, role) in which.items()}


def plain_calls(workshop, turns):
    """The rows of calls that a plain program makes; and what a deadline adds to each read."""
    rows, added = [], []
    for kind, title in CALLS:
        found = measure(workshop.directory, variants(workshop, kind, PLAIN), *turns)
        cells = [title, f"{median(found['unlinked']):.1f}"]
        for variant in list(PLAIN)[1:]:
            cells += [f"{over(found, variant, 'unlinked'):+.1f}", f"{ratio(found, variant, 'unlinked'):.2f}"]
        rows.append(cells)
        if kind in READS:
            added.append((title, over(found, "deadline", "unlinked")))
    return rows, added


def own_calls(workshop, turns):
    """ns of each of the library's own calls, all kinds in turn."""
    which = {kind: ([workshop.program("api.linked"), role, kind], workshop.environment("native")) for kind, role, _ in OWN}
    return {kind: median(found) for kind, found in measure(workshop.directory, which, *turns).items()}


def direct_calls(workshop, turns):
    """The library's own read, and a deadline moved before every recv, over the same recv of an unlinked program."""
    environment, rows = workshop.environment("native"), []
    which = {kind: ([workshop.program("api.linked"), "deadline", kind], environment) for kind, _ in DIRECT}
    which["unlinked"] = ([workshop.program("api"), "none", "recv-tcp"], environment)
    found = measure(workshop.directory, which, *turns)
    for kind, title in DIRECT:
        rows.append([title, f"{over(found, kind, 'unlinked'):+.1f}", f"{ratio(found, kind, 'unlinked'):.2f}"])
    return rows


def verdict(missed):
    return "met" if not missed else "missed by " + ", ".join(f"{title} {ns:.1f}" for title, ns in missed)


def report(workshop, size):
    turns = (2, 8) if size == "quick" else (4, 20)
    print(f"{LEGEND}\n\nPlain calls with data or room there. ns: unlinked as it is, the others over it.")
    rows, added = plain_calls(workshop, turns)
    table(["ns per call", "unlinked", *(word for variant in list(PLAIN)[1:] for word in (variant, "x"))], rows)
    missed = [(title, ns) for title, ns in added if ns > READ_AIM]
    print(f"Aim: a read with a deadline and data ready at most {READ_AIM:.0f} ns over an unlinked one: {verdict(missed)}.\n")
    print("A recv with a deadline and data there: ns over the plain recv of an unlinked program.")
    table(["ns per call", "over", "x"], direct_calls(workshop, turns))
    print("The library's own calls. clock_gettime is libc's, beside them.")
    found = own_calls(workshop, turns)
    table(["ns per call", ""], [[title, f"{found[kind]:.1f}"] for kind, _, title in OWN])
    missed = [(title, found[kind]) for kind, _, title in OWN if kind in AIMED and found[kind] > SET_AIM]
    print(f"Aim: a deadline set in at most {SET_AIM:.0f} ns: {verdict(missed)}.\n", flush=True)


# ---- Waking -------------------------------------------------------------------------------------------------------------------


def woken(workshop, how, count):
    command = [workshop.program("wake"), how, str(count)]
    done = subprocess.run(command, env=workshop.environment("native"), capture_output=True, text=True, timeout=120)
    if done.returncode or done.stderr:
        raise Broken(f"wake {how}: exit {done.returncode}: {done.stderr[-500:]}")
    took = [int(line) for line in done.stdout.split()]
    if len(took) != count:
        raise Broken(f"wake {how}: {len(took)} of {count} waits ended")
    return took


def report_waking(workshop, size):
    rounds, count = (2, 50) if size == "quick" else (10, 200)
    ways = {"recv": "recv", "poll": "poll, then recv", "epoll": "epoll_wait, then recv", "eventfd": "poll with an eventfd, bare"}
    found = {how: [] for how in ways}
    for _ in range(rounds):
        for how in ways:
            found[how] += woken(workshop, how, count)
    print("A thread waits; another moves its deadline into the past, or writes to its eventfd. us until the wait was over.")
    rows = []
    for how, title in ways.items():
        figures = [median(found[how]), quantile(found[how], 0.99), max(found[how])]
        rows.append([title, *(f"{ns / 1000:.1f}" for ns in figures), f"{median(found[how]) / median(found['eventfd']):.2f}"])
    table(["us until woken", "median", "p99", "max", "x eventfd"], rows)
