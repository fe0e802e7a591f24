"""The servers of the part `servers`, and what stands in front of them: started, asked for their processor time, ended.

One object is one server on one processor, listening on a free port of loopback. Everything it writes lies in the benchmark's
scratch directory; no daemon of the system is asked or touched. What a way is belongs into servers.py, load into loading.py.
"""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from tools import Broken

PAGE = "A small page that never changes, as large as the one nginx shows when it is new.\n" * 8
ASK = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
VALUE = b"sixteen_bytes___\r\n"
PATIENCE = 20
# Debian's own, and what it builds on: files by sendfile, headers and file in one segment, connections kept.
NGINX = """\
daemon off; {workers}; pid {home}/pid; error_log stderr crit; {user}
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; types {{ text/html html; }}
  client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c;
  uwsgi_temp_path {home}/d; scgi_temp_path {home}/e;
  server {{ listen 127.0.0.1:{port} backlog=1024; root {home}/pages; }}
}}
"""
HAPROXY = """\
global
  nbthread 1
  maxconn 1000
defaults
  mode tcp
  timeout connect 1h
  timeout client 1h
  timeout server 1h
listen front
  bind 127.0.0.1:{port}
  server behind 127.0.0.1:{behind}
"""
libc = ctypes.CDLL(None)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bound_to(processor):
    """For a new process: one processor, and no life after ours."""

    def prepare():
        libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        os.sched_setaffinity(0, {processor})

    return prepare


def eventually(what, condition, seconds=PATIENCE):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise Broken(f"{what}: not within {seconds} s")
        time.sleep(0.01)


def asked(port, question, seconds=PATIENCE):
    """What comes back for `question` on a connection of its own; empty where it is refused."""
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=seconds) as peer:
        peer.sendall(question)
        return peer.recv(65536)
    return b""


class Server:
    """A server, or a proxy: `command` run in `home` until `end`."""

    def __init__(self, what, home, command, environment, processor, port, question, answer):
        self.what, self.port, self.question, self.answer = what, port, question, answer
        self.errors = (home / "errors").open("w+b")
        streams = {"stdin": subprocess.DEVNULL, "stdout": self.errors, "stderr": self.errors}
        self.process = subprocess.Popen(command, cwd=home, env=environment, preexec_fn=bound_to(processor), **streams)
        try:
            eventually(f"{what}: an answer", lambda: self.alive() and answer in asked(port, question))
        except BaseException:
            self.end()
            raise
        self.pids = [self.process.pid]

    def alive(self):
        if self.process.poll() is not None:
            raise Broken(f"{self.what}: it ended: {self.complaints()}")
        return True

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-500:]

    def used(self):
        """ns of processor time of all its processes and threads. The clock's number: CPUCLOCK_SCHED of time(7)'s clocks."""
        return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in self.pids)

    def must_map(self, library):
        """A preload that was not loaded costs nothing."""
        for pid in self.pids:
            if str(library) not in pathlib.Path(f"/proc/{pid}/maps").read_text():
                raise Broken(f"{self.what}: without {library}")

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


def home_of(workshop, what):
    home = workshop.directory / re.sub(r"\W+", "-", what)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    return home


def redis(workshop, what, environment, processor, under=()):
    """`under`: a command that runs the server, such as valgrind."""
    home, port = home_of(workshop, what), free_port()
    command = f"redis-server --port {port} --bind 127.0.0.1 --appendonly no --dir {home} --save".split()
    question = b"SET bench " + VALUE
    return Server(what, home, [*under, *command, ""], environment, processor, port, question, b"+OK")


def nginx(workshop, what, environment, processor, under=()):
    home, port = home_of(workshop, what), free_port()
    (home / "pages").mkdir()
    (home / "pages/index.html").write_text(PAGE)
    user = "user root;" if os.geteuid() == 0 else ""
    # One process where it is looked into, a master and a worker, as everywhere, where it is measured.
    workers = "master_process off" if under else "worker_processes 1"
    (home / "conf").write_text(NGINX.format(home=home, port=port, user=user, workers=workers))
    command = [*under, "nginx", "-p", home, "-c", home / "conf", "-e", "stderr"]
    server = Server(what, home, command, environment, processor, port, ASK, b"200 OK")
    master = server.process.pid
    server.pids += map(int, pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split())
    return server


def go(workshop, what, command, environment, processor):
    home, port = home_of(workshop, what), free_port()
    return Server(what, home, [*command, f"127.0.0.1:{port}"], environment, processor, port, ASK, b"200 OK")


def haproxy(workshop, what, environment, processor, behind):
    home, port = home_of(workshop, what), free_port()
    (home / "conf").write_text(HAPROXY.format(port=port, behind=behind.port))
    command = ["haproxy", "-db", "-f", home / "conf"]
    return Server(what, home, command, environment, processor, port, behind.question, behind.answer)


class Tracer:
    """strace of the calls that the library interposes, on a server that runs."""

    CALLS = "%network,read,readv,write,writev,close,poll,epoll_wait,epoll_pwait,epoll_ctl,sendfile"

    def __init__(self, server, processor):
        command = ["strace", "-f", "-qq", "-e", f"trace={self.CALLS}", "-o", "/dev/null"]
        for pid in server.pids:
            command += ["-p", str(pid)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=bound_to(processor))
        traced = lambda: all("TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text() for pid in server.pids)
        try:
            eventually("strace", traced)
        except BaseException:
            self.end()
            raise
        self.pids = [self.process.pid]

    used = Server.used

    def end(self):
        self.process.terminate()
        self.process.wait()
