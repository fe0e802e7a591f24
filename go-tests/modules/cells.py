"""The fixed table: which client meets which fault under which deadline, and what its error is known to say.

How a cell is run is in cell.py, the servers are in servers.py.
"""

from dataclasses import dataclass, field

# The kinds of error, by what a program can ask of them. What is observed is what stands here: a library that turns the
# socket's error into a text of its own (grpc-go) leaves nothing to ask, and its caller sees the text and its status code.
PLAIN = {"Timeout": True, "TimedOut": True, "Exceeded": False, "NetError": True}
TEXT = {"Timeout": False, "TimedOut": False, "Exceeded": False, "NetError": False}
TIMED_OUT = "connection timed out"


@dataclass(frozen=True)
class Client:
    """`program` is a directory here, `arguments` follow the address, `server` is servers.py's word.

    `waits` is how many waits in a row one call makes for its answer, each with a deadline of its own. `reads_idle`: a
    goroutine of its own reads from an idle connection all the time, so that `read` ends it (README, idle pools).
    """

    name: str
    program: str
    server: str
    arguments: tuple = ()
    error: dict = field(default_factory=lambda: PLAIN, hash=False)
    note: str = ""
    waits: int = 1
    reads_idle: bool = False


CLIENTS = [
    Client("grpc", "grpc", "grpc", error=TEXT, note="Unavailable", reads_idle=True),
    Client("redis-get", "redis", "redis", ("get",)),
    Client("redis-pop", "redis", "redis", ("pop",)),
    # pgx peeks at the answer first, takes a timeout there for no error, and reads once more (pgconn.go, peekMessage).
    Client("pgx", "pgx", "postgres", note="pgconn.Timeout true", waits=2),
    Client("h2c", "http2", "h2c", ("h2c",), reads_idle=True),
    Client("https", "http2", "https", ("https",), reads_idle=True),
]

# stopped: SIGSTOP, its kernel still acknowledges. cut: the packets are thrown away. unreachable: cut before the first connect.
FAULTS = {
    "stopped": ("read", "stopped"),
    "stopped-response": ("response", "stopped"),
    "cut": ("read", "cut"),
    "cut-write": ("write", "cut"),
    "unreachable": ("connect", "cut"),
}
# load: calls from eight goroutines, client and Go server under deadlines that are longer than any answer takes.
# idle: a pooled connection that nobody uses for longer than the deadline, then one call more.
SOUND = ("load", "idle-read", "idle-response")


@dataclass(frozen=True)
class Cell:
    client: Client
    what: str
    version: str
    way: str

    @property
    def name(self):
        return f"{self.client.name}/{self.what}/{self.version}/{self.way}"


# go-redis with its own timeout of 3 s, which must hold to the moment under a longer deadline of ours.
OWN = Client("redis-own", "redis", "redis", ("own",), error={**TEXT, "Timeout": True, "Exceeded": True, "NetError": True})
OWN_SECONDS = 3.0
HEYS = [Client("hey", "hey", "http"), Client("hey-h2", "hey", "https", ("-h2",))]

QUICK = ("grpc/stopped", "redis-get/cut", "redis-pop/stopped", "pgx/stopped", "h2c/stopped", "https/load", "hey/load")


def table(versions, all_ways):
    """Every cell; those of one version and way stand together."""
    for version in versions:
        for way in all_ways:
            for client in CLIENTS:
                for what in (*FAULTS, *SOUND):
                    yield Cell(client, what, version, way)
            yield Cell(OWN, "own", version, way)
            for hey in HEYS:
                yield Cell(hey, "load", version, way)


def quick(cell):
    return f"{cell.client.name}/{cell.what}" in QUICK
