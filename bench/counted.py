"""Instructions in user space that a server takes for a request, by callgrind: the figure without noise of the part `servers`.

The kernel's share is not in it, nor what the vDSO's clock takes (valgrind makes a system call of that). The client is our own,
which asks an exact number of times.
"""

import contextlib
import pathlib
import socket
import subprocess

import ways
from loading import CONNECTIONS
from tools import Broken, table

WAYS = ("direct", *ways.PRELOADED)
GET = b"*2\r\n$3\r\nGET\r\n$5\r\nbench\r\n"


def control(server, *words):
    done = subprocess.run(["callgrind_control", *words, str(server.process.pid)], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Broken(f"callgrind_control {words}: {done.stderr[-300:]}")


def ask_all(peers, question, answer, rounds):
    """Ask on every connection, then hear every answer; so often."""
    for _ in range(rounds):
        for peer in peers:
            peer.sendall(question)
        for peer in peers:
            heard = peer.recv(65536)
            # Headers and page may come as two.
            while heard and not heard.endswith(answer):
                heard += peer.recv(65536)
            if not heard:
                raise Broken("a connection ended")


def per_request(kind, way, question, answer, rounds):
    workshop = kind.workshop
    out = pathlib.Path(workshop.program(f"counted.{kind.name}.{way}"))
    server = kind.start(way, under=["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"])
    with contextlib.ExitStack() as stack:
        stack.callback(server.end)
        connect = lambda: stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
        peers = [connect() for _ in range(CONNECTIONS)]
        # What happens once in a connection's life is over then.
        ask_all(peers, question, answer, 3)
        control(server, "-z")
        ask_all(peers, question, answer, rounds)
        control(server, "-d", "counted")
    for part in out.parent.glob(f"{out.name}.*"):
        for line in part.read_text().splitlines():
            if line.startswith(("summary:", "totals:")) and "Trigger: dump counted" in part.read_text():
                return int(line.split()[1]) / (rounds * CONNECTIONS)
    raise Broken(f"callgrind of {kind.name}, {way}: no figure")


def report(kinds, size):
    """`kinds`: kinds of ways.py, each with what to ask and how an answer ends."""
    rows = []
    for kind, question, answer in kinds[: 1 if size == "quick" else None]:
        found = {way: per_request(kind, way, question, answer, 20 if size == "quick" else 200) for way in WAYS}
        direct = found["direct"]
        rows.append([kind.name, f"{direct:.0f}", *(f"{found[way] - direct:+.0f}" for way in WAYS[1:])])
    print("Instructions per request in user space, without the clock's. Columns: over direct.")
    table(["", *WAYS], rows)
