"""The test of the test: with a faulty library ./run must report a difference.

seeded/*.c is a preload that takes the library's place, built in a moment; seeded/*.mutation takes a rule out of a copy of the
sources, in the format of tests/pitfalls, whose `test:` is a module, a class of it and a condition. go-tests/std has mutants of
its own.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import subprocess
from pathlib import Path

import bench
import conditions
import report

HERE = Path(__file__).resolve().parent
SEEDED = HERE / "seeded"
PITFALLS = HERE.parent / "pitfalls/run"
# What the preload is held to: it has no other faults.
PRELOADED = ("test_socket", "BasicTCPTest", "idle")


def pitfalls():
    """The builder of mutants, which is a program and not a module."""
    loader = importlib.machinery.SourceFileLoader("pitfalls", str(PITFALLS))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("pitfalls", loader))
    loader.exec_module(module)
    return module


def preloads(scratch):
    """(name, library, what shows it) of each fault written in C."""
    for source in sorted(SEEDED.glob("*.c")):
        library = f"{scratch}/{source.stem}.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source, "-ldl"], check=True)
        yield source.stem, library, PRELOADED


def mutants(directory=SEEDED):
    """The same of each fault put into a copy of the sources; the command must be of the same build, and is."""
    builder = pitfalls()
    builder.copy_sources()
    builder.BUILD.remove("--lib")
    builder.BUILD.remove("--no-default-features")
    for path in sorted(directory.glob("*.mutation")):
        mutation = builder.Mutation(path)
        library = builder.build(mutation.mutated())
        yield mutation.name, str(library), tuple(mutation.test.split())


def differs(python, library, command, scratch, shown_by):
    """(what the suite's judge says about this library, all that it prints)."""
    module, group, condition = shown_by
    protection = conditions.Protection(library, command, scratch)
    one = bench.Bench(python, protection, scratch)
    if not one.reached(condition):
        return {}, f"it is not loaded ({condition})"
    ids = [f"test.{module}.{group}."]
    plain = one.run(module, "native", ids)

    def repeat(names):
        return [one.again([module], way, names or ids) for way in ("native", condition)]

    with contextlib.redirect_stdout(io.StringIO()) as said:
        verdicts = report.judge(group, plain, one.run(module, condition, ids), repeat, repeats=(3, 7))
    return verdicts, said.getvalue()


def check(python, options, scratch):
    """(faults that were found, faults that were not)."""
    found = missed = 0
    faults = [(fault, options.command) for fault in preloads(scratch)]
    for (name, library, shown_by), command in faults if options.quick else with_mutants(faults):
        directory = f"{scratch}/seeded-{name}"
        os.mkdir(directory)
        verdicts, said = differs(python, library, command, directory, shown_by)
        ours = sorted(test for test, verdict in verdicts.items() if verdict == "differs")
        if ours:
            found += 1
            print(f"pass  seeded {name}: reported in {len(ours)} tests of {' '.join(shown_by)}: {ours[0]}", flush=True)
        else:
            missed += 1
            print(f"FAIL  seeded {name}: not reported:\n{said}", flush=True)
    return found, missed


def with_mutants(faults):
    yield from faults
    for name, library, shown_by in mutants():
        yield (name, library, shown_by), str(Path(library).with_name("netdeadline"))
