"""What the Go parts of the benchmark share: programs, the two ways in, processes that answer. No figure is made here."""

import os
import pathlib
import shutil
import subprocess

import tools
from calls import Caller

VERSION = "1.27.3"
ROOT = tools.HERE.parent
BUILDS = {"static": "launcher", "dynamic": "preload"}
VARIANTS = ("native", "idle", "other", "armed")
LEGEND = f"""\
native   Go {VERSION} as it is
idle     netdeadline, no variable set
other    netdeadline with a policy that does not concern the fd
armed    netdeadline with connect, read and write of an hour on both ends of every connection
static   CGO_ENABLED=0, started by `netdeadline run`
dynamic  CGO_ENABLED=0 -buildmode=pie, LD_PRELOAD"""


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **options)
    if done.returncode:
        raise tools.Broken(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr[-1000:]}")
    return done.stdout


class Workshop:
    """A directory with the programs, and the library and the command side by side as they are installed."""

    def __init__(self, directory, library, command):
        self.directory = pathlib.Path(directory)
        self.library, self.command = self.directory / "libnetdeadline.so", self.directory / "netdeadline"
        shutil.copy2(library, self.library)
        shutil.copy2(command, self.command)
        run(["gcc", *tools.CFLAGS, "-o", self.directory / "steps", tools.HERE / "go_steps.c"])
        goroot = run([ROOT / "go-tests/toolchains", VERSION]).split()[1]
        for build, flags in (("static", []), ("dynamic", ["-buildmode=pie"])):
            environment = {name: value for name, value in os.environ.items() if name != "GOFLAGS"}
            environment |= {"GOROOT": goroot, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOWORK": "off"}
            output = self.directory / build
            output.mkdir()
            command = [f"{goroot}/bin/go", "build", *flags, "-o", f"{output}/", "./..."]
            run(command, env=environment, cwd=tools.HERE / "go")

    def command_of(self, name, build, variant, arguments=(), extra=None):
        """(command, environment) of a program under a variant."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("NETDEADLINE_", "GO"))}
        environment.pop("LD_PRELOAD", None)
        environment |= {"other": tools.ELSEWHERE, "armed": tools.HOUR}.get(variant, {}) if extra is None else extra
        command = [str(self.directory / build / name), *map(str, arguments)]
        if variant == "native":
            return command, environment
        if BUILDS[build] == "preload":
            return command, environment | {"LD_PRELOAD": str(self.library)}
        return [str(self.command), "run", "--", *command], environment

    def must_be_covered(self):
        """A library that is not there costs nothing and is never late."""
        for build in BUILDS:
            command, environment = self.command_of("start", build, "idle", ["maps"])
            run(command, env=environment)


class Answering(Caller):
    """One process of go/calls, which answers as calls.c does."""

    def __init__(self, workshop, kind, build, variant, errors, processor, extra=None):
        self.what, self.errors = f"{kind}, {build}, {variant}", errors
        command, environment = workshop.command_of("calls", build, variant, [kind])
        self.process = subprocess.Popen(
            command,
            env=environment | (extra or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            preexec_fn=lambda: os.sched_setaffinity(0, {processor}),
        )
