"""Runs test modules of CPython's own suite and writes one JSON line when a test starts and one when it ends.

Started by ./run, by the Python whose tests these are, with or without the library. The lines are written at once, so a
process that dies still says which test it died in. Arguments: a JSON object with `results` (the file to append to),
`modules`, `only` (ids, or classes with a dot behind; null for all), `without` (ids) and `resources` (what tests may use that
`python -m test` gives with -u only).
"""

import faulthandler
import importlib
import json
import os
import signal
import sys
import tempfile
import unittest
from test import support

# A single test that takes longer, on a machine with much else to do, has hung: dump every thread's stack and leave.
PER_TEST = 180


class Lines(unittest.TestResult):
    def __init__(self, out):
        super().__init__()
        self.out = out

    def say(self, **fact):
        self.out.write(json.dumps(fact) + "\n")
        self.out.flush()

    def startTest(self, test):
        super().startTest(test)
        self.outcome = "pass"
        self.text = ""
        faulthandler.dump_traceback_later(PER_TEST, exit=True)
        self.say(start=test.id())

    def stopTest(self, test):
        faulthandler.cancel_dump_traceback_later()
        self.say(end=test.id(), outcome=self.outcome, text=self.text[-1500:])
        super().stopTest(test)

    def note(self, test, outcome, text):
        if hasattr(self, "outcome") and isinstance(test, unittest.TestCase):
            # A failure in one subtest outweighs what comes after it.
            if self.outcome in ("pass", "skip"):
                self.outcome, self.text = outcome, text
        else:
            # setUpModule and setUpClass have no test of their own.
            self.say(end=test.id(), outcome=outcome, text=text[-1500:])

    def addError(self, test, error):
        super().addError(test, error)
        self.note(test, "error", self._exc_info_to_string(error, test))

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note(test, "fail", self._exc_info_to_string(error, test))

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self.note(test, "fail", self._exc_info_to_string(error, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skip", reason)

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.note(test, "expected failure", "")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "unexpected success", "")


def flat(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def wanted(test, only):
    return only is None or test in only or test[: test.rindex(".") + 1] in only


def tests_of(names, lines):
    """The tests of these modules; a module that does without all of its own is one that is skipped."""
    for name in names:
        try:
            yield unittest.TestLoader().loadTestsFromModule(importlib.import_module(f"test.{name}"))
        except unittest.SkipTest as reason:
            lines.say(end=f"test.{name}", outcome="skip", text=str(reason))


def main(results, modules, only, without, resources):
    support.use_resources = resources
    # Also where we were started in the background of a shell, which ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(results, "a") as out, tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        lines = Lines(out)
        tests = list(tests_of(modules, lines))
        if only is not None or without:
            tests = [test for test in flat(tests) if wanted(test.id(), only) and test.id() not in without]
        unittest.TestSuite(tests).run(lines)
        lines.say(finished=True)
        os.chdir("/")


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
