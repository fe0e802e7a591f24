"""A place in which one suite runs under one condition, test by test, meeting nobody: its directory, its network, its processes.

Both suites listen on fixed ports and write to fixed names in /tmp. Root gives each run a network, a /tmp and a pid namespace of
its own and takes the user `nobody`, as both suites expect; others run one after the other. Nothing is judged here.
"""

import contextlib
import os
import signal
import subprocess

# Both suites bound their tests by themselves, at 20 to 30 s.
TEST_SECONDS = 90
NOBODY = "65534"
# The shell stays: a test must not be process 1, for which signals mean something else.
INSIDE = 'ip link set lo up && mount -t tmpfs -o mode=1777 none /tmp || exit 99; "$@"; exit $?'
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
ALIVE = set()


def isolated():
    """Whether we may make namespaces."""
    probe = [*NAMESPACES, "sh", "-c", INSIDE, "sh", *AS_NOBODY, "true"]
    return subprocess.call(probe, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


class Lane:
    def __init__(self, loop, condition, protection, directory, apart):
        self.loop, self.condition, self.protection, self.apart = loop, condition, protection, apart
        self.directory = directory
        os.mkdir(directory)
        self.program = loop.lay_out(directory)
        if apart:
            subprocess.check_call(["chown", "-R", f"{NOBODY}:{NOBODY}", directory])

    def command(self, *arguments):
        """(command, environment) of the program under the condition."""
        base = os.environ | self.loop.environment
        command, env = self.protection.wrap(self.condition, [str(self.program), *arguments], base)
        if not self.apart:
            return command, env
        # What the condition adds is for the test alone, and not for the programs that make its place.
        added = [f"{name}={value}" for name, value in env.items() if os.environ.get(name) != value]
        outer = {name: value for name, value in os.environ.items() if env.get(name) == value}
        return [*NAMESPACES, "sh", "-c", INSIDE, "sh", *AS_NOBODY, "env", *added, *command], outer

    def once(self, test):
        """(outcome, text) of one test."""
        command, env = self.command(test)
        process = subprocess.Popen(
            command, env=env, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        ALIVE.add(process)
        try:
            text = process.communicate(timeout=TEST_SECONDS)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            text = None
        kill(process)
        process.wait()
        ALIVE.discard(process)
        if text is None:
            return "died", f"not over after {TEST_SECONDS} s"
        return self.loop.outcome(process.returncode, text), text[-1500:]

    def run(self, tests):
        return {test: self.once(test) for test in tests}


def kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
