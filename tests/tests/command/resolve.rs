//! `--resolve D`: all attempts together fit D, and a dead name server holds nobody longer.

use std::time::Duration;

use crate::furniture::{build, folder, installed_library, nd, refused, text};
use netdeadline_tests::Program;

fn options(limit: &str, ambient: &str) -> String {
    let shell = "echo \"$RES_OPTIONS\"";
    nd(&["run", "--resolve", limit, "sh", "-c", shell]).env("RES_OPTIONS", ambient).run().succeeded().stdout
}

fn number(options: &str, name: &str) -> u64 {
    let at = options.rfind(name).unwrap_or_else(|| panic!("no {name} in {options}")) + name.len();
    options[at..].split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

#[test]
fn timeout_and_attempts_are_appended_and_fit() {
    for seconds in [10, 11, 61, 3600] {
        let options = options(&format!("{seconds}s"), "ndots:2 timeout:77");
        assert!(options.starts_with("ndots:2 timeout:77 timeout:"), "{options}");
        let (timeout, attempts) = (number(&options, "timeout:"), number(&options, "attempts:"));
        assert!((1..=30).contains(&timeout) && (1..=2).contains(&attempts), "{options}");
        assert!(timeout * attempts <= seconds, "{options}");
    }
    assert!(options("1m", "").starts_with("timeout:"));
}

#[test]
fn only_whole_seconds_are_taken() {
    refused(&nd(&["run", "--resolve", "300ms", "true"]).run(), 125, &["--resolve", "\"300ms\"", "whole seconds"]);
    refused(&nd(&["run", "--resolve", "1.5s", "true"]).run(), 125, &["--resolve", "whole seconds"]);
    refused(&nd(&["run", "--resolve", "off", "true"]).run(), 125, &["--resolve", "whole seconds"]);
    refused(&nd(&["run", "--resolve", "2", "true"]).run(), 125, &["--resolve", "units"]);
}

#[test]
fn a_musl_program_is_refused_what_its_resolver_does_not_read() {
    let program = folder("resolve-musl").join("musl");
    if build("musl-gcc", &program, "int main(void) { return 0; }", &[]) {
        refused(&nd(&["run", "--resolve", "60s", text(&program)]).run(), 125, &["--resolve", "musl", "only glibc"]);
        nd(&["run", "--connect", "60s", text(&program)]).run().succeeded();
    }
}

/// In namespaces of its own: a resolv.conf, and servers on loopback that never answer.
#[test]
fn servers_and_the_search_list_are_counted_and_a_silent_server_holds_nobody_longer() {
    let folder = folder("resolve-namespace");
    let silent = folder.join("silent");
    // Binds port 53 on three loopback addresses and becomes the rest of its arguments: nobody answers.
    let source = "#include <arpa/inet.h>\n#include <stdio.h>\n#include <unistd.h>\nint main(int argc, char **argv) { (void)argc;
        for (int i = 1; i <= 3; i++) { int fd = socket(AF_INET, SOCK_DGRAM, 0);
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x7f000000 + i) };
        if (bind(fd, (struct sockaddr *)&a, sizeof a)) { perror(\"bind\"); return 3; } }
        execvp(argv[1], argv + 1); return 4; }";
    assert!(build("cc", &silent, source, &[]));
    let command = installed_library().with_file_name("netdeadline");
    let inside = |lines: &str, shell: &str| {
        let script = format!(
            "ip link set lo up && printf '{lines}' >{0}/resolv.conf && hostname localhost &&\
             mount --bind {0}/resolv.conf /etc/resolv.conf && nd={1} && {shell}",
            text(&folder),
            text(&command)
        );
        Program::new("unshare")
            .args(["--net", "--mount", "--uts", "sh", "-c", &script])
            .bound(Duration::from_secs(40))
            .run()
    };
    if inside("nameserver 127.0.0.1\\n", "true").code() != Some(0) {
        println!("skipped: no namespaces here (needs root, ip, unshare)");
        return;
    }
    let res = |lines: &str, limit: &str| inside(lines, &format!("$nd run --resolve {limit} sh -c 'echo $RES_OPTIONS'"));
    let one = "nameserver 127.0.0.1\\n";
    let three = "nameserver 127.0.0.1\\nnameserver 127.0.0.2\\nnameserver 127.0.0.3\\n";
    for (lines, limit, expected) in [
        (one, "1s", "timeout:1 attempts:1\n"),
        (one, "2s", "timeout:1 attempts:2\n"),
        (one, "3s", "timeout:1 attempts:2\n"),
        (one, "10s", "timeout:5 attempts:2\n"),
        (three, "3s", "timeout:1 attempts:1\n"),
        (three, "12s", "timeout:2 attempts:2\n"),
        ("nameserver 127.0.0.1\\nsearch a.example b.example\\n", "4s", "timeout:1 attempts:2\n"),
    ] {
        assert_eq!(res(lines, limit).succeeded().stdout, expected, "{lines} {limit}");
    }
    refused(&res(three, "2s"), 125, &["expected 3s or more", "3 name servers"]);
    let took = |lines: &str, limit: u64| {
        let finished =
            inside(lines, &format!("{} $nd run --resolve {limit}s getent ahosts host.example", text(&silent)));
        assert_eq!(finished.code(), Some(2), "getent finds nothing: {finished:#?}");
        assert!(finished.took.as_secs_f64() < limit as f64 + 3.0, "{lines} {limit}: {:?}", finished.took);
        assert!(finished.took.as_secs_f64() > 0.9, "nobody was waited for: {:?}", finished.took);
    };
    // Without the option it is 10 s and 20 s.
    took(one, 2);
    took("nameserver 127.0.0.1\\nsearch a.example b.example\\n", 2);
}
