"""Comparing two runs of a suite, test by test and by name. Plain data in, plain data out."""

import json

DIED = ("died", "the process ended or hung in this test")


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
    absent = ("absent", "not run")
    names = sorted(plain.keys() | other.keys())
    return [name for name in names if plain.get(name, absent)[0] != other.get(name, absent)[0]]


def verdict(plain_again, other_again):
    """What repeating a differing test says, given the outcomes of its repetitions natively and with the library.

    "differs" is the library's fault; "flaps natively" is not; "once" means that it could not be repeated.
    """
    if len(set(plain_again)) > 1:
        return "flaps natively"
    if set(other_again) == set(plain_again):
        return "once"
    return "differs"
