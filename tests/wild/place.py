"""A place in which one unit of a suite runs, meeting nobody: its network, its processes, its /tmp, its view of the built tree.

The suites listen on fixed ports, find processes by number and write beside their sources. Each run sees the tree through an
overlay, whose writes end with it; what is in the cache stays as it was built. It takes root. Nothing is judged here.
"""

import contextlib
import os
import signal
import subprocess

# The shell stays: a server must not be process 1, for which signals mean something else.
INSIDE = (
    # From within the tree: it may lie in the /tmp that is covered.
    'cd "$1" && ip link set lo up && mount -t tmpfs -o mode=1777 none /tmp && mkdir /tmp/upper /tmp/work /tmp/tree && mount -t overlay'
    ' -o lowerdir=.,upperdir=/tmp/upper,workdir=/tmp/work none /tmp/tree && cd "/tmp/tree/$2" || exit 99; shift 2; "$@"; exit $?'
)
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c", INSIDE, "sh"]
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
ALIVE = set()


def can():
    """Whether we may make such places."""
    probe = [*NAMESPACES, "/etc", ".", "true"]
    return subprocess.call(probe, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def once(tree, below, as_nobody, command, env, seconds):
    """(status or None if it was not over in time, what it printed) of a command in `below` of a view of `tree`."""
    # What the condition adds is for the suite alone, and not for the programs that make its place.
    added = [f"{name}={value}" for name, value in env.items() if os.environ.get(name) != value]
    outer = {name: value for name, value in os.environ.items() if env.get(name) == value}
    process = subprocess.Popen(
        [*NAMESPACES, str(tree), below, *(AS_NOBODY if as_nobody else ()), "env", *added, *command],
        env=outer, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    ALIVE.add(process)
    status = None
    try:
        said = process.communicate(timeout=seconds)[0]
        status = process.returncode
    except subprocess.TimeoutExpired:
        kill(process)
        said = process.communicate()[0]
    ALIVE.discard(process)
    return status, said.decode(errors="replace")


def kill(process):
    """The program and, as its end is the end of its pid namespace, all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
