"""The C library by ctypes, as a Python program would bind it: every function of include/netdeadline.h, and no more.

A function that returns -1 raises OSError with its errno, which Python turns into TimeoutError, BlockingIOError, ...
Nothing is tested here.
"""

import ctypes
import os
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_int64, c_short, c_size_t, c_ssize_t, c_uint32, c_uint64, c_ulong, c_void_p

CONNECT, RESPONSE, READ, WRITE, LIFETIME = 1, 2, 3, 4, 5
SOURCE_DEADLINE, SOURCE_SCOPE, SOURCE_TIMEOUTS, SOURCE_SOCKOPT, SOURCE_RULE = 1, 2, 3, 4, 5
NEVER = 2**63 - 1


class Timeouts(Structure):
    _fields_ = [(name, c_int64) for name in ("connect", "response", "read", "write", "lifetime")]


class Expiry(Structure):
    _fields_ = [
        ("when", c_int64),
        ("waited", c_int64),
        ("bytes", c_uint64),
        ("rtt", c_uint32),
        ("retransmits", c_uint32),
        ("which", c_uint32),
        ("source", c_uint32),
        ("reserved", c_uint64 * 3),
    ]


class PollFd(Structure):
    _fields_ = [("fd", c_int), ("events", c_short), ("revents", c_short)]


# use_errno: ctypes gives each thread an errno of its own and exchanges it with libc's around each call.
library = ctypes.CDLL(os.environ["ND_LIBRARY"], use_errno=True)


def checked(result, function, arguments):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}{arguments}: {os.strerror(number)}")
    return result


def bind(name, result, *arguments, check=True):
    function = getattr(library, f"nd_{name}")
    function.restype, function.argtypes = result, arguments
    if check:
        function.errcheck = checked
    return function


version = bind("version", c_char_p, check=False)
now = bind("now", c_int64, check=False)
set_deadline = bind("set_deadline", c_int, c_int, c_int64)
set_read_deadline = bind("set_read_deadline", c_int, c_int, c_int64)
set_write_deadline = bind("set_write_deadline", c_int, c_int, c_int64)
nd_get_deadlines = bind("get_deadlines", c_int, c_int, POINTER(c_int64), POINTER(c_int64))
nd_set_timeouts = bind("set_timeouts", c_int, c_int, POINTER(Timeouts))
nd_get_timeouts = bind("get_timeouts", c_int, c_int, POINTER(Timeouts))
nd_connect = bind("connect", c_int, c_int, c_void_p, c_uint32)
nd_accept = bind("accept", c_int, c_int, c_void_p, POINTER(c_uint32))
nd_read = bind("read", c_ssize_t, c_int, c_void_p, c_size_t)
nd_write = bind("write", c_ssize_t, c_int, c_char_p, c_size_t)
nd_recv = bind("recv", c_ssize_t, c_int, c_void_p, c_size_t, c_int)
nd_send = bind("send", c_ssize_t, c_int, c_char_p, c_size_t, c_int)
nd_poll = bind("poll", c_int, POINTER(PollFd), c_ulong, c_int)
close = bind("close", c_int, c_int)
nd_last_expiry = bind("last_expiry", c_int, c_int, POINTER(Expiry))
scope_enter = bind("scope_enter", c_int64, c_int64)
scope_leave = bind("scope_leave", c_int, c_int64)


def get_deadlines(fd):
    """(read, write); 0 is none."""
    read, write = c_int64(-7), c_int64(-7)
    nd_get_deadlines(fd, byref(read), byref(write))
    return read.value, write.value


def set_timeouts(fd, **durations):
    nd_set_timeouts(fd, byref(Timeouts(**durations)))


def get_timeouts(fd):
    timeouts = Timeouts()
    nd_get_timeouts(fd, byref(timeouts))
    return {name: getattr(timeouts, name) for name, _ in Timeouts._fields_}


def connect(fd, address):
    """To (host, port), by IPv4."""
    host, port = address
    raw = b"\2\0" + port.to_bytes(2, "big") + bytes(int(part) for part in host.split(".")) + bytes(8)
    nd_connect(fd, raw, len(raw))


def accept(fd):
    return nd_accept(fd, None, None)


def read(fd, count):
    buffer = ctypes.create_string_buffer(count)
    got = nd_read(fd, buffer, count)
    return buffer.raw[:got]


def recv(fd, count, flags=0):
    buffer = ctypes.create_string_buffer(count)
    got = nd_recv(fd, buffer, count, flags)
    return buffer.raw[:got]


def write(fd, data):
    return nd_write(fd, data, len(data))


def send(fd, data, flags=0):
    return nd_send(fd, data, len(data), flags)


def poll(fds, timeout_ms):
    """{fd: events} -> {fd: revents} of those that are ready."""
    entries = (PollFd * len(fds))(*(PollFd(fd, events, 0) for fd, events in fds.items()))
    nd_poll(entries, len(fds), timeout_ms)
    return {entry.fd: entry.revents for entry in entries if entry.revents}


def last_expiry(fd):
    expiry = Expiry()
    nd_last_expiry(fd, byref(expiry))
    return expiry
