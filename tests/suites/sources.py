"""Source packages of the distribution: fetched by apt, which checks their signatures, built once, kept in the user's cache.

Nothing of them is in this repository. What is done with what was built does not belong here.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netdeadline/suites"
# A build, however slow the machine; a package client that gets no answer.
BUILD_SECONDS = 600
APT_SECONDS = 120


class Missing(Exception):
    """Why it cannot be had on this machine."""


def call(command, seconds, directory):
    try:
        done = subprocess.run(
            command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=seconds
        )
    except (OSError, subprocess.TimeoutExpired) as why:
        raise Missing(f"{command[0]}: {why}") from why
    if done.returncode:
        raise Missing(f"{' '.join(map(str, command[:3]))}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def deb_src():
    """The release's own archives, as lines of a sources.list for sources."""
    form = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    lines = []
    for target in set(call(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], APT_SECONDS, "/").split("\n")):
        origin, _, place = target.partition("|")
        keyring = f"/usr/share/keyrings/{origin.lower()}-archive-keyring.gpg"
        # Not security and updates: mirrors of those may hold no sources, and the release's own version is one for all.
        if origin in ("Debian", "Ubuntu") and place.endswith("|main") and "-" not in place.split("|")[1]:
            option = f"[signed-by={keyring}] " if os.path.exists(keyring) else ""
            lines.append(f"deb-src {option}{place.replace('|', ' ')}\n")
    return "".join(sorted(lines))


def download(package, directory):
    """The upstream archive of a source package, in a list of sources of our own: the system's stays as it is."""
    for part in ("lists/partial", "archives/partial"):
        (directory / part).mkdir(parents=True)
    (directory / "sources.list").write_text(deb_src())
    settings = {
        "Dir::Etc::sourcelist": directory / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": directory / "lists",
        "Dir::Cache": directory,
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-q", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]
    call([*apt, "update"], APT_SECONDS, directory)
    call([*apt, "source", "--download-only", package], APT_SECONDS, directory)
    archives = sorted(directory.glob("*.orig.tar.*[z2]"))
    if not archives:
        raise Missing(f"apt-get source {package} brought no upstream archive")
    return archives[0]


def built(package, cmake, target):
    """The directory of `package`, unpacked, with `target` built in its directory `build`; its name ends in the version."""
    if kept := sorted(CACHE.glob(f"{package}-*")):
        return kept[-1]
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=CACHE) as scratch:
        scratch = Path(scratch)
        archive = download(package, scratch)
        version = archive.name.split("_", 1)[1].split(".orig.", 1)[0]
        tree = scratch / "tree"
        tree.mkdir()
        call(["tar", "-xf", archive, "-C", tree, "--strip-components=1"], BUILD_SECONDS, scratch)
        call(["cmake", "-S", tree, "-B", tree / "build", "-DCMAKE_BUILD_TYPE=Release", *cmake], BUILD_SECONDS, tree)
        call(["cmake", "--build", tree / "build", "--parallel", "2", "--target", target], BUILD_SECONDS, tree)
        place = CACHE / f"{package}-{version}"
        # What is in the way is another run's that was quicker.
        if not place.exists():
            shutil.move(tree, place)
    return place
