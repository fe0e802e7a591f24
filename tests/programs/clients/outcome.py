"""What the Python clients share: a body to upload, and one line that says how it went and whether it was a timeout."""

import sys
import urllib.error

BIG = bytes(32 << 20)


def report(work):
    """Print `ok: ANSWER` and leave with 0, or `error: NAME timeout=BOOL` and leave with 3."""
    try:
        print("ok:", work().decode().strip())
    except OSError as error:
        # urllib wraps what it met while connecting.
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        print(f"error: {type(cause).__name__} timeout={isinstance(cause, TimeoutError)} {cause}")
        sys.exit(3)
