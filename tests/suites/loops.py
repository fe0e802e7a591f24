"""The event loops' own suites: how each is built, which tests it has, how one is started and what it then prints.

How they are kept apart and compared does not belong here.
"""

import re
import shutil
import subprocess
from pathlib import Path

import report
import sources
from lane import OneByOne


class Loop(OneByOne):
    """One library's suite. `place` is where it was built, `binary` the program of all its tests."""

    package = binary = target = ""
    cmake = ()
    # What a test needs of the sources beside itself.
    fixtures = ()
    # Laid over the system's own files: nothing.
    over = ""
    # They bound their tests by themselves, at 20 to 30 s.
    seconds = 90
    whole = report.WHOLE

    def prepare(self):
        configure = ["cmake", "-S", ".", "-B", "build", "-DCMAKE_BUILD_TYPE=Release", *self.cmake]
        build = ["cmake", "--build", "build", "--parallel", "2", "--target", self.target]
        self.place = sources.built(self.package, [configure, build])
        self.version = self.place.name.removeprefix(f"{self.package}-")

    def lay_out(self, directory):
        """A directory of its own, for a run that may write into it."""
        shutil.copy2(self.place / "build" / self.binary, Path(directory) / "tests")
        for name in self.fixtures:
            shutil.copytree(self.place / name, Path(directory) / name, dirs_exist_ok=True)

    def command(self, directory, test):
        return [f"{directory}/tests", test]

    def list(self, *arguments, env=None):
        command = [self.place / "build" / self.binary, *arguments]
        return subprocess.check_output(command, stdin=subprocess.DEVNULL, text=True, timeout=60, env=env).splitlines()


class Libuv(Loop):
    """One test is `uv_run_tests_a NAME`; it answers in the Test Anything Protocol."""

    name, package, binary, target = "libuv", "libuv1", "uv_run_tests_a", "uv_run_tests_a"
    fixtures = ("test/fixtures",)
    environment = {}

    def tests(self):
        # Behind a name may stand which servers it starts.
        return [line.split()[0] for line in self.list("--list", env={"UV_RUN_AS_ROOT": "1"}) if line]

    def outcome(self, status, text):
        said = re.search(r"^(not ok|ok) 1 - \S+( # SKIP)?", text, flags=re.M)
        if said and said[1] == "ok" and said[2]:
            return "skip"
        return "fail" if not said or said[1] == "not ok" or status else "pass"


class Libevent(Loop):
    """One test is `regress GROUP/NAME`. Which of its backends it uses is said by forbidding the others."""

    package, binary, target = "libevent", "bin/regress", "regress"
    cmake = ("-DEVENT__LIBRARY_TYPE=STATIC", "-DEVENT__DISABLE_OPENSSL=ON", "-DEVENT__DISABLE_BENCHMARK=ON",
             "-DEVENT__DISABLE_SAMPLES=ON")  # fmt: skip
    backends = ("epoll", "poll", "select")

    def __init__(self, backend):
        self.name = f"libevent {backend}"
        self.environment = {f"EVENT_NO{other.upper()}": "yes" for other in self.backends if other != backend}

    def tests(self):
        found = (re.match(r" +([\w/]+)$", line) for line in self.list("--list-tests"))
        return [line[1] for line in found if line]

    def outcome(self, status, text):
        # Tests that go by the clock are tried three times, each said to have failed.
        if status:
            return "fail"
        return "skip" if re.search(r"SKIPPED|DISABLED", text) else "pass"


LOOPS = [Libuv(), *(Libevent(backend) for backend in Libevent.backends)]
