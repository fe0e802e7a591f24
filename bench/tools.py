"""What the parts of the benchmark share: building, variants of the preload, the machine, tables. No figure is made here."""

import os
import pathlib
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
CFLAGS = "-std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE".split()
OBJECT = "-fPIC -shared -fno-builtin -Wl,-z,now".split()

# None of these ever ends anything here: what is measured is what it costs to be watched.
HOUR = {f"NETDEADLINE_{name}": "1h" for name in ("CONNECT", "READ", "WRITE")}
HOUR["NETDEADLINE_RULES"] = "on * read=1h write=1h"
# 192.0.2.0/24 is for documentation: nobody is there, and nobody here connects to it.
ELSEWHERE = {"NETDEADLINE_RULES": "to 192.0.2.1 connect=1h read=1h write=1h"}
VARIANTS = ("native", "empty", "idle", "other", "armed")
LEGEND = """\
native   no preload
empty    a preload of the same names that only calls the next function
idle     netdeadline, no variable set
other    netdeadline with a policy that does not concern the fd
armed    netdeadline with connect, read and write of an hour on both ends of every connection"""


class Broken(Exception):
    """Something did not do what it was measured for."""


class Workshop:
    """A directory with everything compiled, and a copy of the library that a rebuild elsewhere does not change."""

    def __init__(self, directory, library):
        self.directory = pathlib.Path(directory)
        self.library = self.directory / "libnetdeadline.so"
        self.library.write_bytes(pathlib.Path(library).read_bytes())
        os.symlink(self.library, self.directory / "libnetdeadline.so.0")
        api = [f"-I{HERE.parent}/include", "-pthread"]
        # Whether or not it makes a call of ours: Ubuntu's linker would leave the library out.
        linked = ["-Wl,--no-as-needed", f"-L{directory}", "-lnetdeadline", f"-Wl,-rpath,{directory}"]
        for name, source, flags in (
            ("calls", "calls", []),
            ("late", "late", []),
            ("empty.so", "empty", OBJECT),
            ("stub.so", "stub", OBJECT),
            ("api", "api", api),
            ("api.linked", "api", [*api, *linked]),
            ("wake", "wake", [*api, *linked]),
        ):
            command = ["gcc", *CFLAGS, "-o", self.directory / name, HERE / f"{source}.c", *flags, "-ldl"]
            subprocess.run(command, check=True, timeout=120)

    def program(self, name):
        return str(self.directory / name)

    def environment(self, variant, behind=()):
        """The environment of a variant; `behind`: preloads behind it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NETDEADLINE_")}
        preloads = {"native": [], "empty": [self.program("empty.so")]}.get(variant, [str(self.library)])
        preloads = [*preloads, *(self.program(name) for name in behind)]
        environment.pop("LD_PRELOAD", None)
        if preloads:
            environment["LD_PRELOAD"] = ":".join(preloads)
        environment |= {"other": ELSEWHERE, "armed": HOUR}.get(variant, {})
        return environment


def commit():
    """Which sources these are, as git says; a change to what is built is named."""
    def git(*words):
        done = subprocess.run(["git", "-C", HERE.parent, *words], capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "Cargo.toml", "Cargo.lock")
    return f"netdeadline {git('rev-parse', '--short', 'HEAD') or 'of no known commit'}{' with changes' if changed else ''}"


def load():
    return " ".join(pathlib.Path("/proc/loadavg").read_text().split()[:3])


def busy():
    """Share of the last ten seconds in which something waited for a processor, as the kernel says; None if it does not."""
    try:
        line = pathlib.Path("/proc/pressure/cpu").read_text().splitlines()[0]
    except OSError:
        return None
    return float(line.split("avg10=")[1].split()[0])


def machine():
    name = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
    system = os.uname()
    hypervisor = any("hypervisor" in line for line in pathlib.Path("/proc/cpuinfo").open() if line.startswith("flags"))
    where = "a virtual machine" if hypervisor else "no virtual machine"
    return f"{name}, {os.cpu_count()} cores, {where}; {system.sysname} {system.release} {system.machine}"


def table(head, rows):
    """Print rows of strings in columns, the first to the left."""
    rows = [head, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for i, row in enumerate(rows):
        cells = [cell.ljust(width) if c == 0 else cell.rjust(width) for c, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())
        if i == 0:
            print("-" * (sum(widths) + 2 * (len(widths) - 1)))
    print(flush=True)


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


median = statistics.median
