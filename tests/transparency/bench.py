"""Running modules of CPython's suite under a condition: one Python, one library, one scratch directory.

Which modules, and what differences mean, does not belong here.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import compare
import suites

HERE = Path(__file__).resolve().parent
# One whole module, however slow the machine, and how often it is resumed past a test that killed it or hung.
MODULE_SECONDS = 900
RESUMES = 5
# What a Python must have of its own tests; a distribution's or a version manager's package may lack some.
COMPLETE = "import test.test_socket, test.test_multiprocessing_spawn"

# A network of its own for each process, where we may make one: tests look for a free port and then expect it to stay free.
ALONE = ["unshare", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", "env"]
# A package's modules run apart: one process of all of them grows, and its garbage is collected for minutes.
PRESENT = """
import importlib.util, pkgutil, sys
for module in sys.argv[1:]:
    found = importlib.util.find_spec("test." + module)
    places = found and found.submodule_search_locations
    inside = [f"{module}.{one.name}" for one in pkgutil.iter_modules(places or []) if one.name.startswith("test_")]
    print(module, *(inside if places else [module] if found else []))
"""


def python_with_tests(asked, candidates):
    """A Python that has its test package: Debian puts it into libpython3-testsuite, pyenv installs it."""
    for complete in [COMPLETE, COMPLETE.split(",")[0]]:
        for candidate in [asked] if asked else filter(None, candidates):
            if subprocess.call([candidate, "-c", complete], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
                # The program itself: a version manager's shim is a shell script that would load the library as well.
                return subprocess.check_output([candidate, "-c", "import sys; print(sys.executable)"], text=True).strip()
    return None


class Bench:
    def __init__(self, python, protection, scratch):
        self.python, self.protection, self.scratch = python, protection, scratch
        self.serial = itertools.count()
        self.alive = set()
        self.alone = subprocess.call([*ALONE, "true"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
        signal.signal(signal.SIGTERM, self.end)

    def end(self, *_):
        """Told to stop: end the sessions that we started, leave nothing behind."""
        for process in list(self.alive):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(self.scratch, ignore_errors=True)
        os._exit(128 + signal.SIGTERM)

    def version(self):
        return subprocess.check_output([self.python, "-c", "import sys; print(sys.version.split()[0])"], text=True).strip()

    def present(self, modules):
        """{module: what stands for it in this version of Python}: nothing, itself, or, of a package, its modules."""
        found = subprocess.check_output([self.python, "-c", PRESENT, *modules], text=True).splitlines()
        return {line.split()[0]: line.split()[1:] for line in found}

    def reached(self, condition):
        return self.protection.reaches(condition, [self.python, "-c", "print(open('/proc/self/maps').read())"])

    def run(self, module, condition, ids=None):
        """{test: (outcome, text)}. A test in which the process dies or hangs is one outcome; the rest is resumed after it."""
        base = f"{self.scratch}/{next(self.serial)}"
        results, outcomes, died = Path(f"{base}.results"), {}, None
        results.touch()
        for _ in range(RESUMES):
            without = [*suites.LEFT_OUT, *outcomes]
            what = {"results": str(results), "modules": [module], "only": ids, "without": without}
            self.spawn(base, condition, what | {"resources": suites.RESOURCES.get(module, [])})
            outcomes, died = compare.read(results)
            if not died:
                break
            tail = Path(f"{base}.output").read_text(errors="replace")[-3000:]
            print(f"the process died in {died} ({condition}):\n{tail}", flush=True)
        return outcomes

    def again(self, modules, condition, names):
        """{test: outcome} of these tests, run by themselves; of all with None."""
        theirs = [module for module in modules if names and any(f"test.{module}." in f"{name}." for name in names)]
        outcomes = {}
        for module in theirs or modules:
            outcomes |= {name: outcome for name, (outcome, _) in self.run(module, condition, names).items()}
        return outcomes

    def spawn(self, base, condition, what):
        command, env = self.protection.wrap(condition, [self.python, str(HERE / "suite.py"), json.dumps(what)])
        if self.alone:
            # What the condition adds is for Python, and not for what makes its network.
            added = [f"{name}={value}" for name, value in env.items() if os.environ.get(name) != value]
            command, env = [*ALONE, *added, *command], {name: value for name, value in os.environ.items() if env.get(name) == value}
        with open(f"{base}.output", "wb") as output:
            process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
            self.alive.add(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(MODULE_SECONDS)
            # Also what a test that was ended left behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.alive.discard(process)
