"""What a person reads: one line per cell as it ends, the matrix of builds and faults, and how late deadlines were."""

import os
import platform
import statistics
import time

from builds import MODES
from expect import HANGS, Cut, Own
from facts import FACTS, D

COLUMNS = [fact for fact in FACTS if fact.fault]

PAGE = """# Which Go programs are held to their deadlines

Printed by `go-tests/run --all --markdown docs/go-matrix.md`; do not edit it by hand. {when}, {machine}.

{cells} runs of {facts} facts: {passed} passed, {failed} failed, {skipped} skipped. {native} of the runs were without the library,
to show that a fault is a fault: there {waits} operations were still waiting when the test gave up, as they should.

Each row is one build of the same program ([go-tests/](../go-tests/README.md)) under the library, by one way in: `preload` is
LD_PRELOAD, `run` is `netdeadline run`. "facts" is how many of all facts held. The other columns are faults that natively wait for
ever, and how many ms after its deadline ({deadline} ms) the operation ended with an error whose `Timeout()` is true; the worst where
a fact has several operations. An operation that ended before its deadline, however little, is a failure. Many runs went on at a
time: for lateness on a quieter machine see [bench.md](bench.md).

```text
{lateness}
```
"""


def line(result):
    verdict = "FAIL" if result.wrong else "pass"
    faults = "".join(f"\n      {fault}" for fault in result.wrong)
    return f"{verdict}  {result.cell.name} ({result.seconds:.1f} s){faults}"


def overshoots(result, kind):
    """How late, in ms, each observation of that kind was."""
    native = result.cell.way == "native"
    for what in result.cell.fact.seen:
        expected = result.cell.fact.expected(what, native, result.cell.build.number)
        if isinstance(expected, kind) and what in result.seen:
            yield result.seen[what]["ms"] - expected.after * getattr(expected, "times", 1)


def entry(result):
    if result.wrong:
        return "FAIL"
    if result.cell.way == "native":
        return "hangs"
    return f"+{max(overshoots(result, Cut)):.0f} ms"


def matrix(results):
    """Builds and ways in down, faults across; the worst lateness where the deadline held."""
    rows = {}
    for result in results:
        if result.cell.fact.fault:
            key = f"{result.cell.build.name} {result.cell.way}"
            cells = rows.setdefault(key, {})
            if cells.get(result.cell.fact.fault) != "FAIL":
                cells[result.cell.fact.fault] = entry(result)
    table = [["", *(fact.fault for fact in COLUMNS)]]
    table += [[key, *(cells.get(fact.fault, "-") for fact in COLUMNS)] for key, cells in sorted(rows.items())]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in table)


def lateness(results):
    texts = []
    for title, kind, native in (("the library's deadlines", Cut, False), ("the program's own", Own, False),
                                ("the program's own, natively", Own, True)):
        late = [value for result in results if (result.cell.way == "native") == native and not result.wrong
                for value in overshoots(result, kind)]
        if late:
            texts.append(f"lateness of {len(late)} of {title}: median {statistics.median(late):.1f} ms, "
                         f"worst {max(late):.1f} ms, earliest {min(late):+.3f} ms")
    return "\n".join(texts) or "no deadline passed"


def machine():
    names = (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    cpu = next(names, platform.machine())
    return f"{os.cpu_count()} cores of {cpu}, Linux {platform.release()}, load average {os.getloadavg()[1]:.0f} at the end"


def page(results, counts):
    """The matrix as a page of docs/: a table per Go version, and what natively waits in one sentence."""
    native = [result for result in results if result.cell.way == "native"]
    ours = [result for result in results if result.cell.way != "native"]
    waits = sum(expected == HANGS for result in native if not result.wrong for what in result.cell.fact.seen
                for expected in [result.cell.fact.expected(what, True, result.cell.build.number)])
    # Each build once, in the order of the runs' table of modes rather than of the alphabet.
    order = {mode.name: number for number, mode in enumerate(MODES)}
    met = {}
    for result in ours:
        row = met.setdefault((result.cell.build.number, order[result.cell.build.mode.name], result.cell.way),
                             {"build": result.cell.build, "cells": {}, "passed": 0, "run": 0})
        row["run"] += 1
        row["passed"] += not result.wrong
        if fault := result.cell.fact.fault:
            if row["cells"].get(fault) != "FAIL":
                row["cells"][fault] = entry(result).removeprefix("+").removesuffix(" ms")
    columns = [fact.fault for fact in COLUMNS]
    facts = len({result.cell.fact.name for result in results})
    texts = [PAGE.format(when=time.strftime("%Y-%m-%d"), machine=machine(), facts=facts, cells=len(results), native=len(native),
                         waits=waits, deadline=D, lateness=lateness(results), passed=counts["pass"], failed=counts["FAIL"],
                         skipped=counts["skip"])]
    for version in sorted({number for number, *_ in met}):
        texts.append(f"## Go {'.'.join(map(str, version))}\n")
        texts.append(f"| build | way in | facts | {' | '.join(columns)} |")
        texts.append("|---|---|---:|" + "---:|" * len(columns))
        for (number, _, way), row in sorted(met.items()):
            if number == version:
                cells = " | ".join(row["cells"].get(fault, "-") for fault in columns)
                texts.append(f"| {row['build'].mode.name} | {way} | {row['passed']} of {row['run']} | {cells} |")
        texts.append("")
    return "\n".join(texts)
