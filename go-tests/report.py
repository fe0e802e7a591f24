"""What a person reads: one line per cell as it ends, the matrix of builds and faults, and how late deadlines were."""

import statistics

from expect import Cut, Own
from facts import FACTS

COLUMNS = [fact for fact in FACTS if fact.fault]


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
