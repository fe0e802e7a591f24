"""The standard library's test binaries: compiled, started natively or under the library, and seen to be under it.

What their output means is outcomes.py's affair.
"""

import contextlib
import fcntl
import mmap
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

# What CPython's tests are started under is what these are started under.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests/transparency"))

import conditions
import outcomes

GO_TESTS = Path(__file__).resolve().parent.parent
# How each build gets the library. Go's default build has an interpreter in all of these packages, since they use net or
# os/user; CGO_ENABLED=0 has none, and as PIE an interpreter but no libc.
WAYS = {"dynamic": "preload", "static": "launcher", "pie": "preload"}
# A test binary ends itself with a dump of its goroutines before we end it.
RUN_SECONDS = 120
# How often a run is resumed past a test that killed it or hung.
RESUMES = 6
# Processes that we started, for whoever is told to stop.
ALIVE = set()
# The first bytes of Go's one system call function, the same in every version and once in a binary (src/go).
SYSCALL6 = bytes.fromhex("4989f24889fa4889ce4889df0f05483d01f0ffff76")


class Broken(Exception):
    """There is nothing to compare."""


class Toolchain:
    """One Go version, and the environment that its tests see whoever runs them."""

    def __init__(self, version):
        self.version = version
        done = subprocess.run([GO_TESTS / "toolchains", version], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise Broken(f"no Go {version}")
        self.root = Path(done.stdout.split()[1])

    def environment(self):
        ours = ("NETDEADLINE_", "LD_PRELOAD", "GO")
        env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        env |= {name: value for name in ("GOCACHE", "GOPROXY") if (value := os.environ.get(name))}
        return env | {"GOROOT": str(self.root), "GOTOOLCHAIN": "local", "PATH": f"{self.root}/bin:{env['PATH']}"}

    def compile(self, package, build, directory):
        binary = Path(directory) / f"{self.version}-{package.replace('/', '_')}-{build}.test"
        env = self.environment() | {"CGO_ENABLED": str(int(build == "dynamic"))}
        mode = ["-buildmode=pie"] if build == "pie" else []
        command = ["go", "test", "-c", *mode, "-o", binary, package]
        done = subprocess.run(command, env=env, cwd=self.root / "src", capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise Broken(f"go test -c {package}, {self.version}, {build}:\n{done.stderr[-2000:]}")
        return Binary(self, package, build, binary)


class Protection(conditions.Protection):
    """How a Go program gets the library under a condition: by the loader where there is one, and by the command elsewhere."""

    def start(self, condition, build, command, env):
        if WAYS[build] == "launcher" and condition != "run":
            # With no options: what there is to say is in the environment.
            command, env = [self.command, "run", "--", *command], super().wrap(condition, command, env)[1]
            return command, {name: value for name, value in env.items() if name != "LD_PRELOAD"}
        return super().wrap(condition, command, env)


class Binary:
    """One package's tests, as one program."""

    def __init__(self, toolchain, package, build, path):
        self.toolchain, self.package, self.build, self.path = toolchain, package, build, path
        self.directory = toolchain.root / "src" / package
        self.title = f"{toolchain.version} {package} {build}"

    def start(self, protection, setting, arguments, **streams):
        env = self.toolchain.environment() | {"PWD": str(self.directory)}
        command = [str(self.path), *arguments]
        if protection:
            command, env = protection.start(setting, self.build, command, env)
        # A process group and no session: its leader would get the first terminal that a test opens, and SIGHUP with its end.
        process = subprocess.Popen(
            command, env=env, cwd=self.directory, stdin=subprocess.DEVNULL, preexec_fn=os.setpgrp, **streams
        )
        ALIVE.add(process)
        return process

    def once(self, protection, setting, selection, without, output):
        """(what it printed, its status): one process, bounded, and nothing of its group left behind."""
        arguments = ["-test.short", "-test.v=test2json", f"-test.timeout={RUN_SECONDS}s"]
        arguments += [f"-test.run=^({'|'.join(sorted(selection))})$"] if selection else []
        arguments += [f"-test.skip=^({'|'.join(sorted(without))})$"] if without else []
        with open(output, "wb") as file:
            process = self.start(protection, setting, arguments, stdout=file, stderr=file)
            try:
                status = process.wait(RUN_SECONDS + 20)
            except subprocess.TimeoutExpired:
                status = "hung"
            finally:
                end(process)
        return outcomes.Printed(Path(output).read_text(errors="replace")), status

    def run(self, protection, setting, output, selection=()):
        """({test: outcome}, {test: text}). Tests during which the process dies are run again each by itself, the rest
        after them."""
        found, texts, suspects, failed, done = {}, {}, [], None, set()
        for _ in range(RESUMES):
            printed, status = self.once(protection, setting, selection, done, output)
            found |= printed.outcomes
            texts |= printed.texts
            if outcomes.consistent(printed, status):
                break
            failed = failed or (status, printed)
            died = printed.running()
            suspects += sorted(died)
            done |= died | {outcomes.top(name) for name in printed.outcomes}
        for test in suspects:
            printed, status = self.once(protection, setting, [test], (), output)
            alone = printed.outcomes if outcomes.consistent(printed, status) else {test: "died"}
            found |= alone
            texts |= printed.texts
        if failed:
            status, printed = failed
            texts[outcomes.PROCESS] = f"status {status}, in {sorted(printed.running())}\n" + "\n".join(printed.texts.values())
        return found | {outcomes.PROCESS: "fail" if failed else "pass"}, texts

    def must_be_patched(self, protection, setting, output):
        """Equal results prove nothing when the library is not there: stop the program in a write to a full pipe and look."""
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writer, bytes(4096))
        with open(output, "wb") as errors:
            process = self.start(protection, setting, ["-test.list=."], stdout=writer, stderr=errors)
        os.close(writer)
        try:
            until = time.monotonic() + 20
            while time.monotonic() < until and process.poll() is None:
                if patched(process.pid, self.path):
                    return
                time.sleep(0.005)
            said = Path(output).read_text(errors="replace")[-1000:]
            raise Broken(f"{self.title}: it is not under the library ({process.returncode}): {said}")
        finally:
            end(process)
            os.close(reader)


def end(process):
    """End what we started and everything that still is in its group."""
    kill(process)
    process.wait()
    ALIVE.discard(process)


def kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def patched(pid, path):
    """Whether that program is mapped in the process and its Syscall6 is no longer what the file holds."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        place = text.find(SYSCALL6)
    with contextlib.suppress(OSError), open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            fields = line.split(maxsplit=5)
            if len(fields) < 6 or fields[5].strip() != str(path) or "x" not in fields[1]:
                continue
            start, stop = (int(bound, 16) for bound in fields[0].split("-"))
            into = place - int(fields[2], 16)
            if place >= 0 and 0 <= into < stop - start:
                memory.seek(start + into)
                return memory.read(len(SYSCALL6)) != SYSCALL6
    return False
