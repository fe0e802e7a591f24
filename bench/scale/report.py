"""What was found, as tables, as a TSV, and in the document. Nothing is measured here."""

import io
import math
import re
from contextlib import redirect_stdout

import plot
from tools import table

# The range over which growth is judged: below it a cache or a fixed part shows, not the law.
FROM = 1_000


def sizes(figures, what, operation, unit):
    return sorted(n for w, o, u, n in figures if (w, o, u) == (what, operation, unit))


def slope(figures, what, operation, unit):
    """The exponent of n by which the figure grows, from 1,000 to the largest n: a line through the logarithms."""
    points = [(math.log(n), math.log(max(figures[what, operation, unit, n], 1e-9)))
              for n in sizes(figures, what, operation, unit) if n >= FROM]
    if len(points) < 2:
        return None
    mx, my = (sum(axis) / len(points) for axis in zip(*points))
    return sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points)


# What must not grow with n, by instructions, which are the same on a busy machine. The rest is said in docs/scale.md.
CONSTANT = {
    "set": ("arm", "arm the earliest of all", "re-arm later", "re-arm earlier", "find the next", "expire one", "look at one that was moved"),
    "door": ("create", "register", "arm", "re-arm later", "re-arm earlier", "disarm", "wait, nothing due", "close"),
    "crowd": ("re-arm one", "re-arm one that had two numbers", "meet one for the first time", "a connection comes, beside n sets"),
}
# From a thousand to the most that was counted: a level more of a tree is no growth, ten times as many visits are.
MOST = 1.3


def grown(figures):
    """(operation, times) of what had to be constant, and is not; `None` times for what was not counted."""
    found = []
    for what, operations in CONSTANT.items():
        for operation in operations:
            counted = [n for n in sizes(figures, what, operation, "instructions") if n >= FROM]
            if len(counted) < 2:
                found.append((f"{what}: {operation}", None))
                continue
            first, last = (figures[what, operation, "instructions", n] for n in (counted[0], counted[-1]))
            if last > MOST * first:
                found.append((f"{what}: {operation}", last / first))
    return found


def number(value):
    if value is None:
        return ""
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def growth(figures, what, unit, title):
    operations = []
    for w, o, u, _ in figures:
        if (w, u) == (what, unit) and o not in operations:
            operations.append(o)
    if not operations:
        return
    columns = sorted({n for w, _, u, n in figures if (w, u) == (what, unit)})
    rows = []
    for operation in operations:
        grows = slope(figures, what, operation, unit)
        cells = [number(figures.get((what, operation, unit, n))) for n in columns]
        rows.append([operation, *cells, "" if grows is None else f"{grows:+.2f}"])
    print(title)
    table([unit, *(f"{n:,}" for n in columns), "n to the"], rows)


def lateness(figures):
    names = (("late deadlines", "deadlines, synthetic"), ("real expiring", "deadlines, real connections"), ("late timers", "timerfds"))
    rows = []
    for n in sorted({n for w, o, _, n in figures if o == "earliest"}):
        for what, title in names:
            values = [figures.get((what, operation, "ns", n)) for operation in ("earliest", "median", "p99", "max")]
            if values[0] is not None:
                rows.append([f"{n:,} {title}", *(f"{value / 1000:,.0f}" for value in values)])
    if rows:
        print("Lateness: us after the deadline. Negative would be early, and an error.")
        table(["us", "earliest", "median", "p99", "max"], rows)


def memory(figures):
    rows = []
    for n in sorted({n for w, o, _, n in figures if "bytes" in o}):
        native, armed = (figures.get((what, "resident bytes", "bytes", n)) for what in ("real native", "real armed"))
        mapped = figures.get(("door", "bytes of memory", "bytes", n))
        # Below a thousand it is pages, not descriptors, that are counted.
        more = None if native is None or armed is None or n < FROM else armed - native
        rows.append([f"{n:,}", number(mapped), number(more)])
    if rows:
        print("Memory for each descriptor, in bytes: what the engine asks for, with a deadline of the C API on each; and what a real")
        print("process under a policy of the operator has resident beyond the same process without us.")
        table(["descriptors", "asked for", "resident"], rows)


def tables(figures):
    """All tables, as text."""
    out = io.StringIO()
    with redirect_stdout(out):
        for what, title in (
            ("set", "The set alone, n deadlines armed."),
            ("heap", "The control: a binary heap (std's BinaryHeap, corrected when it is wrong; one thread)."),
            ("btree", "The control: a B-tree (std's BTreeSet; one thread)."),
            ("door", "The whole engine, n deadlines armed, without the kernel's part of a call."),
            ("timerfd", "The control: a timerfd for each descriptor, all in one epoll set. Each figure is a system call."),
            ("crowd", "Rarer things, beside n descriptors or sets."),
        ):
            for unit in ("ns", "instructions"):
                growth(figures, what, unit, title)
        growth(figures, "real native", "ns", "Real connections in one epoll set, without us.")
        growth(figures, "real armed", "ns", "The same under read=1h.")
        lateness(figures)
        memory(figures)
    return out.getvalue()


def tsv(head, figures):
    lines = [f"# {line}" for line in head] + ["what\toperation\tunit\tn\tvalue"]
    lines += ["\t".join((what, operation, unit, str(n), f"{value:.1f}")) for (what, operation, unit, n), value in figures.items()]
    return "\n".join(lines) + "\n"


def write_docs(root, head, figures, text):
    """The plot, and the figures in the document, between its marks."""
    (root / "docs/scale.svg").write_text(plot.svg(figures))
    document = root / "docs/scale.md"
    block = "\n".join(["```text", *head, "", text.rstrip(), "```"])
    marked = re.compile(r"(<!-- figures -->\n).*?(<!-- end -->)", re.S)
    document.write_text(marked.sub(lambda marks: marks[1] + block + "\n" + marks[2], document.read_text()))
