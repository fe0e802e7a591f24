"""The programs' own suites: how each is built, which units it has (what is started at a time) and what a unit prints.

How they are kept apart and compared does not belong here.
"""

import re

import sources


class Program:
    """One program's suite. `tree` is where it was built; which tests a unit has is known by its output alone."""

    package = ""
    # Commands that build it, in its tree.
    steps = ()
    below, as_nobody, environment = ".", False, {}
    # A unit that hangs; the suites bound their tests by themselves.
    seconds = 600

    def prepare(self):
        self.tree = sources.built(self.package, self.steps)
        self.version = self.tree.name.removeprefix(f"{self.package}-")


class Curl(Program):
    """The client, and the servers of its suite, a test of which has a number; a unit is some of them."""

    name = package = "curl"
    steps = (
        ["./configure", "-q", "--with-openssl", "--disable-shared", "--disable-manual", "--without-libpsl"],
        ["make", "-s", "-j2"],
        ["make", "-s", "-j2", "-C", "tests"],
    )
    below = "tests"
    # Tests of international names want a locale; one of NTLM a user's name.
    environment = {"LC_ALL": "C.UTF-8", "USER": "root"}
    together = 25

    def units(self):
        numbers = sorted(int(file.name[4:]) for file in (self.tree / "tests/data").glob("test*[0-9]"))
        return [tuple(numbers[at : at + self.together]) for at in range(0, len(numbers), self.together)]

    def command(self, unit):
        return ["./runtests.pl", "-n", "-a", "!flaky", *map(str, unit)]

    def outcomes(self, unit, status, text):
        """A SKIPPED stands in the line that names the test; an OK or FAILED follows, maybe after what a shell says meanwhile."""
        found, running = {}, None
        for line in text.splitlines():
            if named := re.match(r"test (\d{4})(\.\.\.\[|.* SKIPPED)?", line):
                running = f"curl {named[1]}"
                found[running] = ("skip", line) if "SKIPPED" in line else ("died", "it was not heard of again")
            elif running and found[running][0] == "died":
                if re.search(r"\bOK \(\d+ *out of", line):
                    found[running] = "pass", ""
                elif "does not exist" in line:
                    # A tool that only builds for debugging have.
                    found[running] = "skip", line
                elif "FAILED" in line or "FAILURE" in line:
                    found[running] = "fail", line
            elif running and found[running][0] == "fail" and len(found[running][1]) < 1500:
                found[running] = "fail", f"{found[running][1]}\n{line}"
        return found

    def units_of(self, names):
        return [tuple(sorted(int(name.split()[1]) for name in names))]


class Redis(Program):
    """A unit is a file of tests with the servers that they start; a test is known by its title."""

    name = package = "redis"
    steps = (["make", "-s", "-j2", "MALLOC=libc", "BUILD_TLS=no"],)
    # No network, and minutes of work: hostile dumps, and memory.
    left_out = ("integration/corrupt-dump", "integration/corrupt-dump-fuzzer", "unit/memefficiency", "unit/hyperloglog")
    # Which of these come is drawn by lot.
    by_lot = re.compile(r"PSYNC2: (Set #|--- CYCLE|\[NEW LAYOUT\])|large memory flag|PSYNC2 #")
    verdicts = {"ok": "pass", "err": "fail", "exception": "fail", "timeout": "died", "skip": "skip", "ignore": "skip"}

    def units(self):
        helper = (self.tree / "tests/test_helper.tcl").read_text()
        units = re.search(r"set ::all_tests \{(.*?)\}", helper, flags=re.S)[1].split()
        return [unit for unit in units if unit not in self.left_out]

    def command(self, unit):
        return ["./runtest", "--single", unit, "--clients", "1", "--no-latency", "--timeout", "300"]

    def outcomes(self, unit, status, text):
        """Of tests with one title the worst; the unit itself is one, that passes if it came to its end."""
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
        found = {f"{unit}: as a whole": ("pass", "") if status == 0 else ("died" if status is None else "fail", plain[-1500:])}
        for word, title in re.findall(r"^\[(ok|err|exception|timeout|skip|ignore)\]: (.*)$", plain, flags=re.M):
            title = re.sub(r" in tests/\S+$| \(\d+ ms\)$", "", title)
            name = f"{unit}: " + re.sub(r"\d{3,}", "N", title)
            if not self.by_lot.search(title) and found.get(name, ("pass",))[0] in ("pass", "skip"):
                found[name] = self.verdicts[word], title
        return found

    def units_of(self, names):
        return sorted({name.split(": ", 1)[0] for name in names})


class Memcached(Program):
    """A unit is a file, and so is a test: how many points one makes is a matter of races with its server."""

    name = package = "memcached"
    steps = (["./configure", "-q"], ["make", "-s", "-j2", "memcached", "memcached-debug", "sizes", "testapp", "timedrun"])
    as_nobody = True
    # Of the sources' own spelling.
    left_out = ("t/whitespace.t",)

    def units(self):
        files = sorted(f"t/{file.name}" for file in (self.tree / "t").glob("*.t"))
        return [file for file in files if file not in self.left_out]

    def command(self, unit):
        return ["perl", "-I", "lib", unit]

    def outcomes(self, unit, status, text):
        wrong = "\n".join(line[:300] for line in text.splitlines() if line.startswith("not ok"))
        if status is None:
            return {unit: ("died", f"not over after {self.seconds} s")}
        if status or wrong:
            return {unit: ("fail", wrong or text[-1500:])}
        return {unit: ("skip" if re.search(r"^1\.\.0", text, flags=re.M) else "pass", "")}

    def units_of(self, names):
        return sorted(names)


PROGRAMS = [Curl(), Redis(), Memcached()]
