"""The private network that every cell runs in, made by the test and gone with it.

The harness starts itself once more under `unshare`: a network namespace with its own loopback and one veth whose far end
throws away what it is sent; a mount namespace with its own /etc/hosts and /run, where all files of the run are; and a process
namespace, so that whatever a client left running ends with the harness. Nothing outside of them is touched.
No cell knowledge belongs here.
"""

import os
import shutil
import signal
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
    """Become `unshare` running ourselves again inside the namespaces; does not return."""
    flags = ["--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]
    if os.geteuid() != 0:
        flags.append("--map-root-user")
    os.execvpe("unshare", ["unshare", *flags, sys.executable, *argv], {**os.environ, INSIDE: "1"})


def inside():
    return os.environ.get(INSIDE) == "1"


def furnish():
    """Bring up loopback and the dead addresses, a private /etc/hosts and a private /run (sshd wants a directory in it).

    Returns the directory for everything that the run writes.
    """

    def sh(*words):
        subprocess.run(words, check=True)

    # The first process of a process namespace ignores every signal that it has no handler for.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(128 + signal.SIGTERM))

    sh("mount", "--make-rprivate", "/")
    sh("mount", "-t", "tmpfs", "tmpfs", "/run")
    os.makedirs("/run/sshd", mode=0o755)
    scratch = "/run/programs"
    os.makedirs(scratch)

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
    sh("mount", "--bind", hosts, "/etc/hosts")
    return scratch
