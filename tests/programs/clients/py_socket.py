"""Python's socket module, blocking, no timeout of its own. Arguments: host port get|put."""

import socket
import sys

from outcome import BIG, report


def main(host, port, mode):
    with socket.socket() as sock:
        sock.connect((host, port))
        if mode == "put":
            sock.sendall(BIG)
            return b"sent"
        sock.sendall(b"please\n")
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer


report(lambda: main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
