"""What a Go http server pays: requests per second of its own processor time, servers of all variants loaded in turn."""

import contextlib
import random
import subprocess

from go_workshop import BUILDS, VARIANTS, run
from tools import Broken, median, table

CLIENTS = 16
AIM = 0.98


class Server:
    def __init__(self, workshop, build, variant):
        command, environment = workshop.command_of("http", build, variant, ["serve"])
        pipe = subprocess.PIPE
        self.what = f"http serve, {build}, {variant}"
        self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        self.address = self.line()
        self.load, self.environment = [str(workshop.directory / "static/http"), "load", self.address, str(CLIENTS)], environment

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Broken(f"{self.what}: it ended")
        return line.strip()

    def used(self):
        self.process.stdin.write("x")
        self.process.stdin.flush()
        return [int(word) for word in self.line().split()]

    def turn(self, ms):
        """Requests per second of processor time."""
        before = self.used()
        answers = int(run([*self.load, str(ms)], env={}))
        after = self.used()
        ns, requests = (b - a for a, b in zip(before, after))
        if requests != answers or not requests:
            raise Broken(f"{self.what}: {requests} requests, {answers} answers")
        return requests / (ns / 1e9)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def report(workshop, size):
    generations, turns, ms = (1, 4, 200) if size == "quick" else (3, 16, 400)
    made, worst = [], 1.0
    for build in BUILDS:
        found = {variant: [] for variant in VARIANTS}
        order = list(VARIANTS)
        for _ in range(generations):
            with contextlib.ExitStack() as stack:
                servers = {}
                for variant in VARIANTS:
                    servers[variant] = server = Server(workshop, build, variant)
                    stack.callback(server.end)
                    server.turn(ms)
                for _ in range(turns):
                    random.shuffle(order)
                    for variant in order:
                        found[variant].append(servers[variant].turn(ms))
        cells = [build, f"{median(found['native']):.0f}"]
        for variant in VARIANTS[1:]:
            share = median(a / b for a, b in zip(found[variant], found["native"]))
            worst = min(worst, share)
            cells.append(f"{share:.3f}")
        made.append(cells)
    print(f"A Go http server with {CLIENTS} busy connections: requests per second of its own processor time; shares of native.")
    table(["requests/CPU s", "native", *VARIANTS[1:]], made)
    print(f"Aim: at least {AIM}: {'met' if round(worst, 3) >= AIM else f'missed, {worst:.3f}'}.\n", flush=True)
