"""Two hosts on one machine: clients here, servers in a second network namespace behind a veth. One cable per server.

The harness starts itself once more under `unshare`, so that all of it ends with the harness and nothing outside is touched.
A *cut* is real: packets to the server go to a MAC address that nobody has, and its stack throws them away.
What runs on either side is not decided here.
"""

import itertools
import os
import signal
import subprocess
import sys

INSIDE = "ND_MODULES_INSIDE"
NEAR, NOBODY = "10.98.0.1", "02:00:00:00:00:99"
# Of one address per server, so that a cut of one leaves the others alone.
ADDRESSES = (f"10.98.{high}.{low}" for high, low in itertools.product(range(1, 200), range(1, 250)))


def sh(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


def enter(argv):
    """Become `unshare` running ourselves again inside the namespaces; does not return."""
    flags = ["--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]
    os.execvpe("unshare", ["unshare", *flags, sys.executable, *argv], {**os.environ, INSIDE: "1"})


def inside():
    return os.environ.get(INSIDE) == "1"


class Network:
    def __init__(self):
        # The first process of a process namespace ignores every signal that it has no handler for.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(128 + signal.SIGTERM))
        # Whoever holds the far namespace holds it by living in it.
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo there; exec sleep 1000000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )
        self.holder.stdout.readline()
        sh("ip", "link", "set", "lo", "up")
        sh("ip", "link", "add", "nd0", "type", "veth", "peer", "name", "nd1", "netns", str(self.holder.pid))
        sh("ip", "addr", "add", f"{NEAR}/16", "dev", "nd0")
        sh("ip", "link", "set", "nd0", "up")
        sh(*self.far("ip", "link", "set", "lo", "up"))
        sh(*self.far("ip", "link", "set", "nd1", "up"))

    def far(self, *command):
        """The command line that runs `command` on the servers' side."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--", *command]

    def address(self):
        """A fresh address on the servers' side."""
        address = next(ADDRESSES)
        sh(*self.far("ip", "addr", "add", f"{address}/16", "dev", "nd1"))
        return address

    def cut(self, address):
        sh("ip", "neigh", "replace", address, "lladdr", NOBODY, "nud", "permanent", "dev", "nd0")

    def mend(self, address):
        sh("ip", "neigh", "del", address, "dev", "nd0")
