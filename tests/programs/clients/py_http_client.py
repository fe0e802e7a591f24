"""Python's http.client without a timeout. Arguments: host port get|put."""

import http.client
import sys

from outcome import BIG, report


def main(host, port, mode):
    conn = http.client.HTTPConnection(host, port)
    conn.request("GET" if mode == "get" else "PUT", "/", body=None if mode == "get" else BIG)
    return conn.getresponse().read()


report(lambda: main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
