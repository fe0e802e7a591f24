"""A place in which one suite runs under one condition, test by test, meeting nobody: its directory, its network, its processes.

Suites listen on fixed ports and write to fixed names in /tmp. Root gives each run a network, a /tmp and a pid namespace of
its own and takes the user `nobody`, as most of them expect; others run one after the other. Nothing is judged here.
"""

import contextlib
import os
import signal
import subprocess

NOBODY = "65534"
# The shell stays: a test must not be process 1, for which signals mean something else.
# A program may lie over the system's own: $1, taken before its place in /tmp is hidden.
INSIDE = """[ -z "$1" ] || mount -t overlay -o "lowerdir=$1/usr:/usr" none /usr || exit 99
ip link set lo up && mount -t tmpfs -o mode=1777 none /tmp || exit 99
shift; "$@"; exit $?"""
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
ALIVE = set()


def isolated(over=""):
    """Whether we may make namespaces, with `over` laid over the system's files."""
    probe = [*NAMESPACES, "sh", "-c", INSIDE, "sh", over, *AS_NOBODY, "true"]
    return subprocess.call(probe, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


class OneByOne:
    """A suite each of whose tests is a program of its own."""

    def program(self, test):
        return test

    def outcomes(self, test, status, text):
        return {test: (self.outcome(status, text), text[-1500:])}


class Lane:
    def __init__(self, suite, condition, protection, directory, apart):
        self.suite, self.condition, self.protection, self.apart = suite, condition, protection, apart
        self.directory = directory
        os.mkdir(directory)
        suite.lay_out(directory)
        if apart:
            subprocess.check_call(["chown", "-R", f"{NOBODY}:{NOBODY}", directory])

    def command(self, test):
        """(command, environment) of the test under the condition."""
        base = os.environ | self.suite.environment
        command, env = self.protection.wrap(self.condition, self.suite.command(self.directory, test), base)
        if not self.apart:
            return command, env
        # What the condition adds is for the test alone, and not for the programs that make its place.
        added = [f"{name}={value}" for name, value in env.items() if os.environ.get(name) != value]
        outer = {name: value for name, value in os.environ.items() if env.get(name) == value}
        return [*NAMESPACES, "sh", "-c", INSIDE, "sh", self.suite.over, *AS_NOBODY, "env", *added, *command], outer

    def once(self, test):
        """{test: (outcome, text)} of one program: of that test, or of all that the program has."""
        command, env = self.command(test)
        process = subprocess.Popen(
            command, env=env, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        ALIVE.add(process)
        try:
            text = process.communicate(timeout=self.suite.seconds)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            text = None
        kill(process)
        process.wait()
        ALIVE.discard(process)
        if text is None:
            return {test: ("died", f"not over after {self.suite.seconds} s")}
        return self.suite.outcomes(test, process.returncode, text)

    def run(self, tests):
        outcomes = {}
        for program in dict.fromkeys(self.suite.program(test) for test in tests):
            outcomes |= self.once(program)
        return outcomes


def kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
