//! The help texts. Written by hand, at most 80 columns, examples first; a test holds that each option is in them.

/// `netdeadline --help`
pub const TOP: &str = "\
netdeadline - real deadlines on the sockets of any program, with no change to it

  netdeadline run --connect 2s curl http://host/      stop connecting after 2 s
  netdeadline run --connect 2s --read 30s psql -h db  and waiting for data: 30 s
  netdeadline check ./app /usr/bin/python3           would deadlines reach them?
  netdeadline policy --explain 10.0.0.7:5432          which rule would decide?
  netdeadline trace -- curl http://host/              how long do connects take?
  netdeadline stats 4711                              how long do waits take?
  netdeadline demo                                    see it work, here and now

commands
  run      start a program with deadlines; it takes this process's place
  check    say how a program would be covered, and if not, why
  policy   read the rules in force, print them, explain a decision
  trace    show connections of any process as they end, with nothing preloaded
  stats    how long a program's waits take, which ended: once, for scripts too
  top      the same, live, for all programs
  demo     broken servers on loopback, clients with and without deadlines

  netdeadline COMMAND --help    more about one of them
  netdeadline --version         this version, and the library it would load
";

/// `netdeadline run --help`
pub const RUN: &str = "\
netdeadline run - start a program with deadlines on its connects, reads, writes

  netdeadline run --connect 2s curl http://host/
  netdeadline run --connect 2s --response 10s --resolve 4s -- psql -h db
  netdeadline run --rule 'to 10.0.0.0/8:5432 connect=500ms read=off' -- ./app
  netdeadline run --config /etc/nd.conf --observe --log /tmp/nd.log -- ./app
  netdeadline run --connect 2s --read 2s -- ./static-go-app

usage: netdeadline run [OPTIONS] [--] COMMAND [ARGUMENTS]

deadlines for all destinations (D is 250us, 500ms, 1.5s, 5m, 1h or off)
  --connect D    until a connection stands; per attempt: a name with three
                 addresses may take three times D
  --response D   from the last request to the first byte of the answer
  --read D       while waiting for data; every byte starts it anew
  --write D      while the peer takes nothing; `auto` goes by the round trip
  --lifetime D   from connect to close, whatever happens
  --resolve D    looking a name up, in whole seconds: sets RES_OPTIONS, which
                 only glibc's resolver reads (not musl, Go, Java or c-ares).
                 All attempts together fit D: name servers x attempts x timeout,
                 twice that where resolv.conf has a search list

deadlines by destination
  --rule RULE    such as 'to 10.0.0.0/8:5432 connect=500ms'; may be repeated.
                 The first rule that matches and names a class decides it:
                 --rule, then NETDEADLINE_RULES, the file, the options above
  --config FILE  a file of rules, one a line (instead of NETDEADLINE_CONFIG)

what happens
  --observe      cut nothing short; record what would have ended, and when
  --log WHERE    records of deadlines go to stderr (default), off, or a file
  --stats        count waits and expiries where `netdeadline stats` and `top`
                 find them; --stats=DIR in this directory
  --best-effort  start the program also if deadlines cannot reach it, and say so
  --help         this text

The program takes this process's place: same pid, signals, descriptors and exit
code. Programs with a loader get the library by LD_PRELOAD. Static ones made by
Go have it mapped into them while they start, by a short-lived child that ptrace
must be allowed to. The program is not started if a rule is wrong or deadlines
cannot reach it (static and not Go, Go before 1.20, setuid, 32-bit: `netdeadline
check` tells). Options win over NETDEADLINE_* variables; both are described in
netdeadline(7).

exit codes: the program's own; 125 netdeadline's own error, 126 the program
cannot be executed, 127 it is not found
";

/// `netdeadline trace --help`
pub const TRACE: &str = "\
netdeadline trace - see connections live and die, with nothing preloaded

  netdeadline trace                           every TCP connection here
  netdeadline trace -p 4711                   of a process and what it starts
  netdeadline trace --comm nginx --slow 50ms  connects of 50 ms and more
  netdeadline trace -- curl -s http://host/   of a command, until it ends
  netdeadline trace --json -o /tmp/trace.json -- ./app

usage: netdeadline trace [-p PID | --comm NAME | -- COMMAND...] [OPTIONS]

  -p, --pid PID     a process, and what it starts from now on
  --comm NAME       threads of that name, all threads of a process of that name
  --slow D          show only connects that took D (500ms, 1.5s) or more, or had
                    tried for so long; all are counted
  --json            one JSON object a line, the summary last
  -o, --output FILE write there; else to stdout, and with COMMAND to stderr
  --tracefs         by the kernel's trace events, where there is no BTF or BPF:
                    no bytes, no deadlines (as root)
  --buffer SIZE     what may wait for us in the kernel (16m, a power of two)
  --connections N   how many can be followed at a time (65536)
  --help            this text

A line for each connection when it ends: when, whose, from where to where,
whether connect answered EINPROGRESS, milliseconds until it stood, the states
it passed (SYN SYN_SENT, RCV SYN_RECV, EST ESTABLISHED, FW1 FW2 FIN_WAIT1 and 2,
CW CLOSE_WAIT, LA LAST_ACK, CLG CLOSING), segments sent again, payload sent (and
acknowledged) and received, milliseconds from first to last, and how it ended:
by whom, by which error, and for a process under netdeadline by which deadline.
What is not known is `-`. Ctrl-C ends it with a summary and a histogram.

It takes Linux 5.12 with BTF, and CAP_BPF and CAP_PERFMON; for EINPROGRESS, and
to know who accepted a connection, also tracefs, which root can read and others
with CAP_DAC_READ_SEARCH. What is missing is said, with what to do about it.

exit codes: the command's own (128 + n where signal n ended it); 0 without one;
125 netdeadline's own error, 126 the command cannot be executed, 127 not found
";

/// `netdeadline check --help`
pub const CHECK: &str = "\
netdeadline check - say how programs would be covered, and if not, why

  netdeadline check ./app                 a file
  netdeadline check curl python3 java     names are looked up in PATH
  netdeadline check --json /usr/bin/*     one JSON object per line

usage: netdeadline check [--json] FILE...

  --json   one object a line: name, file, covered, way (preload, launcher or
           null), kind, description, reason, through (a script's interpreters),
           go_version, notes
  --help   this text

Reads the files and starts nothing. A script is followed to its interpreter,
also through env. Of a program made by Go it says by which version, and which
way leads into it. setuid, setgid and file capabilities are judged for an
ordinary user, for whom the loader then ignores the library.

exit codes: 0 all are covered, 1 at least one is not, 125 an error
";

/// `netdeadline policy --help`
pub const POLICY: &str = "\
netdeadline policy - read the rules in force, print them, explain a decision

  netdeadline policy                               what is in force, in order
  netdeadline policy --config ./new.conf           is this file right?
  netdeadline policy --explain 10.0.0.7:5432       what holds for this peer?
  netdeadline policy --explain unix:/run/app.sock
  netdeadline policy --explain on 0.0.0.0:8080     and for accepted connections?

usage: netdeadline policy [--explain [to|on] ADDRESS]... [OPTIONS OF run]

  --explain ADDRESS   10.0.0.1:80, [::1]:80, [fe80::1%eth0]:80, unix:/path or
                      unix:@abstract: which rule decides each class
  --on                the addresses are local ones, of accepted connections
  --help              this text

The options --connect, --response, --read, --write, --lifetime, --resolve,
--rule, --config, --observe, --log and --stats mean what they mean to `run`, and
so do the NETDEADLINE_* variables.

exit codes: 0 the rules are right, 125 they are not (one line says where)
";

/// `netdeadline stats --help`
pub const STATS: &str = "\
netdeadline stats - how long a program's waits take, and which a deadline ended

  netdeadline stats                       all counted programs, a line each
  netdeadline stats 4711                  one of them, also after it has died
  netdeadline stats --json 4711 | jq .last
  netdeadline stats --openmetrics
  netdeadline stats --textfile /var/lib/node_exporter/netdeadline.prom

usage: netdeadline stats [PID]... [--json | --openmetrics] [--textfile FILE]

  PID              the process; a page's path, if it has a slash
  --json           one JSON document each, described in netdeadline-stats(1)
  --openmetrics    OpenMetrics 1.0; without PID, of all programs that run
  --textfile FILE  for the textfile collector of Prometheus' node exporter, in
                   its format, replaced at once; FILE ends in .prom
  --help           this text

A program is counted if it was started with `netdeadline run --stats` or with
NETDEADLINE_STATS=on, from its first connection that has a deadline. Percentiles
are at most an eighth too high.

exit codes: 0, 125 there is no such page, or it cannot be read (one line why)
";

/// `netdeadline top --help`
pub const TOP_COMMAND: &str = "\
netdeadline top - watch how long waits take, and which a deadline ends

  netdeadline top                  all programs that are counted
  netdeadline top 4711 4712        these
  netdeadline top -d 0.5           look twice a second

usage: netdeadline top [-d SECONDS] [PID]...

  -d SECONDS  how often to look: 0.1 to 3600, 1 if it is not given
  --help      this text

Shows processes and their destinations: waits at this moment, connections and
expiries with their rates, p50 and p99 of connect and of the first byte of an
answer. Enter looks into one of them, ? says the keys, q quits. Processes that
have ended are dim. NO_COLOR turns colours off.

A program is counted if it was started with `netdeadline run --stats` or with
NETDEADLINE_STATS=on, from its first connection that has a deadline.

exit codes: 0, 125 there is no terminal, or a PID has no page
";
