"""How a program of a public suite is started: natively, and under the library in each way that is compared with that.

Which suites there are, and what their outcomes mean, does not belong here.
"""

import os
import shutil
import subprocess

# Deadlines of an hour in every class, also for accepted connections: everything is armed and nothing can expire.
CLASSES = ("connect", "response", "read", "write", "lifetime")
RULE = "on * read=1h write=1h lifetime=1h"
HOUR = {f"NETDEADLINE_{name.upper()}": "1h" for name in CLASSES} | {"NETDEADLINE_RULES": RULE}
# The same, as a user types it.
OPTIONS = [word for name in CLASSES for word in (f"--{name}", "1h")] + ["--rule", RULE]
MEANING = {
    "native": "natively",
    "idle": "preloaded, no variable set",
    "hour": "preloaded, deadlines of an hour in the environment",
    "run": "netdeadline run, deadlines of an hour on the command line",
}
# The conditions that are compared with the native run.
COMPARED = tuple(MEANING)[1:]
OURS = ("NETDEADLINE_", "LD_PRELOAD")


class Protection:
    """The library and the command side by side, as they are installed; a rebuild elsewhere does not change them."""

    def __init__(self, library, command, directory):
        self.library, self.command = f"{directory}/libnetdeadline.so", f"{directory}/netdeadline"
        # What it says goes here. Tests become other users: the file is anybody's.
        self.log = f"{directory}/expiries"
        shutil.copy2(library, self.library)
        shutil.copy2(command, self.command)
        open(self.log, "w").close()
        os.chmod(self.log, 0o666)

    def wrap(self, condition, command, env=os.environ):
        """The command and its environment under that condition."""
        env = {name: value for name, value in env.items() if not name.startswith(OURS)}
        if condition == "run":
            return [self.command, "run", *OPTIONS, "--log", self.log, "--", *command], env
        if condition != "native":
            env["LD_PRELOAD"] = self.library
        if condition == "hour":
            env |= HOUR | {"NETDEADLINE_LOG": self.log}
        return command, env

    def reaches(self, condition, command):
        """Whether a program that prints its own /proc/self/maps has the library: equal results prove nothing without."""
        command, env = self.wrap(condition, command)
        maps = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return self.library in maps.stdout

    def said(self):
        """What the library said: that it ended something, which within an hour it cannot have done rightly."""
        with open(self.log, errors="replace") as log:
            return log.read().strip()
