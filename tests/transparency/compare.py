"""Comparing two runs of a suite, test by test and by name. Plain data in, plain data out."""

import json

DIED = ("died", "the process ended or hung in this test")
# A test that one of two runs did not come to.
ABSENT = ("absent", "not run")


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

    "differs" is the library's fault; "flaps natively" is not; "once" means that it could not be repeated.
    """
    plain_again, other_again = set(plain[1:]), set(other[1:])
    if other_again - set(plain):
        return "differs"
    if len(plain_again) == 1 and not plain_again & other_again:
        return "differs"
    return "flaps natively" if len(set(plain)) > 1 else "once"
