"""Cells in which children come and go while their parent's connections keep their deadlines."""

import json
import subprocess
from dataclasses import dataclass

import cells


@dataclass(frozen=True)
class Guard:
    name: str
    parent: tuple
    words: str
    child: str
    wrapper: tuple = ()

    def missing(self):
        """Why it cannot run here, or None."""
        return None

    def run(self, around, number):
        """What is wrong, in words."""
        kind, version = self.parent
        peer = around.mute
        program = [str(around.programs[f"{version} {kind}"]), "guard", self.words, peer, around.echo]
        child = [str(around.programs[self.child]), "report", "peer=none"]
        log = around.scratch / f"log-{number}"
        env = {"PATH": "/usr/bin:/bin", "NETDEADLINE_LOG": str(log), "NETDEADLINE_LOG_FORMAT": "json"}
        rules = "to {0} read={1}; to {2} read=20s".format(peer, cells.POLICY, around.echo)
        if kind == "static":
            line = [*self.wrapper, str(around.command), "run", "--rule", rules, "--", *program, *child]
        else:
            preload = [f"LD_PRELOAD={around.library}", f"NETDEADLINE_RULES={rules}"]
            line = [*self.wrapper, "env", *preload, *program, *child]
        try:
            done = subprocess.run(line, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, timeout=cells.CAP, start_new_session=True)
        except subprocess.TimeoutExpired:
            return [f"still running after {cells.CAP} s"]
        if done.returncode or done.stderr:
            return [f"it ended with {done.returncode} and said {done.stderr[-2000:]!r}"]
        said = json.loads(done.stdout.splitlines()[-1])
        wrong = list(said["Wrong"] or [])
        # A launched child takes some milliseconds; a busy machine, ten times that.
        if said["Children"] < 20 or said["Failed"] < 6 or said["Cuts"] < 24:
            wrong.append(f"too little happened: {said}")
        return wrong


def table():
    for version in ("old", "own"):
        for kind in ("static", "dynamic"):
            for child in ("own static", "own dynamic"):
                yield Guard(f"guard go-{version}-{kind} starts {child}", (kind, version), "plain", child)
            yield Guard(f"guard go-{version}-{kind} as PID 1, children too", (kind, version), "newpid", "own static",
                        ("unshare", "-fp", "--mount-proc"))
