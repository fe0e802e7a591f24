"""The servers: Debian's redis-server and postgres, and our few lines around Go's own (server/main.go).

Each is started by us on an address of its own, silenced by SIGSTOP to it and the processes it forked, and ended with it.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
PORTS = {"redis": 6379, "postgres": 5432}


def missing():
    """What is not installed, as a list of Debian packages."""
    return [*([] if shutil.which("redis-server") else ["redis-server"]), *([] if POSTGRES else ["postgresql"])]


def make_cluster(cluster):
    """One empty PostgreSQL cluster, to be copied for each server: initdb takes seconds."""
    os.makedirs(cluster)
    shutil.chown(cluster, "postgres", "postgres")
    done = subprocess.run(
        [*as_postgres(), str(POSTGRES[-1].parent / "initdb"), "-D", cluster, "-A", "trust", "-N", "--no-locale"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/",
    )
    if done.returncode:
        raise SystemExit(f"initdb: {done.stderr}")
    with open(f"{cluster}/pg_hba.conf", "a") as access:
        access.write("host all all 10.98.0.0/16 trust\n")


def as_postgres():
    """postgres refuses to run as root."""
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def command(kind, address, scratch, built, go_server):
    if kind == "redis":
        options = f"--bind {address} --port 6379 --protected-mode no --appendonly no --dir {scratch} --save"
        return ["redis-server", *options.split(), ""]
    if kind == "postgres":
        shutil.copytree(built["cluster"], f"{scratch}/data")
        for path in [f"{scratch}/data", *(str(path) for path in Path(f"{scratch}/data").rglob("*"))]:
            shutil.chown(path, "postgres", "postgres")
        options = f"-D {scratch}/data -h {address} -k / -c unix_socket_directories= -c fsync=off -c shared_buffers=1MB"
        return [*as_postgres(), str(POSTGRES[-1]), *options.split()]
    return [*go_server, f"{address}:{PORTS.get(kind, 8080)}", kind]


def until_stopped(pid):
    """SIGSTOP takes a moment to reach every thread, and a server answers in less."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
            # Stopped, or a thread or process that just ended.
            if all(stat.rpartition(") ")[2][0] in "TZX" for stat in stats):
                return
        time.sleep(0.002)
    raise RuntimeError(f"{pid} did not stop")


class Server:
    def __init__(self, network, process, address, port):
        self.network, self.process, self.host, self.port = network, process, address, port
        self.stopped = []

    def listening(self):
        """Wait until it takes a connection."""
        until = time.monotonic() + 20
        while time.monotonic() < until and self.process.poll() is None:
            if self.answers():
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.process.args} does not listen: exit {self.process.poll()}")

    def answers(self):
        # postgres listens before it is up.
        if self.port == PORTS["postgres"]:
            return subprocess.call(["pg_isready", "-q", "-h", self.host], stdin=subprocess.DEVNULL) == 0
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 1):
            return True
        return False

    def family(self):
        """The process we started and its children: a postgres has one for each connection."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
            return [self.process.pid, *map(int, children.read().split())]

    def silence(self, fault):
        if fault == "cut":
            return self.network.cut(self.host)
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self.stopped.append(pid)
                until_stopped(pid)

    def revive(self, fault):
        if fault == "cut":
            return self.network.mend(self.host)
        while self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.stopped.pop(), signal.SIGCONT)


@contextlib.contextmanager
def running(network, kind, scratch, built, go_server, env):
    """A fresh server that listens. `go_server` is the command line of our server program, `env` its environment."""
    address = network.address()
    os.makedirs(scratch)
    os.chmod(scratch, 0o755)
    with open(f"{scratch}/server.log", "wb") as log:
        words = network.far(*command(kind, address, scratch, built, go_server))
        process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    server = Server(network, process, address, PORTS.get(kind, 8080))
    try:
        server.listening()
        yield server
    finally:
        server.revive("stopped")
        # SIGINT is postgres's fast shutdown, which takes its children along.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
