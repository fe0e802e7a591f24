"""Which of CPython's test modules make which suite. Nothing runs here."""

ASYNCIO = "test_asyncio."
# The part for ./x test.
QUICK = {
    "socket": ["test_socket"],
    "subprocess": ["test_subprocess"],
    "asyncio": [
        ASYNCIO + name
        for name in ("test_sock_lowlevel", "test_streams", "test_selector_events", "test_server", "test_sendfile", "test_events")
    ],
}
USUAL = {
    "socket": ["test_socket"],
    "asyncio": ["test_asyncio"],
    "ssl": ["test_ssl"],
    "subprocess": ["test_subprocess"],
    "select": ["test_select", "test_selectors", "test_epoll", "test_poll"],
    "signal": ["test_signal", "test_threadsignals", "test_eintr"],
    "http": ["test_httplib", "test_httpservers", "test_urllib2_localnet"],
    "threading": ["test_threading", "test_thread", "test_threading_local", "test_threadedtempfile"],
    "io": ["test_io", "test_fileio", "test_bufio", "test_file", "test_file_eintr", "test_largefile", "test_tempfile"],
    "os": [
        *("test_os", "test_posix", "test_shutil", "test_fcntl", "test_ioctl", "test_mmap", "test_pty", "test_openpty"),
        *("test_fork1", "test_wait3", "test_wait4", "test_popen"),
    ],
}
# Minutes each.
MORE = {
    "multiprocessing fork": ["test_multiprocessing_fork"],
    "multiprocessing forkserver": ["test_multiprocessing_forkserver"],
    "multiprocessing spawn": ["test_multiprocessing_spawn", "test_multiprocessing_main_handling"],
    "futures": ["test_concurrent_futures"],
    "protocols": [
        *("test_socketserver", "test_asyncore", "test_asynchat", "test_ftplib", "test_poplib", "test_imaplib", "test_smtplib"),
        *("test_nntplib", "test_telnetlib", "test_xmlrpc", "test_docxmlrpc", "test_urllib2", "test_logging", "test_faulthandler"),
    ],
}
# What a module asks of `python -m test -u`: as there without -u, no network beyond this machine and nothing that takes minutes
# or gigabytes. The first asks for the network and uses no more of it than loopback; the others' long is ten seconds.
RESOURCES = {"test_socketserver": ["network"], "test_eintr": ["walltime"], "test_file_eintr": ["walltime"]}
# Left out under every condition: on a virtual machine AF_VSOCK reaches out of it, and the connect hangs natively.
LEFT_OUT = ["test.test_socket.ThreadedVSOCKSocketStreamTest.testStream"]


def chosen(quick, everything, only):
    found = QUICK if quick else USUAL | MORE if everything or only else USUAL
    return {name: modules for name, modules in found.items() if not only or name in only}


def modules(found):
    return [module for modules in found.values() for module in modules]
