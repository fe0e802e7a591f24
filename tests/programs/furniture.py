"""What cells need that exists once for the whole run: bodies, keys, a certificate, a repository, a real sshd, free ports."""

import contextlib
import itertools
import os
import socket
import ssl
import subprocess
import time

SSHD_PORT = 2222
AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
SSHD_CONF = """
Port {port}
ListenAddress 127.0.0.1
HostKey {keys}/host
AuthorizedKeysFile {keys}/id.pub
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
UsePAM no
PidFile none
LogLevel ERROR
MaxStartups 100
LoginGraceTime 60
"""


def quietly(*words, cwd=None):
    done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr or done.stdout}")


class Furniture:
    def __init__(self, scratch, rust):
        self.scratch, self.rust = scratch, rust
        self.keys = os.path.join(scratch, "keys")
        self.big = os.path.join(scratch, "big")
        self.sql = os.path.join(scratch, "big.sql")
        self.request = os.path.join(scratch, "request")
        self.work = os.path.join(scratch, "work")
        self.repository = os.path.join(scratch, "repository.git")
        # Below the ephemeral range: in a namespace of our own nobody else takes them.
        self.spare = itertools.count(20000)
        self.sshd = None

    def make(self):
        os.makedirs(self.keys)
        # Random, because git compresses what it pushes.
        noise = os.urandom(24 << 20)
        with open(self.big, "wb") as out:
            out.write(noise)
        with open(self.sql, "w") as out:
            out.write("select '" + noise[: 8 << 20].hex() + "';\n")
        with open(self.request, "w") as out:
            out.write("please\n")
        quietly("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.keys}/id")
        quietly("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.keys}/host")
        pem, key = f"{self.keys}/cert.pem", f"{self.keys}/cert.key"
        new = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=live.test".split()
        quietly(*new, "-keyout", key, "-out", pem)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(pem, key)
        self.make_repositories()

    def make_repositories(self):
        quietly("git", "init", "-q", "-b", "main", self.work)
        quietly("git", "init", "-q", "--bare", "-b", "main", self.repository)
        # Something to list, and nothing that would save a push its bytes.
        quietly("git", *AUTHOR, "commit", "-q", "--allow-empty", "-m", "Begin", cwd=self.work)
        quietly("git", "push", "-q", self.repository, "HEAD:refs/heads/main", cwd=self.work)
        os.link(self.big, f"{self.work}/big")
        quietly("git", "add", "big", cwd=self.work)
        quietly("git", *AUTHOR, "commit", "-q", "-m", "Fill", cwd=self.work)

    @contextlib.contextmanager
    def running_sshd(self):
        conf = f"{self.scratch}/sshd.conf"
        with open(conf, "w") as out:
            out.write(SSHD_CONF.format(port=SSHD_PORT, keys=self.keys))
        sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-E", f"{self.scratch}/sshd.log", "-f", conf], stdin=subprocess.DEVNULL)
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", SSHD_PORT)):
                    break
                time.sleep(0.05)
            else:
                raise SystemExit("sshd did not start to listen within 5 s")
            yield ("127.0.0.1", SSHD_PORT)
        finally:
            sshd.terminate()
            sshd.wait(10)
