"""What an observation of a Go program may be expected to be: the words that facts.py is written in.

An expectation's `faults(seen)` says in words what is wrong with what was seen (None: it did not end within the watch), and
is empty when nothing is. What the facts are belongs into facts.py.
"""

import errno
from dataclasses import dataclass, field

# Even a busy machine is not this late. Not early is strict, and needs no such figure.
LATE_MS = 8000.0


def ended(seen):
    how = "without an error" if not seen["error"] else f"with {seen['error']!r}"
    return f"ended after {seen['ms']:.1f} ms {how}"


def on_time(seen, at_least, late=LATE_MS):
    if seen["ms"] < at_least:
        return [f"EARLY: {ended(seen)}, not before {at_least:g} ms"]
    if seen["ms"] > at_least + late:
        return [f"late: {ended(seen)}, expected at {at_least:g} ms"]
    return []


@dataclass(frozen=True)
class Hangs:
    """It is still waiting when the watch ends."""

    def faults(self, seen):
        return [f"does not wait: {ended(seen)}"] if seen else []


@dataclass(frozen=True)
class Cut:
    """It waits for its deadline and fails with ETIMEDOUT, and the program can tell that this was a timeout."""

    after: float
    by: str
    times: int = 1
    # Bytes must have moved before, where the fault lets them.
    moved: bool = False
    # An error that wraps ours may keep its Timeout() to itself; that is the wrapper's.
    tells: bool = True

    def faults(self, seen):
        if seen is None:
            return ["still waiting"]
        wrong = on_time(seen, self.after * self.times)
        if seen["errno"] != errno.ETIMEDOUT:
            wrong.append(f"not ETIMEDOUT: {ended(seen)}")
        if self.tells and not seen["timeout"]:
            wrong.append(f"Timeout() is false: {ended(seen)}")
        if seen["own"]:
            wrong.append(f"taken for the program's own deadline: {ended(seen)}")
        if self.moved and seen["n"] == 0:
            wrong.append("not a byte had moved")
        return wrong


@dataclass(frozen=True)
class Own:
    """The program's own deadline ends it, as if we were not there."""

    after: float

    def faults(self, seen):
        if seen is None:
            return ["still waiting"]
        wrong = on_time(seen, self.after)
        # Ours has an errno. (http.Client.Timeout became a context.DeadlineExceeded only after 1.21.)
        if not seen["timeout"] or seen["errno"]:
            wrong.append(f"not the program's own deadline: {ended(seen)}")
        return wrong


@dataclass(frozen=True)
class Ends:
    """It ends at once, or when the peer lets it, with just these properties."""

    error: str | None = None
    errno: str | None = None
    note: str | None = None
    n: int | None = None
    at_least: float = 0.0
    within: float = LATE_MS
    at_most: int | None = None
    says: str = ""
    eof: bool = False

    def faults(self, seen):
        if seen is None:
            return ["still waiting"]
        wrong = on_time(seen, self.at_least, self.within)
        met = errno.errorcode.get(seen["errno"])
        if self.errno and met != self.errno:
            wrong.append(f"not {self.errno}: {ended(seen)}")
        if self.eof and not seen["eof"]:
            wrong.append(f"not an end of file: {ended(seen)}")
        if self.says and self.says not in seen["error"]:
            wrong.append(f"does not say {self.says!r}: {ended(seen)}")
        if not (self.errno or self.eof or self.says) and seen["error"]:
            wrong.append(ended(seen))
        if self.note is not None and seen.get("note") != self.note:
            wrong.append(f"{seen.get('note')!r}, not {self.note!r}")
        if self.n is not None and seen["n"] != self.n:
            wrong.append(f"{seen['n']}, not {self.n}")
        if self.at_most is not None and seen["n"] > self.at_most:
            wrong.append(f"{seen['n']}, more than {self.at_most}")
        return wrong


@dataclass(frozen=True)
class Either:
    """Which of the two is a matter of who runs first."""

    one: object
    other: object

    def faults(self, seen):
        return self.one.faults(seen) and self.other.faults(seen)


# Under the library as natively.
SAME = None
HANGS = Hangs()


@dataclass(frozen=True)
class Fact:
    """One program under one policy: what each of its observations is, natively and under the library."""

    name: str
    # observation -> (natively, under the library)
    seen: dict
    # class or `rule` -> text; `{port}` and `{scratch}` are filled in by the runner
    policy: dict = field(default_factory=dict)
    program: str = ""
    env: dict = field(default_factory=dict)
    # The column of the matrix that this is, if it is one.
    fault: str = ""
    # Where Go itself was another: observation -> (first version that is as `seen` says, under the library before that)
    older: dict = field(default_factory=dict)
    # Whether each cut has one record, and nothing else has any (not where evidence is limited, or another process's); or
    # how many of which class there are.
    records: bool | dict = True
    # Whether other processes begin beside the one that was started.
    spawns: bool = False
    # Needs much of the machine: one at a time.
    heavy: bool = False

    def expected(self, what, native, version):
        ours = self.seen[what]
        if not native and what in self.older:
            before, other = self.older[what]
            if version < before:
                return other
        return ours[0] if native or ours[1] is SAME else ours[1]

    @property
    def runs(self):
        return self.program or self.name
