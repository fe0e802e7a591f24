"""Reading the evidence: what a cell's JSON records must say. Times are judged here and nowhere else."""

import json

# Where the machine is not busy a record is this close to its deadline; farther ones are noted, and the median is judged.
CLOSE_MS = 50.0
# Even a busy machine is not this late.
HOPELESS_MS = 3000.0

KEYS = {
    *("time", "pid", "tid", "comm", "fd", "operation", "peer", "class", "source", "deadline_ms", "waited_ms"),
    *("bytes_in", "bytes_out", "rtt_us", "retransmits", "unacked", "observed"),
}


def read(path):
    try:
        with open(path) as log:
            return [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        return []


def lateness(record):
    return record["waited_ms"] - record["deadline_ms"]


def faults_of(record, cut_by, deadline_s, peers):
    """What is wrong with one record, in words; an empty list when nothing is."""
    wrong = []
    if missing := KEYS - record.keys():
        return [f"the record lacks {sorted(missing)}"]
    wanted = {"class": cut_by, "source": f"NETDEADLINE_{cut_by.upper()}", "deadline_ms": deadline_s * 1000, "observed": False}
    for key, want in wanted.items():
        if record[key] != want:
            wrong.append(f"{key} is {record[key]!r}, not {want!r}")
    if record["peer"] not in peers:
        wrong.append(f"peer is {record['peer']!r}, not one of {sorted(peers)}")
    if lateness(record) < 0:
        wrong.append(f"EARLY: waited {record['waited_ms']} ms of {record['deadline_ms']} ms")
    if lateness(record) > HOPELESS_MS:
        wrong.append(f"late: waited {record['waited_ms']} ms of {record['deadline_ms']} ms")
    return wrong
