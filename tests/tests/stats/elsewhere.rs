//! A process that sees other file systems and other numbers than those who ask, as in a container.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::made::{self, start_of, Home, Made};

/// Says which number it has outside.
const INSIDE: &str = "mount -t tmpfs none /dev/shm && mkdir -m 700 /dev/shm/netdeadline-0 &&
    read outside rest < /proc/self/stat && echo $outside && exec sleep 20";

#[test]
fn the_page_of_a_process_in_a_container_is_found_where_and_as_it_has_it_itself() {
    if !made::is_root() {
        return;
    }
    let home = Home::new("elsewhere");
    let mut child = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE])
        .env("NETDEADLINE_STATS", "on")
        .env_remove("XDG_RUNTIME_DIR")
        .stdout(Stdio::piped())
        .spawn()
        .expect("unshare");
    let mut line = String::new();
    let read = BufReader::new(child.stdout.take().expect("it was piped")).read_line(&mut line);
    let said = read.ok().and_then(|_| line.trim().parse().ok()).map(|outside: i32| {
        // Under the number that it has inside.
        let made = Made::new(1, start_of(outside), "tester").busy();
        let top = format!("/proc/{outside}/root/dev/shm/netdeadline-0");
        fs::write(format!("{top}/{}", made.name()), made.bytes()).expect("it is root's");
        home.nd(&["stats", &outside.to_string()]).run()
    });
    child.kill().and_then(|()| child.wait()).expect("it is ours");
    let said = said.expect("root may unshare").succeeded();
    assert!(said.stdout.starts_with("tester[1] running, "), "{said:#?}");
}
