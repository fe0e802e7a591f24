"""The test of the test: faults built into a copy of the sources, each of which the benchmark must find."""

import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# What is broken; file, text, what replaces it; and the run that must exit 3.
FAULTS = (
    ("a deadline is told 5 ms early", "src/engine/op/epoll.rs", "        if set.next() <= now {\n            let room",
     "        let now = now.saturating_add(5_000_000);\n        if set.next() <= now {\n            let room",
     ["late", "deadlines", "1000", "700", "500"]),
    ("a chunk is never corrected", "src/engine/set/mod.rs", "of_chunk.correct(groups);", "let _ = of_chunk;", ["set", "1000", "--quick", "--alone"]),
    ("the set does not hear of a new earliest", "src/engine/set/mod.rs", "&& self.minimum.lower(instant)", "&& false", ["set", "1000", "--quick", "--alone"]),
)


def run(tally, target):
    """Each fault in a copy of its own."""
    with tempfile.TemporaryDirectory(prefix="nd-scale-") as directory:
        copy = pathlib.Path(directory) / "source"
        shutil.copytree(ROOT / "src", copy / "src")
        shutil.copytree(HERE, copy / "bench/scale")
        for part in ("Cargo.toml", "Cargo.lock", "tests/Cargo.toml", "tests/lib.rs", "build.rs"):
            (copy / part).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / part, copy / part)
        for what, file, text, instead, command in FAULTS:
            whole = (copy / file).read_text()
            if whole.count(text) != 1:
                print(f"FAIL seeded: {what}: {file} has its text {whole.count(text)} times, not once")
                tally.failed += 1
                continue
            (copy / file).write_text(whole.replace(text, instead))
            build = ["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", copy / "bench/scale/Cargo.toml",
                     "--target-dir", target / "seeded", "--config", "profile.release.lto=false"]
            built = subprocess.run(build, capture_output=True, text=True)
            try:
                done = subprocess.run([target / "seeded/release/netdeadline-scale", *command], capture_output=True, timeout=60).returncode
            except (subprocess.TimeoutExpired, OSError) as error:
                done = str(error)
            (copy / file).write_text(whole)
            found = built.returncode == 0 and done == 3
            print(f"{'pass' if found else 'FAIL'} seeded: {what}{'' if found else f': exit {done}, not 3 {built.stderr[-500:]}'}", flush=True)
            tally.passed += found
            tally.failed += not found
