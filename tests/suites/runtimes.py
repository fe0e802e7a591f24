"""Runtimes' own suites: which tests of which are run, how one is started and what it then prints.

Their sources, and the runtime of the very same version, are the distribution's (sources.py). How they are kept apart and compared
does not belong here.
"""

import re
import shutil

import lane
import sources


class Runtime:
    """`members` of the source package's tree are needed; `binaries` are the packages of the same source that run them."""

    package = ""
    members = binaries = ()
    # Programs that are not there are looked for, where whoever runs this may have directories that `nobody` may not read.
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    # Once more, all of it: it would take too long.
    whole = 0

    def prepare(self):
        self.place = sources.beside_its_program(self.package, self.members, self.binaries)
        self.version = self.place.name.removeprefix(f"{self.package}-")
        self.over = str(self.place / "root")
        if not lane.isolated(self.over):
            raise sources.Missing("its program is laid over /usr, for which it takes root and a mount namespace with an overlay")

    def lay_out(self, directory):
        for member in self.members:
            shutil.copytree(self.place / member, f"{directory}/{member}", symlinks=True, ignore=self.unneeded)

    def unneeded(self, directory, names):
        return ()


class Node(Runtime, lane.OneByOne):
    """Node's tests of some subjects. One test is a program, which says nothing where it passes."""

    package, binaries = "nodejs", ("nodejs",)
    # As long as its own runner waits.
    seconds = 120
    directories = ("parallel", "sequential")
    members = tuple(f"test/{name}" for name in ("common", "fixtures", *directories))
    # What is there might name flags.
    environment = Runtime.environment | {"NODE_OPTIONS": ""}
    # Eighty processes at once, which two processors do not get through in time.
    excluded = ("sequential/test-child-process-pass-fd.js",)

    def __init__(self, name, *subjects):
        self.name, self.subjects = f"node {name}", "|".join(subjects)

    def unneeded(self, directory, names):
        # Thousands of files, for tests that are not run.
        return ["wpt"] if "wpt" in names else ()

    def tests(self):
        chosen = re.compile(rf"test-({self.subjects})(-.*)?\.m?js")
        paths = (path for name in self.directories for path in sorted((self.place / "test" / name).iterdir()))
        names = (f"{path.parent.name}/{path.name}" for path in paths if chosen.fullmatch(path.name))
        return [name for name in names if name not in self.excluded]

    def command(self, directory, test):
        flags = re.search(r"//\s+Flags:(.*)", (self.place / "test" / test).read_text())
        return ["/usr/bin/node", *(flags[1].split() if flags else ()), f"{directory}/test/{test}"]

    def outcome(self, status, text):
        if status:
            return "fail"
        return "skip" if re.search(r"^1\.\.0 # Skipped", text, flags=re.M) else "pass"


class Ruby(Runtime):
    """Ruby's tests of what has descriptors, threads and processes. One program is a file of many tests."""

    name, package, binaries = "ruby", "ruby3.1", ("ruby3.1", "libruby3.1")
    members = ("test", "tool", "sample")
    # A file of 149 tests of processes takes one minute on a busy machine.
    seconds = 400
    files = """
        socket/test_* net/*/test_* openssl/test_ssl* openssl/test_pair openssl/test_buffering drb/test_drb[ou]* io/*/test_*
        fiber/test_* test_open3 test_pty test_timeout ruby/test_io ruby/test_io_buffer ruby/test_pipe ruby/test_process
        ruby/test_readpartial ruby/test_signal ruby/test_system ruby/test_thread
    """
    # They want to see all of the environment that a program is started with; ours is put back where a program left it out.
    excluded = r"!/test_execopts_(env|unsetenv_others)\z/"

    kinds = {"Failure": "fail", "Error": "error", "Skipped": "skip"}

    def tests(self):
        tests = self.place / "test"
        found = {path for pattern in self.files.split() for path in tests.glob(f"{pattern}.rb")}
        return sorted(str(path.relative_to(tests)) for path in found)

    def program(self, test):
        return test.split(" ")[0]

    def command(self, directory, program):
        runner = ["/usr/bin/ruby3.1", f"-I{directory}/tool/lib", f"{directory}/test/runner.rb"]
        options = ["--ruby=/usr/bin/ruby3.1", f"--name={self.excluded}", "--test-order=sorted", "--verbose"]
        return [*runner, *options, "--", f"{directory}/test/{program}"]

    def outcomes(self, program, status, text):
        name = r"(\w[\w:]*#[\w?!=]+)"
        said = {test: ("pass", "") for test in re.findall(rf"^\[ *\d+/\d+\] {name}", text, flags=re.M)}
        for kind, test, why in re.findall(rf"^ +\d+\) (\w+):\n{name}(.*(?:\n.+)*)", text, flags=re.M):
            said[test] = (self.kinds[kind], why)
        outcomes = {f"{program} {test}": outcome for test, outcome in said.items()}
        # A process that ends before it says what it counted has lost tests.
        if not re.search(r"^\d+ tests, ", text, flags=re.M):
            outcomes[program] = ("died", text[-1500:])
        return outcomes


# Not HTTP/2 and streams: the same sockets carry them.
RUNTIMES = [
    Node("sockets", "net", "dgram", "dns", "pipe", "socket"),
    Node("http", "http"),
    Node("tls", "tls", "https"),
    Node("processes", "child-process", "cluster"),
    Ruby(),
]
