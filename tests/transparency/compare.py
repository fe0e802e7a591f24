"""Comparing two runs of a suite, test by test and by name. Plain data in, plain data out."""

import json
import math

DIED = ("died", "the process ended or hung in this test")
# A test that one of two runs did not come to.
ABSENT = ("absent", "not run")
# Three of three with the library and none of three natively: one in twenty.
DOUBT = 0.05


def read(path):
    """({test: (outcome, text)}, the test during which the process died or None)."""
    outcomes, running, finished = {}, None, False
    with open(path) as lines:
        for line in lines:
            fact = json.loads(line)
            if "start" in fact:
                if running:
                    outcomes[running] = DIED
                running = fact["start"]
            elif "end" in fact:
                running = None
                outcomes[fact["end"]] = (fact["outcome"], fact["text"])
            finished = finished or "finished" in fact
    if running:
        outcomes[running] = DIED
    return outcomes, None if finished else running or "(between two tests)"


def differences(plain, other):
    """Names whose outcome is not the same, in order."""
    names = sorted(plain.keys() | other.keys())
    return [name for name in names if plain.get(name, ABSENT)[0] != other.get(name, ABSENT)[0]]


def verdict(plain, other):
    """What a differing test is, given its outcomes natively and with the library: the first, and those of its repetitions.

    "differs": it comes more often with the library than chance would have it; that is the library's fault. "seldom": it came
    again, never natively, and may still be chance. "flaps natively": it does so without the library too. "once": it did not
    come again.
    """
    plain_again, other_again = plain[1:], other[1:]
    usual = max(plain_again, key=plain_again.count)
    strange = [sum(outcome != usual for outcome in again) for again in (plain_again, other_again)]
    if chance(*strange, len(plain_again), len(other_again)) <= DOUBT:
        return "differs"
    if len(set(plain)) > 1:
        return "flaps natively"
    return "seldom" if strange[1] else "once"


def chance(natively, with_us, native_runs, our_runs):
    """Fisher's exact test, one-sided: how likely that many, or more, of all strange outcomes fall to us if it is all one."""
    both, runs = natively + with_us, native_runs + our_runs
    ways = (math.comb(our_runs, k) * math.comb(native_runs, both - k) for k in range(with_us, min(both, our_runs) + 1))
    return sum(ways) / math.comb(runs, both)
