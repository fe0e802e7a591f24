"""Programs of chaos on libraries with a fault sown into a copy of the sources: each must be found, and is, in BOUND seconds.

`seeded/*.mutation`, in the form of tests/pitfalls (README.md there); `test:` names the way, and the words that the fault is told in.
Not here: what runs a program.
"""

import importlib.machinery
import importlib.util
import pathlib
import time

HERE = pathlib.Path(__file__).resolve().parent
BOUND = 120  # seconds of programs until a fault counts as not found


def pitfalls():
    loader = importlib.machinery.SourceFileLoader("pitfalls", str(HERE.parent / "pitfalls/run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("pitfalls", loader))
    loader.exec_module(module)
    return module


def in_place():
    """How many there are, and the complaints about those whose text is not in the sources any more."""
    sown = pitfalls()
    gone = []
    mutations = [sown.Mutation(path) for path in sorted(HERE.glob("seeded/*.mutation"))]
    for mutation in mutations:
        try:
            mutation.mutated()
        except sown.Bad as bad:
            gone.append(f"seeded {mutation.name}: {bad}")
    return len(mutations) - len(gone), gone


def check(program, options, work):
    """Prints a line for each; (passed, failed)."""
    sown = pitfalls()
    sown.copy_sources()
    passed = failed = 0
    for path in sorted(HERE.glob("seeded/*.mutation")):
        mutation = sown.Mutation(path)
        try:
            options.library = sown.build(mutation.mutated())
        except sown.Bad as bad:
            failed += 1
            print(f"FAIL  {path.stem}: {bad}", flush=True)
            continue
        began = time.monotonic()
        way, _, words = mutation.test.partition(" ")
        code, said, figures = work(program, way, options, options.first, seconds=BOUND, stride=1)
        took = time.monotonic() - began
        found = code == 3 and words in said
        passed, failed = passed + found, failed + (not found)
        first = next((line.strip() for line in said.split("\n") if words in line), "")
        calls = figures["calls"] if figures else 0
        print(f"{'pass' if found else 'FAIL'}  {path.stem}, {way}: after {took:.0f} s, {calls} calls: {first or 'nothing'}", flush=True)
    return passed, failed
