"""The cells: which parent starts which child in which way, what must come of it, and running one.

A child's report natively is the expectation of its report under the library; only what differs on purpose is listed here.
"""

import json
import os
import re
import subprocess
from dataclasses import dataclass

# The programs' `deadline`.
POLICY = "200ms"
CAP = 30
UNSAID = None


@dataclass(frozen=True)
class Cell:
    name: str
    parent: tuple  # (kind, version)
    words: str
    child: str
    # Does the library bound the child?
    bounded: bool = True
    # What the log says of children without deadlines, once.
    said: str = UNSAID
    # The child does not begin: natively and under the library with the same words.
    begins: bool = True
    arguments: tuple = ()
    wrapper: tuple = ()
    settings: tuple = ()
    user: int = 0
    # Fields of the report that the launcher may change, with the reason beside the cell.
    differs: tuple = ()

    # What the machine must have.
    needs: str = ""

    def missing(self):
        """Why it cannot run here, or None."""
        return "no cgroup2 is mounted" if self.needs == "cgroup2" and not cgroup2() else None

    def run(self, around, number):
        """What is wrong, in words."""
        return judge(self, once(self, around, False, number), once(self, around, True, number))


GO = [("static", version) for version in ("old", "own")] + [("dynamic", version) for version in ("old", "own")]
NO_LIBRARY = "the library is not in this root directory"
NO_LAUNCHER = "netdeadline is not where it could be executed"
TRACED = "it is traced"
PRIVILEGED = "it has privileges that its caller has not"
NO_NAME = "no name in the file system"


def table():
    return [cell for group in (from_go, from_c, from_shells, odd, settings) for cell in group()]


def from_go():
    ways = [("plain", {}), ("fresh", {}), ("empty", {}), ("huge", {}), ("fresh,dir=/", {}), ("name=another name", {}),
            ("name=-dashed", {}), ("arguments", {}), ("files=5", {}), ("setpgid", {}), ("setsid,quiet", {}),
            ("pdeathsig", {}), ("uid=65534,fresh", {}), ("exec", {}), ("exec,fresh", {}), ("newpid", {}), ("newuser,fresh", {}),
            ("chroot=/", {}), ("times=3,fresh", {}),
            ("ptrace,times=2", dict(bounded=False, said=TRACED)),
            ("chroot={scratch}/empty-root,times=3", dict(bounded=False, said=NO_LIBRARY)),
            ("chroot={scratch}/root-with-library,quiet", dict(bounded=False, said=NO_LAUNCHER))]
    for kind, version in GO:
        for words, more in ways:
            yield Cell(f"go-{version}-{kind} {words}", (kind, version), words, "own static", **more)
        for child in ("old static", "own dynamic", "own bare", "own pie", "c", "link"):
            arguments = ("report",)
            yield Cell(f"go-{version}-{kind} starts {child}", (kind, version), "fresh", child, arguments=arguments)
        yield Cell(f"go-{version}-{kind} starts script", (kind, version), "fresh", "script",
                   arguments=("{own static}", "report"))
        for end in ("exit=7", "signal=15", "signal=9"):
            yield Cell(f"go-{version}-{kind} {end}", (kind, version), "plain", "own static", arguments=("report", end))
        for child in ("/nonexistent", "/etc/passwd", "/tmp", "not-executable", "garbage", "busy"):
            for words in ("fresh", "exec"):
                yield Cell(f"go-{version}-{kind} {words} fails on {child}", (kind, version), words, child, begins=False)


    for kind, version in GO:
        for words in ("cgroup={cgroup2},fresh", "cgroup={cgroup2},newpid"):
            yield Cell(f"go-{version}-{kind} {words}", (kind, version), words, "own static", needs="cgroup2")


def from_c():
    ways = ("execve", "execv", "execvp,path", "execvpe,path", "execl", "execlp,path", "execle", "fexecve", "fexecve-o-path",
            "execveat", "execveat-empty", "syscall", "posix_spawn", "posix_spawnp,path", "vfork", "in-place")
    for words in ways:
        takes_environment = words.split(",")[0] not in ("execv", "execvp", "execl", "execlp")
        for more in ("", ",fresh") if takes_environment else ("",):
            # By a descriptor, the kernel itself gives the program other names.
            differs = ("Comm",) if "fexecve" in words or "execveat" in words else ()
            yield Cell(f"c {words}{more}", ("c", None), words + more, "own static", differs=differs)
    for child in ("/nonexistent", "/etc/passwd", "/tmp", "not-executable", "garbage"):
        yield Cell(f"c execve,filter fails on {child}", ("c", None), "execve,filter", child, begins=False)
    for words in ("execve,undumpable,fresh", "execve,no-new-privs,fresh", "execve,blocked,fresh"):
        yield Cell(f"c {words}", ("c", None), words, "own static")
    yield Cell("c execve,filter", ("c", None), "execve,filter", "own static", bounded=False, said="ptrace is forbidden")
    yield Cell("c traced", ("c", None), "traced", "own static", bounded=False, said=TRACED)
    yield Cell("c unnamed", ("c", None), "unnamed", "own static", bounded=False, said=NO_NAME)
    yield Cell("c unnamed-inherited", ("c", None), "unnamed-inherited", "own static", differs=("Comm",))
    yield Cell("c execveat-check starts nothing", ("c", None), "execveat-check", "own static", begins=False)
    for way in ("execve", "posix_spawn", "vfork", "fexecve"):
        for child in ("/nonexistent", "/etc/passwd", "/tmp", "not-executable", "garbage", "busy"):
            yield Cell(f"c {way} fails on {child}", ("c", None), way, child, begins=False)


def from_shells():
    for name, script in (("runs it", '"$@"; :'), ("executes it", 'exec "$@"'), ("in a subshell", '("$@"); :'),
                         ("in the background", '"$@" & wait'), ("without variables", 'env -i FRESH=yes "$@"; :'),
                         ("by name", 'cd "${1%/*}"; n=./${1##*/}; shift; "$n" "$@"; :')):
        yield Cell(f"sh {name}", ("sh", script), "", "own static")
    for name, call in (("posix_spawn", "subprocess.run(a, close_fds=False)"), ("vfork", "subprocess.run(a)"),
                       ("fork", "subprocess.run(a, preexec_fn=lambda: None)"), ("fresh", "subprocess.run(a, env={'FRESH': 'yes'})"),
                       ("os.posix_spawn", "os.waitpid(os.posix_spawn(a[0], a, {'FRESH': 'yes'}), 0)"),
                       ("os.execve", "os.execve(a[0], a, {'FRESH': 'yes'})"),
                       ("start_new_session", "subprocess.run(a, start_new_session=True, cwd='/')")):
        yield Cell(f"python {name}", ("python", call), "", "own static")


def odd():
    for kind, version in GO:
        for words in ("fresh", "exec"):
            # Which name /proc/self/exe has there is the kernel's business.
            yield Cell(f"go-{version}-{kind} {words} itself by /proc/self/exe", (kind, version), words, "/proc/self/exe",
                       differs=("Comm",))
        yield Cell(f"go-{version}-{kind} starts setuid", (kind, version), "times=3", "setuid", bounded=False, said=PRIVILEGED)
        yield Cell(f"go-{version}-{kind} starts setuid as its owner", (kind, version), "uid=65534", "setuid")
        # Nobody but root can look inside: whether it is Go is not known.
        yield Cell(f"go-{version}-{kind} starts unreadable", (kind, version), "uid=65534", "unreadable", bounded=False)
    for words in ("plain", "fresh", "newpid", "newpid,times=3"):
        for kind, version in GO:
            yield Cell(f"go-{version}-{kind} {words} as PID 1", (kind, version), words, "own static",
                       wrapper=("unshare", "-fp", "--mount-proc"))


def settings():
    for kind, version in (*GO, ("c", None)):
        name = f"go-{version}-{kind}" if version else kind
        words = "fresh" if version else "execve,fresh"
        yield Cell(f"{name} NETDEADLINE_CHILDREN=off", (kind, version), words, "own static", bounded=False,
                   settings=("NETDEADLINE_CHILDREN=off",))
        yield Cell(f"{name} observes", (kind, version), words, "own static", bounded=False,
                   settings=("NETDEADLINE_MODE=observe",))
    for kind, version in GO:
        # The child is to have no children with deadlines; it is itself one.
        yield Cell(f"go-{version}-{kind} tells its child off", (kind, version), "set=NETDEADLINE_CHILDREN:off", "own static")


def cgroup2():
    """The group of this process, for a child to be born into; None where there is no such file system."""
    mounts = [line.split() for line in open("/proc/mounts")]
    place = next((mount[1] for mount in mounts if mount[2] == "cgroup2"), None)
    group = next((line[3:].strip() for line in open("/proc/self/cgroup") if line.startswith("0::")), "")
    return place and place + group


def program(cell, around):
    if cell.child.startswith("/"):
        return cell.child
    return str(around.programs[cell.child])


def command(cell, around, shim):
    """The parent's command and variables."""
    kind, which = cell.parent
    names = {key: str(path) for key, path in around.programs.items()}
    arguments = [re.sub(r"\{([^}]*)\}", lambda found: names[found.group(1)], text) for text in cell.arguments or ("report",)]
    child = [program(cell, around), *arguments, f"peer={around.peer}"]
    words = cell.words.replace("{scratch}", str(around.scratch)).replace("{cgroup2}", cgroup2() or "")
    if kind == "sh":
        parent = ["/bin/sh", "-c", which, "sh"]
    elif kind == "python":
        parent = ["/usr/bin/python3", "-c", f"import os, subprocess, sys\na = sys.argv[1:]\n{which}"]
    elif kind == "c":
        parent = [str(around.programs["c"]), words]
        if cell.child == "c":
            child = [child[0], "report", child[-1]]
        child = child[:3] if words.split(",")[0] in ("execl", "execlp", "execle") else child
    else:
        parent = [names[f"{which} {kind}"], "start", words]
    env = {"PATH": "/usr/bin:/bin", "CHILDREN_PEER": around.peer}
    if not shim:
        return [*cell.wrapper, *parent, *child], env
    env |= dict(setting.split("=", 1) for setting in cell.settings)
    if kind == "static":
        return [*cell.wrapper, str(around.command), "run", "--read", POLICY, "--", *parent, *child], env
    preload = {"LD_PRELOAD": str(around.library), "NETDEADLINE_READ": POLICY}
    if not cell.wrapper:
        return [*parent, *child], env | preload
    return [*cell.wrapper, "env", *(f"{key}={value}" for key, value in preload.items()), *parent, *child], env


def once(cell, around, shim, number):
    """Run the parent; its end, the JSON lines it and its child said, its pid, stderr, the lines of the log."""
    log = around.scratch / f"log-{number}"
    line, env = command(cell, around, shim)
    if shim:
        log.touch()
        log.chmod(0o666)
        env |= {"NETDEADLINE_LOG": str(log), "NETDEADLINE_LOG_FORMAT": "json"}
    parent = subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              cwd=around.scratch, start_new_session=True)
    try:
        out, complaint = parent.communicate(timeout=CAP)
    except subprocess.TimeoutExpired:
        os.killpg(parent.pid, 9)
        out, complaint = parent.communicate()
        complaint += f"still running after {CAP} s"
    said = [json.loads(text) for text in out.splitlines() if text.startswith("{")]
    logged = [json.loads(text) for text in log.read_text().splitlines()] if shim else []
    return parent.returncode, said, parent.pid, complaint, logged


OURS = ("Pid", "Preload", "Ours", "Cut", "First")


def judge(cell, native, shimmed):
    wrong = []
    reports = [[line for line in side[1] if "Cut" in line] for side in (native, shimmed)]
    ends = [[line for line in side[1] if "Cut" not in line] for side in (native, shimmed)]
    if native[0] != shimmed[0]:
        wrong.append(f"the parent ended with {shimmed[0]}, natively with {native[0]}")
    if native[3] != shimmed[3]:
        wrong.append(f"stderr: {shimmed[3]!r}, natively {native[3]!r}")
    if [len(side) for side in reports] != [len(reports[0])] * 2 or bool(reports[0]) != cell.begins:
        wrong.append(f"{len(reports[1])} children reported, natively {len(reports[0])}: {shimmed[1]} {native[1]}")
        return wrong
    for theirs, mine in zip(*reports):
        for key in theirs.keys() - {*OURS, *cell.differs}:
            if mine[key] != theirs[key]:
                wrong.append(f"{key}: {mine[key]!r}, natively {theirs[key]!r}")
        if theirs["Cut"] != "data":
            wrong.append(f"natively the silent peer's connection: {theirs['Cut']}")
        if mine["Cut"] != ("cut" if cell.bounded else "data"):
            wrong.append(f"a silent peer's connection: {mine['Cut']}")
    for theirs, mine in zip(*ends):
        for key in theirs.keys() - {"Pid"}:
            if mine[key] != theirs[key]:
                wrong.append(f"the child's {key}: {mine[key]!r}, natively {theirs[key]!r}")
    own_pid = any(word in cell.words for word in ("newpid",)) or cell.parent[0] in ("sh", "python") or cell.wrapper
    for report, end in zip(reports[1], ends[1]):
        if not own_pid and end["Pid"] != report["Pid"]:
            wrong.append(f"the child is {report['Pid']}, its parent started {end['Pid']}")
    if cell.words.split(",")[0] in ("exec", "in-place") and cell.begins and reports[1][0]["Pid"] != shimmed[2]:
        wrong.append("the program in its parent's place has another pid")
    said = [line for line in shimmed[4] if "starts without deadlines" in json.dumps(line)]
    if len(said) != (cell.said is not UNSAID) or not all(cell.said in json.dumps(line) for line in said):
        wrong.append(f"the log says of unprotected children: {said}")
    return wrong
