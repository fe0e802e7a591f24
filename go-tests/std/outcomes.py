"""What a Go test binary printed under -test.v=test2json, as outcomes by name. It runs nothing and judges nothing.

With that flag every line of the framework's own begins with ^V (0x16), wherever it lands (go/src/testing, `chattyFlag`), so
that output without a newline, or of two tests at once, hides none of them.
"""

import re

FRAMED = re.compile(r"=== (RUN|PAUSE|CONT|NAME) *(\S*)|--- (PASS|FAIL|SKIP|BENCH): (\S+) \(")
KINDS = {"PASS": "pass", "FAIL": "fail", "SKIP": "skip"}
# A pseudo-test: that the process ended as its tests' outcomes say. A panic, a leak found by TestMain, a signal are not.
PROCESS = "(the process)"


def top(name):
    """The test function of a subtest: what -test.run can select without knowing how names are quoted."""
    return name.split("/", 1)[0]


class Printed:
    """One process's output: outcomes and text by test, and the tests which it had begun and not ended."""

    def __init__(self, text):
        self.outcomes, self.texts, self.begun, self.paused = {}, {}, set(), set()
        head, *framed = text.split("\x16")
        current = PROCESS
        self.add(current, head)
        for piece in framed:
            line, _, rest = piece.partition("\n")
            said = FRAMED.search(line)
            if not said:
                self.add(current, piece)
                continue
            what, named, outcome, ended = said.groups()
            if outcome in KINDS:
                self.outcomes[ended] = KINDS[outcome]
                self.begun.discard(ended)
            elif what:
                current = named or PROCESS
                if what == "RUN":
                    self.begun.add(named)
                (self.paused.add if what == "PAUSE" else self.paused.discard)(named)
            self.add(current, rest)

    def add(self, name, text):
        if text.strip():
            self.texts[name] = (self.texts.get(name, "") + text)[-4000:]

    def running(self):
        """Test functions that were at work when the process ended."""
        return {top(name) for name in self.begun - self.paused}


def consistent(printed, status):
    """Whether the process ended as its tests' outcomes say."""
    failed = "fail" in printed.outcomes.values()
    return not printed.begun and status == (1 if failed else 0)
