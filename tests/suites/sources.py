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


def client(directory):
    """apt-get with a list of sources, and all that it keeps, of our own: the system's stays as it is."""
    for part in ("lists/partial", "archives/partial"):
        (directory / part).mkdir(parents=True)
    sources = deb_src()
    (directory / "sources.list").write_text(sources + sources.replace("deb-src", "deb"))
    settings = {
        "Dir::Etc::sourcelist": directory / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": directory / "lists",
        "Dir::Cache": directory,
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
    }
    apt = ["apt-get", "-q", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]
    call([*apt, "update"], APT_SECONDS, directory)
    return apt


def download(apt, package, directory):
    """The upstream archive of a source package, and its version at the distribution."""
    call([*apt, "source", "--download-only", package], APT_SECONDS, directory)
    archives = sorted(directory.glob("*.orig.tar.*[z2]"))
    described = sorted(directory.glob("*.dsc"))
    if not archives or not described:
        raise Missing(f"apt-get source {package} brought no upstream archive")
    return archives[0], described[0].name.removesuffix(".dsc").split("_", 1)[1]


def kept(package, fill):
    """The directory of `package` in the cache, its name ends in the version; `fill(scratch, tree)` makes it and says which."""
    if found := sorted(CACHE.glob(f"{package}-*")):
        return found[-1]
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=CACHE) as scratch:
        tree = Path(scratch) / "tree"
        tree.mkdir()
        place = CACHE / f"{package}-{fill(Path(scratch), tree)}"
        # What is in the way is another run's that was quicker.
        if not place.exists():
            shutil.move(tree, place)
    return place


def built(package, steps):
    """The directory of `package`, unpacked, after these commands in it."""

    def fill(scratch, tree):
        archive, _ = download(client(scratch), package, scratch)
        call(["tar", "-xf", archive, "-C", tree, "--strip-components=1"], BUILD_SECONDS, scratch)
        for step in steps:
            call(step, BUILD_SECONDS, tree)
        return archive.name.split("_", 1)[1].split(".orig.", 1)[0]

    return kept(package, fill)


def beside_its_program(package, members, binaries):
    """The directory with these parts of `package`; in its directory `root` what this machine lacks of the same version's binaries.

    Nothing is installed: what is there may be of another version, or another's.
    """

    def fill(scratch, tree):
        apt = client(scratch)
        archive, version = download(apt, package, scratch)
        # All but the parts' names is the archive's first directory.
        patterns = ["--wildcards", "--no-wildcards-match-slash", *(f"*/{member}" for member in members)]
        call(["tar", "-xf", archive, "-C", tree, "--strip-components=1", *patterns], BUILD_SECONDS, scratch)
        install = ["install", "--download-only", "--yes", "--no-install-recommends", "--allow-downgrades"]
        call([*apt, *install, *(f"{binary}={version}" for binary in binaries)], APT_SECONDS, scratch)
        (tree / "root/usr").mkdir(parents=True)
        for brought in sorted((scratch / "archives").glob("*.deb")):
            call(["dpkg-deb", "--extract", brought, tree / "root"], BUILD_SECONDS, scratch)
        return version

    return kept(package, fill)
