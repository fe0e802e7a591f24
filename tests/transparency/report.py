"""Every difference between a native run and another: repeated, judged, printed, and written down.

CPython's tests, Go's (go-tests/std) and the event loops' (tests/suites) are all judged here. How tests run belongs elsewhere.
"""

import hashlib
import os
import platform
import subprocess
import time
from pathlib import Path

import compare

ROOT = Path(__file__).resolve().parent.parent.parent

# A difference is repeated three times each way; one that then is not the library's for certain, more often; one that came again
# and may still be chance, more often yet.
REPEATS = (3, 7, 20)
REPEAT_SECONDS = 240
# What does not come again by itself may come again among the others: so often everything is run once more.
WHOLE = 2


def judge(title, plain, other, repeat, repeats=REPEATS, whole=WHOLE):
    """{test: verdict} for every test whose outcome differs.

    `plain` and `other` are {test: (outcome, text)}; `repeat(names)` runs these tests again, by themselves (None: all tests),
    and answers ({test: outcome} natively, {test: outcome} with the library). `repeats` and `whole` say how often it is asked.
    """
    count = sum(outcome == "pass" for outcome, _ in plain.values())
    names = compare.differences(plain, other)
    print(f"\n{title}: {len(plain)} tests, {count} pass natively, {len(names)} differ at first", flush=True)
    for name, (outcome, _) in sorted(plain.items()):
        if outcome in ("fail", "error", "died"):
            print(f"   natively {outcome:5} {name}")
    seen = {name: ([plain.get(name, compare.ABSENT)[0]], [other.get(name, compare.ABSENT)[0]]) for name in names}
    verdicts, until = {}, time.monotonic() + REPEAT_SECONDS
    for times in repeats:
        settled = ("differs",) if times < REPEATS[-1] else ("differs", "once", "flaps natively")
        doubtful = [name for name in names if verdicts.get(name) not in settled]
        for _ in range(times if doubtful else 0):
            if time.monotonic() > until and verdicts:
                break
            for side, outcomes in enumerate(repeat(doubtful)):
                for name in doubtful:
                    seen[name][side].append(outcomes.get(name, "absent"))
        verdicts |= {name: compare.verdict(*seen[name]) for name in doubtful}
    if whole and {"once", "seldom"} & set(verdicts.values()):
        for name in among_others(plain, [repeat(None) for _ in range(whole)]):
            print(f"   again and again where all tests run: {name}")
            verdicts[name] = "differs"
    for name in names:
        native, ours = (tally(outcomes) for outcomes in seen[name])
        print(f"   {verdicts[name]}: {name}: natively {native}; with the library {ours}")
        if verdicts[name] == "differs":
            print("      " + other.get(name, compare.ABSENT)[1].strip().replace("\n", "\n      "))
    return verdicts


def among_others(plain, runs):
    """Tests that differ where the whole suite runs again: none unless each such run has one and each native run has none.

    A fault that hits one call in so many hits another test each time, or none where few run.
    """
    first = {name: outcome for name, (outcome, _) in plain.items()}
    if any(native != first for native, _ in runs):
        return []
    strange = [{name for name in other.keys() | first.keys() if other.get(name) != first.get(name)} for _, other in runs]
    return sorted(set.union(*strange)) if all(strange) else []


def made_of(library):
    """Which library it was: the commit of the checkout that it lies in, if it lies in ours."""
    known = ROOT / "target" in library.parents
    command = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True) if known else None
    commit = f"of commit {done.stdout.strip()}" if done and not done.returncode else "of no known commit"
    return f"the library: {commit}, SHA-256 {hashlib.sha256(library.read_bytes()).hexdigest()[:16]}"


def tally(outcomes):
    """The first outcome, and those of the repetitions with their numbers."""
    again = outcomes[1:]
    return f"{outcomes[0]}, then " + " ".join(f"{again.count(one)} {one}" for one in dict.fromkeys(again))


class Results:
    """A table of what was compared: a row for each suite under each condition."""

    COLUMNS = ("suite", "condition", "tests", "pass natively", "differ at first", "after repeating")

    def __init__(self, about, library):
        self.about, self.rows = [*about, made_of(Path(library).resolve())], []

    def add(self, suite, condition, plain, verdicts):
        """Whether nothing is the library's."""
        count = sum(outcome == "pass" for outcome, _ in plain.values())
        found = []
        for verdict in sorted(set(verdicts.values())):
            names = sorted(name for name in verdicts if verdicts[name] == verdict)
            found.append(f"{verdict} ({len(names)}): {' '.join(names)}")
        self.rows.append((suite, condition, len(plain), count, len(verdicts), "; ".join(found) or "-"))
        return "differs" not in verdicts.values()

    def write(self, path):
        with open(path, "w") as file:
            machine = f"Linux {platform.release()}, {os.cpu_count()} processors, {time.strftime('%Y-%m-%d', time.gmtime())}"
            for line in dict.fromkeys((*self.about, machine)):
                print(f"# {line}", file=file)
            for row in (self.COLUMNS, *self.rows):
                print(*row, sep="\t", file=file)

    def summary(self):
        """One line: what all rows say together."""
        tests, first = sum(row[2] for row in self.rows), sum(row[4] for row in self.rows)
        ours = sum(row[5].count("differs (") for row in self.rows)
        return f"{len(self.rows)} comparisons of {tests} tests: {first} differed at first, in {ours} comparisons the library's"
