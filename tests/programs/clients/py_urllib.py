"""Python's urllib.request without a timeout. Arguments: host port get|put."""

import sys
import urllib.request

from outcome import BIG, report


def main(host, port, mode):
    body = None if mode == "get" else BIG
    request = urllib.request.Request(f"http://{host}:{port}/", data=body, method="GET" if mode == "get" else "PUT")
    with urllib.request.urlopen(request) as answer:
        return answer.read()


report(lambda: main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
