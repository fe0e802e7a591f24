"""Go toolchains, and the ways to build and start a Go program: what the runners of this directory and of ../modules share.

A *way* is how deadlines reach a program: `static` is built without cgo and started by `netdeadline run`; `dynamic` is built
with cgo and started with LD_PRELOAD. What is run, and what must come of it, is the runners' business.
"""

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIBRARY = Path(os.environ.get("NETDEADLINE_LIB") or ROOT / "target/release/libnetdeadline.so").resolve()
COMMAND = Path(os.environ.get("NETDEADLINE_COMMAND") or ROOT / "target/release/netdeadline").resolve()
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netdeadline"
WAYS = ("static", "dynamic")


class Absent(Exception):
    """What a cell needs is not on this machine; the text is the reason to print."""


def toolchain(version):
    """The go command of a pinned version, or for `machine` whichever is in PATH."""
    if version == "machine":
        if found := shutil.which("go"):
            return found
        raise Absent("no go in PATH")
    done = subprocess.run([HERE.parent / "toolchains", version], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Absent(f"no Go {version}: {done.stderr.strip()}")
    return f"{done.stdout.split()[1]}/bin/go"


def clean_environment():
    """Ours without any deadline, preload or Go setting that the caller may have."""
    ours = ("NETDEADLINE_", "LD_PRELOAD", "GOFLAGS", "GOROOT", "GODEBUG", "GOMAXPROCS", "GOTRACEBACK", "GOGC")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)}


def build(version, directory, package, binary, way, race=False):
    """Build one program; the text of the failure, or None. Go's own cache makes the second time cheap."""
    env = clean_environment() | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    env["CGO_ENABLED"] = "0" if way == "static" else "1"
    stripped = ["-ldflags=-s -w"] if way == "static" else []
    command = [toolchain(version), "build", *(["-race"] if race else []), *stripped, "-o", binary, package]
    done = subprocess.run(command, cwd=directory, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return None if done.returncode == 0 else "\n".join(done.stdout.splitlines()[-12:])


def missing(ways):
    """Why the library or the command is not there to be tested, or None."""
    for path, way in ((LIBRARY, "dynamic"), (COMMAND, "static")):
        if way in ways and not path.exists():
            return f"{path} is not there: cargo build --release, or set NETDEADLINE_LIB and NETDEADLINE_COMMAND"
    return None


def started(way, command, settings, log):
    """The command line and environment of a program: natively where `way` is `native`."""
    env = clean_environment()
    if way == "native":
        return command, env
    env |= {"NETDEADLINE_LOG": str(log), "NETDEADLINE_LOG_FORMAT": "json", **settings}
    if way == "dynamic":
        return command, env | {"LD_PRELOAD": str(LIBRARY)}
    return [str(COMMAND), "run", "--", *command], env
