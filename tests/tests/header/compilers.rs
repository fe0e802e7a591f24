//! The header as compilers see it: in each dialect that it promises, with every warning an error.

use crate::abi::committed;
use netdeadline_tests::scratch;
use std::path::PathBuf;
use std::process::{Command, Output};

/// (compilers, dialect). C23 was called 2x before gcc 14.
const DIALECTS: [(&[&str], &str); 4] = [
    (&["gcc", "clang"], "c99"),
    (&["gcc", "clang"], "c11"),
    (&["gcc", "clang"], "c2x"),
    (&["g++", "clang++"], "c++17"),
];

/// A directory with the header as `netdeadline.h`, and nothing else.
fn include(name: &str, header: &str) -> PathBuf {
    let directory = scratch("compilers").join(name);
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    std::fs::write(directory.join("netdeadline.h"), header).expect("writable");
    directory
}

/// `None` where there is no such compiler. gcc's are needed: tests/packages.txt.
fn compile(compiler: &str, dialect: &str, header: &str, name: &str, source: &str) -> Option<Output> {
    let directory = include(name, header);
    let language = if dialect.starts_with("c++") { "c++" } else { "c" };
    let file = directory.join(format!("{compiler}.{dialect}"));
    std::fs::write(&file, source).expect("writable");
    let mut command = Command::new(compiler);
    command.args([&format!("-std={dialect}"), "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]);
    // -I and not -isystem: in a system directory no warning is given.
    match command.arg("-I").arg(&directory).args(["-x", language]).arg(&file).output() {
        Ok(output) => Some(output),
        Err(error) if compiler.starts_with("clang") => {
            println!("skip {compiler} {dialect}: {error}");
            None
        }
        Err(error) => panic!("{compiler}: {error}"),
    }
}

/// Every dialect takes `source`.
#[track_caller]
fn taken(name: &str, source: &str) {
    for (compilers, dialect) in DIALECTS {
        for compiler in compilers {
            let Some(output) = compile(compiler, dialect, &committed(), name, source) else { continue };
            assert!(output.status.success(), "{compiler} {dialect}:\n{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn it_is_complete_as_the_first_include() {
    taken("alone", "#include <netdeadline.h>\n");
}

#[test]
fn it_may_be_included_twice() {
    taken("twice", "#include <netdeadline.h>\n#include <netdeadline.h>\n");
}

#[test]
fn every_dialect_can_call_what_it_declares() {
    // Without the declarations of poll(), read() and their like no type of theirs would be known; with them no name clashes.
    let source = "
        #include <netdeadline.h>
        #include <unistd.h>
        #include <sys/select.h>
        #include <sys/epoll.h>
        int all(int fd, struct sockaddr *address, socklen_t length, char *bytes, size_t count, struct pollfd *polled);
        int all(int fd, struct sockaddr *address, socklen_t length, char *bytes, size_t count, struct pollfd *polled)
        {
            struct nd_timeouts timeouts = { 1, 2, 3, 4, 5 };
            struct nd_expiry expiry;
            int64_t reads, writes, token = nd_scope_enter(nd_now() + INT64_C(1000000000));
            int failed = nd_set_deadline(fd, 0) | nd_set_read_deadline(fd, 0) | nd_set_write_deadline(fd, INT64_MAX)
                | nd_get_deadlines(fd, &reads, &writes) | nd_get_deadlines(fd, NULL, NULL)
                | nd_set_timeouts(fd, &timeouts) | nd_get_timeouts(fd, &timeouts) | nd_last_expiry(fd, &expiry)
                | nd_connect(fd, address, length) | nd_accept(fd, address, &length) | nd_poll(polled, 1, -1);
            ssize_t moved = nd_read(fd, bytes, count) + nd_write(fd, bytes, count) + nd_recv(fd, bytes, count, 0)
                + nd_send(fd, bytes, count, 0);
        #if ND_VERSION_MAJOR > 0 || ND_VERSION_MINOR > 0
            failed |= nd_version()[0] == 0;
        #endif
            switch (expiry.which) {
            case ND_CONNECT: case ND_RESPONSE: case ND_READ: case ND_WRITE: case ND_LIFETIME: break;
            }
            switch (expiry.source) {
            case ND_SOURCE_DEADLINE: case ND_SOURCE_SCOPE: case ND_SOURCE_TIMEOUTS: case ND_SOURCE_SOCKOPT:
            case ND_SOURCE_RULE: break;
            }
            return nd_scope_leave(token) | nd_close(fd) | failed | (moved < 0);
        }
";
    taken("calls", source);
}

#[test]
fn a_warning_in_the_header_would_be_seen() {
    // ISO C knows no such array, gcc does.
    let header = committed().replace("reserved[3]", "reserved[0]");
    for (compilers, dialect) in DIALECTS {
        let output = compile(compilers[0], dialect, &header, "warned", "#include <netdeadline.h>\n").expect("gcc");
        assert!(!output.status.success(), "{dialect}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("netdeadline.h"), "{output:?}");
    }
    // And the guard is what lets it be included twice.
    let bare = committed().replace("#ifndef NETDEADLINE_H", "#if 1");
    let twice = "#include <netdeadline.h>\n#include <netdeadline.h>\n";
    let output = compile("gcc", "c11", &bare, "unguarded", twice).expect("gcc");
    assert!(!output.status.success(), "a struct may not be defined twice");
}
