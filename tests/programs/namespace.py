"""The private network that every cell runs in, made by the test and gone with it.

The harness starts itself once more under `unshare`: a network namespace with its own loopback and one veth whose far end
throws away what it is sent, and a mount namespace with its own /etc/hosts and /run. Nothing outside of them is touched.
No cell knowledge belongs here.
"""

import os
import shutil
import subprocess
import sys

INSIDE = "ND_PROGRAMS_INSIDE"

# Two dead addresses each, because a name with two addresses costs two attempts. No ARP is answered on the veth (the
# neighbours are fixed), and the MAC is nobody's, so the peer's stack drops every SYN without a word.
DEAD = ("10.99.0.2", "10.99.0.3")
DEAD6 = "fd99::2"
NOBODY = "02:00:00:00:00:99"

HOSTS = """127.0.0.1 localhost live.test
10.99.0.2 dead.test two.test
10.99.0.3 two.test
"""


def missing_tools():
    return [tool for tool in ("unshare", "ip", "mount") if not shutil.which(tool)]


def enter(argv):
    """Run ourselves again inside the namespaces and return the exit code."""
    flags = ["--net", "--mount"]
    if os.geteuid() != 0:
        flags.append("--map-root-user")
    command = ["unshare", *flags, sys.executable, *argv]
    return subprocess.call(command, env={**os.environ, INSIDE: "1"})


def inside():
    return os.environ.get(INSIDE) == "1"


def furnish(scratch):
    """Bring up loopback, the dead addresses, a private /etc/hosts and a private /run (sshd wants a directory in it)."""

    def sh(*words):
        subprocess.run(words, check=True)

    sh("ip", "link", "set", "lo", "up")
    sh("ip", "link", "add", "nd0", "type", "veth", "peer", "name", "nd1")
    sh("ip", "addr", "add", "10.99.0.1/24", "dev", "nd0")
    sh("ip", "-6", "addr", "add", "fd99::1/64", "dev", "nd0", "nodad")
    sh("ip", "link", "set", "nd1", "up")
    sh("ip", "link", "set", "nd0", "up")
    for address in (*DEAD, DEAD6):
        sh("ip", "neigh", "replace", address, "lladdr", NOBODY, "nud", "permanent", "dev", "nd0")

    hosts = os.path.join(scratch, "hosts")
    with open(hosts, "w") as out:
        out.write(HOSTS)
    sh("mount", "--make-rprivate", "/")
    sh("mount", "--bind", hosts, "/etc/hosts")
    sh("mount", "-t", "tmpfs", "tmpfs", "/run")
    os.makedirs("/run/sshd", mode=0o755)
