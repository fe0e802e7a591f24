"""The table: what each program of facts/ must show, natively and under the library.

Each line is a claim of the manual, or a fact about Go and Linux that a claim stands on. How a cell is run is in cell.py, what
the words mean in expect.py, what the programs do in facts/, and what their peers do in peer/.
"""

from expect import HANGS, SAME, Cut, Either, Ends, Fact, Own

# The deadline of a fault, in ms; the programs know its 700 as what they ask of SO_RCVTIMEO. And one that a slow but honest
# peer (1200 ms) does not reach.
D = 700
SHORT, LONG = f"{D}ms", "4s"
# The programs' own deadlines: facts/main.go.
SOON, LATER = 300, 1500
# What surely passes before a peer answers that is 1200 ms late (peer/faults.go): it counts for itself, and a client may begin
# to look a good deal later. More than the short deadline, which is the point of it.
PEER_LATE = 900
MUCH = 32 << 20
TWENTY_DROPS = Ends(n=20, at_least=1800)

OK = Ends()
READ, WRITE, CONNECT = {"read": SHORT}, {"write": SHORT}, {"connect": SHORT}
# What a program with all of them set, and none of them reached, meets.
ALL_LONG = {"connect": LONG, "read": LONG, "response": LONG, "write": LONG, "lifetime": "1h"}


def on(text):
    return {"rule": f"on :{{port}} {text}"}


def to_unix(text):
    return {"rule": f"to unix:{{scratch}}/* {text}"}


read, response = Cut(D, "read"), Cut(D, "response")
write = Cut(D, "write", moved=True)
connect = Cut(D, "connect")
# What the program asked for on its own.
asked_read, asked_write = Cut(D, "so_rcvtimeo"), Cut(D, "so_sndtimeo", moved=True)

BLOCKING = {"non-blocking": (Ends(note="false"), SAME)}

FACTS = [
    # The three situations that started this project.
    Fact(
        "connect_pending",
        {
            "dial": (HANGS, connect),
            "dial over IPv6": (HANGS, connect),
            # Go tries plain TCP when MPTCP failed: two attempts.
            "dial by MPTCP": (HANGS, Cut(D, "connect", times=2)),
        },
        CONNECT,
        fault="connect",
    ),
    Fact(
        "write_to_a_peer_that_never_reads",
        {"write": (HANGS, write), "writev": (HANGS, write)},
        WRITE,
        fault="write",
    ),
    Fact(
        "read_from_a_half_closed_or_silent_peer",
        {
            "silent": (HANGS, read),
            "after our CloseWrite": (HANGS, read),
            "after the peer's FIN": (Ends(eof=True), SAME),
            "write after the peer's FIN": (OK, SAME),
        },
        READ,
        fault="read",
    ),
    # connect
    Fact("connect_to_a_full_backlog", {"dial": (HANGS, connect)}, CONNECT, fault="backlog"),
    Fact("connect_to_a_name_with_two_dead_addresses", {"dial": (HANGS, Cut(D, "connect", times=2))}, CONNECT),
    Fact(
        "connect_again",
        {"dial": (HANGS, connect), "a live one": (HANGS, OK), "dial again": (HANGS, connect)},
        CONNECT,
    ),
    Fact("connect_is_over_when_it_succeeds", {"answer": (Ends(n=4, at_least=PEER_LATE), SAME)}, CONNECT),
    Fact(
        "connect_begins_with_einprogress",
        {
            "live": (Ends(errno="EINPROGRESS"), SAME),
            "dead": (Ends(errno="EINPROGRESS"), SAME),
            "write while SYN_SENT": (Ends(errno="EAGAIN"), SAME),
            "write without connect": (Ends(errno="EPIPE"), SAME),
        },
        CONNECT,
    ),
    # read
    Fact("read_after_a_reset", {"reset": (Ends(errno="ECONNRESET"), SAME)}, READ),
    Fact("read_of_half_an_answer", {"half": (HANGS, Cut(D, "read", moved=True))}, READ, fault="half"),
    Fact(
        "read_by_other_calls",
        {
            "recvfrom": (HANGS, read),
            "recvmsg": (HANGS, read),
            "bufio": (HANGS, read),
            "http.ReadResponse": (HANGS, read),
            "io.ReadAtLeast": (HANGS, read),
        },
        READ,
    ),
    Fact("read_again_after_expiry", {"first": (HANGS, read), "second": (HANGS, read)}, READ),
    Fact(
        "read_later_what_came_late",
        {"too early": (Ends(n=4, at_least=2000), Cut(2000, "read")), "in time": (HANGS, Ends(n=4))},
        {"read": "2s"},
    ),
    Fact("read_from_a_slow_server", {"answer": (Ends(n=4, at_least=PEER_LATE), SAME)}, ALL_LONG),
    # A drop every 100 ms, in all for longer than the deadline. It is many drops long: a busy machine is late with some.
    Fact("read_a_drip", {"twenty drops": (TWENTY_DROPS, SAME)}, {"read": "1500ms"}),
    Fact(
        "read_a_drip_for_ever",
        {"drip": (HANGS, Cut(D, "lifetime", moved=True))},
        {"lifetime": SHORT, "read": LONG},
        fault="drip",
    ),
    Fact("read_idle_files", {"pipe": (HANGS, SAME)}, READ),
    # response
    Fact("read_an_answer_that_never_comes", {"answer": (HANGS, response)}, {"response": SHORT}, fault="response"),
    Fact("read_answers_at_once", {"idle": (Ends(n=0), SAME)}, {"response": SHORT}),
    Fact("read_an_idle_connection", {"idle": (HANGS, SAME)}, {"response": SHORT}),
    # write
    Fact("write_again_after_expiry", {"first": (HANGS, write), "second": (HANGS, Cut(D, "write"))}, WRITE),
    # Bytes that stay unacknowledged end whatever waits, also a read of what the peer goes on to say; but only one wait, and
    # where the write was the first to be told, the read goes on.
    Fact(
        "write_while_the_peer_talks",
        {"write": (HANGS, write), "twenty drops": (TWENTY_DROPS, Either(Ends(errno="ETIMEDOUT", at_least=D), TWENTY_DROPS))},
        {**WRITE, **READ},
    ),
    Fact("write_to_a_peer_that_reads", {"all of it": (Ends(n=MUCH), SAME), "all of it, later": (Ends(n=MUCH), SAME)}, WRITE),
    # net/http, crypto/tls
    Fact("http_get", {"get": (HANGS, read)}, READ, fault="http"),
    Fact("http_get_by_response", {"get": (HANGS, response)}, {"response": SHORT}, program="http_get"),
    Fact("http_get_half_a_body", {"body": (HANGS, Cut(D, "read", moved=True))}, READ),
    Fact("http_get_from_a_black_hole", {"get": (HANGS, connect)}, CONNECT),
    Fact("http_post_to_a_server_that_never_reads", {"post": (HANGS, Cut(D, "write", tells=False))}, WRITE),
    Fact(
        "https_get",
        {"get": (HANGS, read), "body": (HANGS, Cut(D, "read", moved=True)), "handshake": (HANGS, read)},
        READ,
        fault="https",
    ),
    # A pool watches its idle connections. `response` leaves them alone; `read` ends them, and the client makes another.
    Fact("http_pool", {"first": (Ends(n=5), SAME), "second": (Ends(n=5), SAME)}, {"response": SHORT}),
    Fact(
        "http_pool_by_read",
        {"first": (Ends(n=5), SAME), "second": (Ends(n=5), SAME)},
        READ,
        program="http_pool",
        records=False,
    ),
    # io.Copy
    Fact(
        "splice_from_a_silent_peer",
        {"copy": (HANGS, read), "through": (Ends(note="true"), SAME)},
        READ,
        fault="splice in",
    ),
    Fact(
        "splice_to_a_peer_that_never_reads",
        {"copy": (HANGS, write), "through": (Ends(note="true"), SAME)},
        WRITE,
        fault="splice out",
    ),
    Fact(
        "splice_from_a_unix_socket",
        {"copy": (HANGS, read), "through": (Ends(note="true"), SAME)},
        to_unix(f"read={SHORT}"),
    ),
    Fact(
        "sendfile_to_a_peer_that_never_reads",
        {"copy": (HANGS, write), "through": (Ends(note="true"), SAME)},
        WRITE,
        fault="sendfile",
        # Go 1.21 takes any error of sendfile for a lack of it and goes on with write (internal/poll/sendfile_linux.go).
        # Only the bytes of that count, and there may have been no more room.
        older={"copy": ((1, 22), Cut(D, "write", times=2))},
    ),
    Fact("copy_a_silent_peer_into_a_file", {"copy": (HANGS, read)}, READ),
    Fact("copy_to_a_peer_that_reads", {"sendfile": (Ends(n=MUCH), SAME), "splice": (Ends(n=MUCH), SAME)}, ALL_LONG),
    # Accepted sockets, by `on`
    Fact(
        "accept_silent_clients",
        {"accepted": (HANGS, read), "dialed": (HANGS, SAME)},
        on(f"read={SHORT}"),
        fault="accepted",
    ),
    Fact(
        "accept_silent_clients_over_mptcp",
        {"accepted": (HANGS, read), "dialed": (HANGS, SAME), "protocol": (Ends(note="262"), SAME)},
        on(f"read={SHORT}"),
    ),
    Fact(
        "accept_needs_a_rule_on",
        {"accepted": (HANGS, SAME), "dialed": (HANGS, read)},
        READ,
        program="accept_silent_clients",
    ),
    Fact("accept_a_client_that_never_reads", {"write": (HANGS, write)}, on(f"write={SHORT}")),
    Fact("accept_a_dripping_client", {"drip": (HANGS, Cut(D, "lifetime", moved=True))}, on(f"lifetime={SHORT}")),
    Fact("accept_on_an_idle_listener", {"accept": (HANGS, SAME)}, on(f"read={SHORT} lifetime={SHORT}")),
    Fact(
        "http_server_without_timeouts",
        {
            "nothing at all": (HANGS, Ends(at_least=D)),
            # A limit: bytes have come, and whether they are a whole request that is being worked on nobody can know.
            "half a request": (HANGS, SAME),
            "a slow handler": (Ends(n=4, at_least=LATER), SAME),
        },
        on(f"read={SHORT}"),
        # The connection that was answered is kept, and ends as an idle one.
        records=False,
    ),
    Fact(
        "http_server_with_a_lifetime",
        {
            "nothing at all": (HANGS, Ends(at_least=D)),
            "half a request": (HANGS, Ends(at_least=D)),
            "a slow handler": (Ends(n=4, at_least=LATER), Ends(says="EOF", at_least=D)),
        },
        on(f"lifetime={SHORT}"),
        program="http_server_without_timeouts",
        records=False,
    ),
    # SO_RCVTIMEO, SO_SNDTIMEO: no policy at all
    Fact(
        "so_rcvtimeo_through_control",
        {"read": (HANGS, asked_read), "read, new number": (HANGS, asked_read)},
        fault="SO_RCVTIMEO",
    ),
    Fact("so_rcvtimeo_through_syscallconn", {"read": (HANGS, asked_read)}),
    Fact("so_sndtimeo_through_control", {"write": (HANGS, asked_write), "write, new number": (HANGS, asked_write)}, fault="SO_SNDTIMEO"),
    Fact("so_sndtimeo_bounds_connect", {"dial": (HANGS, Cut(D, "so_sndtimeo"))}),
    Fact("so_rcvtimeo_taken_back", {"read": (HANGS, SAME)}),
    Fact("so_rcvtimeo_of_a_listener", {"accepted": (HANGS, SAME)}),
    Fact(
        "so_rcvtimeo_left_to_the_kernel",
        {"read": (HANGS, SAME)},
        program="so_rcvtimeo_through_syscallconn",
        env={"NETDEADLINE_SO_TIMEO": "kernel"},
    ),
    Fact("udp_with_so_rcvtimeo", {"connected": (HANGS, asked_read), "unconnected": (HANGS, asked_read)}, fault="UDP"),
    Fact("udp_without_so_rcvtimeo", {"read": (HANGS, SAME)}, READ),
    Fact("setdeadline_sets_no_option", {"SO_RCVTIMEO": (Ends(note="0"), SAME), "SO_SNDTIMEO": (Ends(note="0"), SAME)}, READ),
    # Blocking sockets. What Fd() does to a description is Go's, version by version.
    Fact(
        "blocking_by_fd",
        {**BLOCKING, "syscall.Read": (HANGS, read), "Conn.Read": (HANGS, read), "File.Read": (HANGS, read)},
        READ,
        fault="blocking",
    ),
    Fact("blocking_by_fd_write", {**BLOCKING, "Conn.Write": (HANGS, write)}, WRITE),
    Fact("blocking_by_fd_with_a_deadline_of_its_own", {**BLOCKING, "own": (HANGS, read)}, READ),
    Fact("blocking_in_control", {"dial": (HANGS, connect)}, CONNECT),
    Fact("blocking_in_control_with_a_timeout_of_its_own", {"own": (HANGS, connect)}, CONNECT),
    Fact("nonblocking_in_control", {"own": (Own(SOON), SAME)}, CONNECT),
    Fact(
        "blocking_socket_of_syscalls",
        {"connect": (HANGS, connect), "read": (HANGS, Cut(D, "read", moved=True))},
        {**CONNECT, **READ},
    ),
    # Unix sockets
    Fact("unix_silent_peer", {"read": (HANGS, read)}, to_unix(f"read={SHORT}"), fault="unix"),
    Fact("unix_peer_that_never_reads", {"write": (HANGS, write)}, to_unix(f"write={SHORT}")),
    Fact("unix_needs_its_rule", {"read": (HANGS, SAME)}, READ, program="unix_silent_peer"),
    Fact("unix_full_backlog", {"dial": (Ends(errno="EAGAIN"), SAME)}, to_unix(f"connect={SHORT}")),
    # Numbers
    Fact("number_is_a_duplicate", {"read": (HANGS, read)}, READ),
    Fact(
        "number_is_used_again",
        {
            "closed": (Ends(says="use of closed network connection", at_least=SOON), SAME),
            "the same number": (Ends(note="true"), SAME),
            "read": (HANGS, read),
        },
        READ,
    ),
    Fact("number_of_syscalls", {"read": (HANGS, read)}, READ),
    Fact("number_received_in_a_message", {"read": (HANGS, read)}, READ),
    Fact("number_inherited_by_a_child", {"read": (HANGS, read), "child's end": (HANGS, OK)}, READ, spawns=True),
    # The runtime with one processor, and the library with nothing to do but to look on
    Fact("one_processor", {"read": (HANGS, read)}, READ, program="so_rcvtimeo_taken_back", env={"GOMAXPROCS": "1"}),
    Fact("observed_only", {"idle": (HANGS, SAME)}, READ, program="read_an_idle_connection",
         env={"NETDEADLINE_MODE": "observe"}, records={"read": 1}),
    # Many
    Fact(
        "many_waiting_connections",
        {
            "few, threads": (Ends(at_most=30), SAME),
            "few, first": (HANGS, Cut(D, "read")),
            "few, last": (HANGS, Cut(D, "read")),
            "thousands, threads": (HANGS, Ends(at_most=30)),
            "thousands, first": (HANGS, Cut(D, "read")),
            "thousands, last": (HANGS, Cut(D, "read")),
        },
        READ,
        records=False,
        heavy=True,
    ),
    # The program's own deadlines
    Fact(
        "own_read_deadline",
        {
            "soon": (Own(SOON), SAME),
            "later": (Own(LATER), read),
            "past, with data": (Own(0), SAME),
            "the data is intact": (Ends(n=4), SAME),
        },
        READ,
    ),
    Fact(
        "own_deadline_moved_while_it_waits",
        {
            "shortened": (Own(SOON), SAME),
            "extended": (Own(LATER), SAME),
            "cleared": (HANGS, Cut(2000, "read")),
            "closed": (Ends(says="use of closed network connection", at_least=SOON), SAME),
        },
        # Longer than all of the program's own.
        {"read": "2s"},
    ),
    Fact("own_deadline_leaves_no_stale_one", {"own": (Own(SOON), SAME), "the whole time again": (HANGS, read)}, READ),
    Fact("own_deadline_then_a_pause", {"own": (Own(SOON), SAME), "the whole time again": (HANGS, read)}, READ),
    Fact(
        "own_deadlines_in_a_row",
        {"earliest": (Ends(within=5), SAME), "median": (Ends(within=60), SAME)},
        # So far away that even a machine that stands still does not let it end a wait before the program's own.
        {"read": "1h"},
        # The last wait, given up, may still expire unseen before the program has ended.
        records=False,
    ),
    Fact("own_accept_deadline", {"accept": (Own(SOON), SAME)}, on(f"read={SHORT}")),
    Fact(
        "own_dial_timeout",
        {
            "soon": (Own(SOON), SAME),
            "later": (Own(LATER), connect),
            "context": (Own(SOON), SAME),
            "canceled": (Ends(says="canceled", at_least=SOON), SAME),
        },
        CONNECT,
    ),
    Fact("write_with_a_deadline_of_its_own", {"own": (Own(SOON), SAME)}, WRITE),
    Fact("http_client_with_a_timeout", {"own": (Own(SOON), SAME)}, READ),
    Fact("http_client_with_a_long_timeout", {"own": (Own(LATER), read)}, READ),
    Fact("http_request_with_a_context", {"own": (Own(SOON), SAME)}, READ),
    # Children
    Fact("child_by_os_exec", {"read": (HANGS, read), "name": (OK, SAME), "child's end": (HANGS, OK)}, READ, spawns=True, fault="child"),
    Fact("child_with_a_fresh_environment", {"read": (HANGS, read), "name": (OK, SAME), "child's end": (HANGS, OK)}, READ, spawns=True, records=False),
    Fact(
        "child_left_alone",
        {"read": (HANGS, SAME), "name": (OK, SAME), "child's end": (HANGS, SAME)},
        READ,
        program="child_with_a_fresh_environment",
        env={"NETDEADLINE_CHILDREN": "off"},
        spawns=True,
    ),
    Fact("child_in_our_place", {"name": (Ends(note="another name"), SAME), "read": (HANGS, read)}, READ),
    Fact(
        "child_exits_with_a_status",
        {
            "true": (Ends(note="exit status 0"), SAME),
            "sh -c exit 7": (Ends(note="exit status 7"), SAME),
            "sh -c kill -TERM $$": (Ends(note="signal: terminated"), SAME),
        },
        READ,
    ),
    Fact("children_while_others_wait", {"read": (HANGS, read), "children": (Ends(at_least=LATER), SAME)}, READ),
]
