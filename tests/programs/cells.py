"""The fixed table: which client meets which fault, and what must come of it.

One line per client and fault. `times` is how many expiries the client's own retries make of one deadline each, `code` its
exit code, `says` what its output must hold. How a cell is run is in cell.py, the servers are in faults.py.
"""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import answers

HERE = Path(__file__).resolve().parent
CLIENTS = HERE / "clients"
SSH = "-F none -i {keys}/id -o BatchMode=yes -o LogLevel=INFO".split()
SSH += "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null".split()
JAVA = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
PYTHON = [sys.executable, "-B"]


@dataclass(frozen=True)
class Client:
    name: str
    needs: str
    protocol: answers.Protocol
    get: list
    put: list
    stdin: str = ""
    put_stdin: str = ""
    # The library goes to a child of the command's choosing, which finds it in ND_TEST_PRELOAD.
    wraps: bool = False
    env: dict = field(default_factory=dict)


def scripted(name, needs, command, protocol, **more):
    return Client(name, needs, protocol, [*command, "{host}", "{port}", "get"], [*command, "{host}", "{port}", "put"], **more)


http, line = answers.Http(), answers.Line()
URL = "http://{host}:{port}/"
WGET = ["wget", "-O", "-", "--progress=dot:giga", "--tries=2", "--waitretry=0"]
PSQL = ["psql", "-X", "-At", "-h", "{host}", "-p", "{port}", "-U", "nobody", "-d", "nothing"]
REDIS = ["redis-cli", "-h", "{host}", "-p", "{port}"]
NGINX = [*PYTHON, str(CLIENTS / "nginx_proxy.py")]
GIT_URL = "http://{host}:{port}/repository.git"
GIT_SSH_URL = "ssh://root@{host}:{port}{repository}"
GIT_SSH = {"GIT_SSH_COMMAND": "ssh " + " ".join(SSH), "GIT_TERMINAL_PROMPT": "0"}
TLS = ["openssl", "s_client", "-quiet", "-connect", "{host}:{port}"]

ALL = [
    Client("curl", "curl", http, ["curl", "-sS", URL], ["curl", "-sS", "-H", "Expect:", "-T", "{big}", URL]),
    Client("wget", "wget", http, [*WGET, URL], [*WGET, "--method=PUT", "--body-file={big}", URL]),
    scripted("py-socket", "python3", [*PYTHON, str(CLIENTS / "py_socket.py")], line),
    scripted("py-http.client", "python3", [*PYTHON, str(CLIENTS / "py_http_client.py")], http),
    scripted("py-urllib", "python3", [*PYTHON, str(CLIENTS / "py_urllib.py")], http),
    scripted("py-asyncio", "python3", [*PYTHON, str(CLIENTS / "py_asyncio.py")], line),
    scripted("node-http", "node", ["node", str(CLIENTS / "http.js")], http),
    scripted("java-url", "java", [*JAVA, str(CLIENTS / "Url.java")], http),
    scripted("java-nio", "java", [*JAVA, str(CLIENTS / "Nio.java")], line),
    Client("psql", "psql", answers.Postgres(), [*PSQL, "-c", "select 'the whole answer'"], [*PSQL, "-f", "{sql}"]),
    Client("redis-cli", "redis-cli", answers.Redis(), [*REDIS, "ping"], [*REDIS, "-x", "set", "key"], put_stdin="{big}"),
    Client(
        "ssh",
        "ssh",
        answers.Ssh(),
        ["ssh", *SSH, "-p", "{port}", "root@{host}", "echo the whole answer"],
        ["ssh", *SSH, "-p", "{port}", "root@{host}", "cat >/dev/null"],
        put_stdin="{big}",
    ),
    Client(
        "git-http",
        "git",
        answers.Git(),
        ["git", "ls-remote", GIT_URL],
        ["git", "-C", "{work}", "push", "-q", GIT_URL, "HEAD:refs/heads/main"],
        env={"GIT_TERMINAL_PROMPT": "0"},
    ),
    Client(
        "git-ssh",
        "git",
        answers.Ssh(),
        ["git", "ls-remote", GIT_SSH_URL],
        ["git", "-C", "{work}", "push", "-q", GIT_SSH_URL, "HEAD:refs/heads/pushed-{run}"],
        env=GIT_SSH,
    ),
    Client("openssl", "openssl", answers.Tls(), TLS, TLS, stdin="{request}", put_stdin="{big}"),
    Client(
        "nginx",
        "nginx",
        http,
        [*NGINX, "{host}", "{port}", "get", "{spare}", "{scratch}/nginx"],
        [*NGINX, "{host}", "{port}", "put", "{spare}", "{scratch}/nginx"],
        wraps=True,
    ),
    scripted("rust-std", "{rust}/std_client", ["{rust}/std_client"], line),
    scripted("rust-tokio", "{rust}/tokio_client", ["{rust}/tokio_client"], line),
]

# Which class cuts each fault short, and which direction the client's bytes go.
FAULTS = {
    "syn-dropped": ("connect", "get"),
    "full-backlog": ("connect", "get"),
    "silent": ("response", "get"),
    "half": ("read", "get"),
    "drip": ("lifetime", "get"),
    "zero-window": ("write", "put"),
}


@dataclass(frozen=True)
class Expect:
    times: int
    code: int | tuple
    says: str

    @property
    def codes(self):
        return self.code if isinstance(self.code, tuple) else (self.code,)


# client: one line per fault, in the order of FAULTS.
EXPECT = {
    "curl": [
        Expect(1, 28, r"curl: \(28\) .*"),
        Expect(1, 28, r"curl: \(28\) .*"),
        Expect(1, 56, r"curl: \(56\) Recv failure: Connection timed out"),
        Expect(1, 56, r"curl: \(56\) Recv failure: Connection timed out"),
        Expect(1, 56, r"curl: \(56\) Recv failure: Connection timed out"),
        # Send (55) or receive (56): curl waits for both, and the write class fails both while nothing is acknowledged.
        Expect(1, (55, 56), r"curl: \(5[56]\) (Send|Recv) failure: Connection timed out"),
    ],
    # Two tries were asked for; wget's own default is twenty.
    "wget": [
        Expect(2, 4, r"failed: Connection timed out"),
        Expect(2, 4, r"failed: Connection timed out"),
        Expect(2, 4, r"Read error \(Connection timed out\) in headers"),
        Expect(2, 4, r"Read error at byte \d+/\d+ \(Connection timed out\)"),
        Expect(2, 4, r"Read error at byte \d+/\d+ \(Connection timed out\)"),
        Expect(2, 4, r"Giving up"),
    ],
    "py-socket": [Expect(1, 3, r"error: TimeoutError timeout=True")] * 6,
    "py-http.client": [Expect(1, 3, r"error: TimeoutError timeout=True")] * 6,
    "py-urllib": [Expect(1, 3, r"error: TimeoutError timeout=True")] * 6,
    "py-asyncio": [Expect(1, 3, r"error: TimeoutError timeout=True")] * 6,
    "node-http": [
        Expect(1, 3, r"error: ETIMEDOUT timeout=true connect ETIMEDOUT"),
        Expect(1, 3, r"error: ETIMEDOUT timeout=true connect ETIMEDOUT"),
        Expect(1, 3, r"error: ETIMEDOUT timeout=true read ETIMEDOUT"),
        Expect(1, 3, r"error: ETIMEDOUT timeout=true read ETIMEDOUT"),
        Expect(1, 3, r"error: ETIMEDOUT timeout=true read ETIMEDOUT"),
        Expect(1, 3, r"error: ETIMEDOUT timeout=true (read|write) ETIMEDOUT"),
    ],
    # HttpURLConnection sends a GET that was never answered once more by itself.
    "java-url": [
        Expect(1, 3, r"error: ConnectException timeout=true Connection timed out"),
        Expect(1, 3, r"error: ConnectException timeout=true Connection timed out"),
        Expect(2, 3, r"error: SocketException timeout=true Connection timed out"),
        Expect(1, 3, r"error: SocketException timeout=true Connection timed out"),
        Expect(1, 3, r"error: SocketException timeout=true Connection timed out"),
        # What the write met is hidden by Java's own wrapping.
        Expect(1, 3, r"error: IOException timeout=false Error writing request body to server"),
    ],
    "java-nio": [
        Expect(1, 3, r"error: ConnectException timeout=true Connection timed out"),
        Expect(1, 3, r"error: ConnectException timeout=true Connection timed out"),
        Expect(1, 3, r"error: (Socket|IO)Exception timeout=true Connection timed out"),
        Expect(1, 3, r"error: (Socket|IO)Exception timeout=true Connection timed out"),
        Expect(1, 3, r"error: (Socket|IO)Exception timeout=true Connection timed out"),
        Expect(1, 3, r"error: (Socket|IO)Exception timeout=true Connection timed out"),
    ],
    "psql": [Expect(1, 2, r"Connection timed out")] * 6,
    # A first connect that fails is tried once more; a command that fails ends redis-cli at once.
    "redis-cli": [
        Expect(2, 1, r"Could not connect to Redis at .*: Connection timed out"),
        Expect(2, 1, r"Could not connect to Redis at .*: Connection timed out"),
        Expect(1, 1, r"Error: recv timeout"),
        Expect(1, 1, r"Error: recv timeout"),
        Expect(1, 1, r"Error: recv timeout"),
        Expect(1, 1, r"Error: Connection timed out"),
    ],
    "ssh": [Expect(1, 255, r"Connection timed out")] * 6,
    "git-http": [
        *[Expect(1, 128, r"fatal: unable to access '.*': Failed to connect to .* after 1\d\d\d ms")] * 2,
        *[Expect(1, 128, r"fatal: unable to access '.*': Recv failure: Connection timed out")] * 3,
        Expect(1, 1, r"RPC failed; curl \d+ (Send|Recv) failure: Connection timed out"),
    ],
    "git-ssh": [
        *[Expect(1, 128, r"ssh: connect to host .* port \d+: Connection timed out")] * 2,
        *[Expect(1, 128, r"Connection to .* port \d+(: Connection)? timed out|read: Connection timed out")] * 3,
        Expect(1, 128, r"(Read from remote host .*|send disconnect|ssh_packet_write_poll: Connection to .*): Connection timed out"),
    ],
    "openssl": [
        Expect(1, 1, r"connect:errno=110"),
        Expect(1, 1, r"connect:errno=110"),
        Expect(1, 1, r"errno=110"),
        Expect(1, 1, r"errno=110"),
        Expect(1, 1, r"errno=110"),
        Expect(1, 1, r"errno=110"),
    ],
    "nginx": [
        Expect(1, 3, r"error: 502  timeout=True connect\(\) failed \(110: Connection timed out\) while connecting to upstream"),
        Expect(1, 3, r"error: 502  timeout=True connect\(\) failed \(110: Connection timed out\) while connecting to upstream"),
        Expect(1, 3, r"error: 502  timeout=True recv\(\) failed \(110: Connection timed out\)"),
        Expect(1, 3, r"error: 200 .*timeout=True .*\(110: Connection timed out\) while reading upstream"),
        Expect(1, 3, r"error: 200 .*timeout=True .*\(110: Connection timed out\) while reading upstream"),
        Expect(1, 3, r"error: 502  timeout=True .*\(110: Connection timed out\) while (sending request to|reading response header from) upstream"),
    ],
    "rust-std": [Expect(1, 3, r"error: TimedOut timeout=true")] * 6,
    "rust-tokio": [Expect(1, 3, r"error: TimedOut timeout=true")] * 6,
}


@dataclass(frozen=True)
class Cell:
    client: Client
    fault: str
    cut_by: str
    mode: str
    # None: a control, which must not be disturbed.
    expect: Expect | None
    host: str = ""
    command: tuple = ()

    @property
    def name(self):
        return f"{self.client.name}/{self.fault}" + (f"@{self.host}" if self.host else "")


BY_NAME = {client.name: client for client in ALL}

# What the plain matrix cannot show: names with two addresses, IPv6, and the read class on a server that says nothing.
EXTRA = [
    Cell(BY_NAME["curl"], "syn-dropped", "connect", "get", Expect(2, 28, r"curl: \(28\)"), host="two.test"),
    Cell(BY_NAME["py-http.client"], "syn-dropped", "connect", "get", Expect(2, 3, "TimeoutError timeout=True"), host="two.test"),
    Cell(BY_NAME["psql"], "syn-dropped", "connect", "get", Expect(2, 2, "Connection timed out"), host="two.test"),
    Cell(BY_NAME["rust-std"], "syn-dropped", "connect", "get", Expect(2, 3, "TimedOut timeout=true"), host="two.test"),
    Cell(BY_NAME["curl"], "syn-dropped", "connect", "get", Expect(1, 28, r"curl: \(28\)"), host="[fd99::2]"),
    Cell(BY_NAME["curl"], "silent-read", "read", "get", Expect(1, 56, "Connection timed out")),
    Cell(BY_NAME["py-asyncio"], "silent-read", "read", "get", Expect(1, 3, "TimeoutError timeout=True")),
    Cell(BY_NAME["node-http"], "silent-read", "read", "get", Expect(1, 3, "read ETIMEDOUT")),
    Cell(BY_NAME["psql"], "silent-read", "read", "get", Expect(1, 2, "Connection timed out")),
    Cell(BY_NAME["rust-tokio"], "silent-read", "read", "get", Expect(1, 3, "TimedOut timeout=true")),
]

# Slow and correct servers. late-accept: room in the backlog only at 0.8 of the deadline; late-reader: an upload stands still.
# Quiet where a client tells times and speeds, because the output must be the same as natively.
CALM = [replace(client, get=[*client.get, "-q"], put=[*client.put, "-q"]) if client.name == "wget" else client for client in ALL]
SPEAKS_HTTP = [client for client in CALM if client.protocol is http]
CONTROLS = (
    [Cell(client, "late", "", "get", None) for client in CALM]
    + [Cell(client, "late-accept", "", "get", None) for client in CALM if client.protocol in (http, line)]
    + [Cell(client, "late-reader", "", "put", None) for client in SPEAKS_HTTP]
)


def table():
    cells = []
    for client in ALL:
        for (fault, (cut_by, mode)), expect in zip(FAULTS.items(), EXPECT[client.name], strict=True):
            cells.append(Cell(client, fault, cut_by, mode, expect))
    return cells + EXTRA + CONTROLS


# One cell of each fault and each client at least, the heavy starters (java, git) only once.
QUICK = {
    *("curl/syn-dropped", "curl/silent", "curl/zero-window", "curl/late", "curl/late-accept", "wget/syn-dropped", "wget/half"),
    *("py-socket/full-backlog", "py-socket/drip", "py-socket/zero-window", "py-http.client/late-reader", "py-urllib/half"),
    *("py-asyncio/silent", "py-asyncio/zero-window", "node-http/drip", "node-http/late", "java-url/half", "java-nio/silent"),
    *("psql/silent", "psql/late", "redis-cli/full-backlog", "redis-cli/drip", "ssh/half", "ssh/late", "git-http/silent"),
    *("git-ssh/syn-dropped", "openssl/silent", "nginx/syn-dropped", "nginx/half", "nginx/late", "rust-std/full-backlog"),
    *("rust-tokio/syn-dropped", "rust-tokio/zero-window"),
}
