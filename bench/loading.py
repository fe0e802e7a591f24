"""The clients of the part `servers`: one slice of load on one port, and what it says of it.

Each is a public tool at one setting, pinned to a processor. Whose server it asks, and what a slice is compared with, is not
known here.
"""

import pathlib
import re
import resource
import signal
import subprocess
import time
from dataclasses import dataclass

from serving import PATIENCE, asked, bound_to, eventually
from tools import Broken

CONNECTIONS = 50


@dataclass
class Slice:
    """What a slice of load made: requests answered, a second; us that half took, and 99 of 100; the client's own ns."""

    requests: int
    rate: float
    p50: float
    p99: float
    client_ns: int


def catches(pid, number):
    caught = re.search(r"^SigCgt:\s*(\w+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    return bool(int(caught[1], 16) >> number - 1 & 1)


def ran(command, environment, processor, seconds=None):
    """The output and the processor time of a client; one that goes on for ever is told to sum up after `seconds`."""
    used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    pipe, before = subprocess.PIPE, used()
    process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, preexec_fn=bound_to(processor))
    try:
        if seconds:
            # Before it has its handler the signal would only end it.
            eventually(f"{command[0]}: a handler", lambda: process.poll() is not None or catches(process.pid, signal.SIGINT))
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=PATIENCE + 20 * (seconds or 1))
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode or errors:
        raise Broken(f"{' '.join(map(str, command))}: exit {process.returncode}: {(errors or out)[-500:]}")
    return out, int((used() - before) * 1e9)


class Redis:
    """redis-benchmark: GET of one key, `pipeline` at a time on each connection."""

    def __init__(self, pipeline=1):
        self.pipeline, self.counts = pipeline, {}

    def answered(self, port):
        """How many GETs the server itself counts."""
        told = asked(port, b"INFO commandstats\r\n")
        if b"cmdstat_set" not in told:
            raise Broken(f"redis at port {port} answers {told[:100]}")
        found = re.search(rb"cmdstat_get:calls=(\d+)", told)
        return int(found[1]) if found else 0

    def slice(self, port, environment, processor, seconds):
        # It takes a number of requests, not a time: the first slice of a port is short and finds out how many that are.
        count = self.counts.get(port) or 40 * CONNECTIONS * self.pipeline
        sizes = f"-c {CONNECTIONS} -P {self.pipeline} -n {count}"
        command = f"redis-benchmark -h 127.0.0.1 -p {port} {sizes} --csv GET bench".split()
        before = self.answered(port)
        out, client_ns = ran(command, environment, processor)
        if (served := self.answered(port) - before) < count:
            raise Broken(f"redis answered {served} of {count}")
        figures = out.splitlines()[-1].split(",")[1:]
        rate, _, _, p50, _, p99, _ = (float(figure.strip('"')) for figure in figures)
        self.counts[port] = max(CONNECTIONS * self.pipeline, int(rate * seconds))
        return Slice(served, rate, p50 * 1000, p99 * 1000, client_ns)


UNITS = {"us": 1, "ms": 1000, "s": 1000000}


class Wrk:
    """wrk: one page over http."""

    def __init__(self, keep_alive=True):
        self.headers = [] if keep_alive else ["-H", "Connection: close"]

    def slice(self, port, environment, processor, seconds):
        # It knows whole seconds only; at SIGINT it sums up what it did until then.
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-d60s", "--latency", *self.headers, f"http://127.0.0.1:{port}/"]
        for longer in (1, 4, 16):
            out, client_ns = ran(command, environment, processor, longer * seconds)
            # Where others use the processors a short slice may pass without any.
            if "\n  0 requests in" not in out:
                break
        figures = dict(re.findall(r"^ +(50|99)% +(\S+)$", out, re.M))
        requests, rate = re.search(r"(\d+) requests in", out), re.search(r"Requests/sec: +([\d.]+)", out)
        if re.search("Non-2xx|Socket errors", out) or not requests or not int(requests[1]) or len(figures) != 2:
            raise Broken(f"wrk: {out[-500:]}")
        p50, p99 = (float(re.sub("[a-z]", "", figures[at])) * UNITS[re.sub("[^a-z]", "", figures[at])] for at in ("50", "99"))
        return Slice(int(requests[1]), float(rate[1]), p50, p99, client_ns)
