"""What all cells share: the programs, built once; the library and the command, where other users find them too; the peers.

Nothing is expected here.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import builds

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VERSIONS = ("old", "own")
# Longer than any deadline here.
SILENCE = 0.9
SCRIPT = '#!/bin/sh\nexec "$@"\n'


class World:
    def __init__(self, scratch):
        self.scratch = scratch
        self.library = scratch / "lib/libnetdeadline.so"
        self.command = scratch / "lib/netdeadline"
        self.programs = {}

    def furnish(self):
        self.library.parent.mkdir(parents=True)
        shutil.copy(os.environ.get("NETDEADLINE_LIB") or ROOT / "target/release/libnetdeadline.so", self.library)
        shutil.copy(os.environ.get("NETDEADLINE_COMMAND") or ROOT / "target/release/netdeadline", self.command)
        self.build()
        self.peer = serve(silent)
        self.mute = serve(mute)
        self.echo = serve(echo)

    def build(self):
        found = {name: root for name, root in builds.toolchains().items() if not isinstance(root, str)}
        if not found:
            sys.exit("children: no Go toolchain is to be had")
        names = sorted(found, key=lambda name: [int(part) for part in name.split(".") if part.isdigit()])
        machine = shutil.which("go")
        own = subprocess.run([machine, "env", "GOROOT"], env=builds.environment(True), stdout=subprocess.PIPE, text=True)
        roots = {"old": found[names[0]], "own": Path(own.stdout.strip()) if machine else found[names[-1]]}
        for version, root in roots.items():
            self.go(root, version, "static", False)
            self.go(root, version, "dynamic", True, ["-ldflags=-linkmode=external"])
        self.go(roots["own"], "own", "bare", False, ["-ldflags=-s -w -buildid="])
        self.go(roots["own"], "own", "pie", False, ["-buildmode=pie"])
        starter = self.scratch / "starter"
        subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", starter, HERE / "c/starter.c"], check=True)
        self.programs["c"] = starter
        self.file("script", SCRIPT, 0o755)
        self.file("garbage", "\0garbage\n", 0o755)
        self.file("not-executable", "", 0o644)
        shutil.copy(self.programs["own static"], self.scratch / "not-executable")
        os.chmod(self.scratch / "not-executable", 0o644)
        setuid = shutil.copy(self.programs["own static"], self.scratch / "setuid")
        os.chown(setuid, 65534, 65534)
        os.chmod(setuid, 0o4755)
        self.programs["setuid"] = Path(setuid)
        unreadable = shutil.copy(self.programs["own static"], self.scratch / "unreadable")
        os.chmod(unreadable, 0o711)
        self.programs["unreadable"] = Path(unreadable)
        self.programs["link"] = self.scratch / "link"
        self.programs["link"].symlink_to(self.programs["own static"])
        # Somebody is writing it, for as long as we are here.
        self.programs["busy"] = Path(shutil.copy(self.programs["own static"], self.scratch / "busy"))
        self.busy = open(self.programs["busy"], "r+b")
        for name, inside in (("empty-root", []), ("root-with-library", [self.library])):
            for path in [*inside, self.programs["own static"]]:
                to = self.scratch / name / path.relative_to("/")
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, to)

    def go(self, root, version, mode, cgo, flags=()):
        out = self.scratch / f"{version}-{mode}"
        if fault := builds.compile_(root, "children", out, cgo, flags):
            sys.exit(f"children: {out.name}: {fault}")
        self.programs[f"{version} {mode}"] = out

    def file(self, name, text, mode):
        path = self.scratch / name
        path.write_text(text)
        path.chmod(mode)
        self.programs[name] = path


def serve(what):
    """host:port of a server that does this with each connection."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=what, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return "%s:%d" % listener.getsockname()


def silent(connection):
    time.sleep(SILENCE)
    try:
        connection.send(b"x")
    except OSError:
        pass
    connection.close()


def mute(connection):
    try:
        connection.recv(1)
    except OSError:
        pass
    connection.close()


def echo(connection):
    try:
        while data := connection.recv(100):
            connection.send(data)
    except OSError:
        pass
    connection.close()
