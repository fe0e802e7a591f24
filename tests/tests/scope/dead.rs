//! Addresses where nobody is, and names that nobody resolves, in a network namespace of the test's own.

use crate::postgres::postgres;
use crate::stage::{is_root, run_by, step, AMPLE, SCOPE};
use crate::web::server_at;
use netdeadline_tests::scratch;
use std::time::Duration;

/// How long glibc's resolver asks a server that does not answer, as the file that it reads there says.
const RESOLVER: Duration = Duration::from_secs(1);

/// Two addresses behind a link whose far end throws away what it is sent. No ARP is asked: the neighbours are fixed.
const FURNISH: &str = "\
    set -e; ip link set lo up; ip link add nd0 type veth peer name nd1; ip addr add 10.99.0.1/24 dev nd0
    ip link set nd1 up; ip link set nd0 up
    for at in 10.99.0.2 10.99.0.3; do ip neigh replace $at lladdr 02:00:00:00:00:99 nud permanent dev nd0; done
    mount --make-rprivate /; printf 'nameserver 10.99.0.2\\noptions timeout:1 attempts:1\\n' >$0/resolv.conf
    printf 'hosts: dns\\n' >$0/nsswitch.conf
    mount --bind $0/resolv.conf /etc/resolv.conf; mount --bind $0/nsswitch.conf /etc/nsswitch.conf
    exec \"$@\"";

/// A command that runs the command behind it there.
fn there() -> Vec<String> {
    let scratch = scratch("scope").join("dead");
    std::fs::create_dir_all(&scratch).expect("the target directory is writable");
    let words = ["unshare", "--net", "--mount", "--", "sh", "-c", FURNISH];
    words.iter().map(|word| word.to_string()).chain([scratch.display().to_string()]).collect()
}

#[test]
fn a_connect_to_a_dead_address_is_left_at_the_scopes_instant_and_the_next_scope_works() {
    // Sockets on a path are reached from every network namespace.
    let Some(server) = postgres() else { return };
    let path = server.directory().join("http");
    server_at(&path);
    let path = path.display().to_string();
    for way in ["easy", "multi", "select"] {
        let told = run_by(
            &there(),
            &[
                step("connect", SCOPE, "host=10.99.0.2 user=postgres"),
                step(way, SCOPE, "http://10.99.0.2/"),
                step("connect", AMPLE, server.conninfo()),
                step("query", AMPLE, "select 5"),
                step("unix", AMPLE, &path),
            ],
        );
        told[0].ended_at(SCOPE);
        assert!(told[0].text.contains("\"10.99.0.2\", port 5432 failed"), "{told:#?}");
        told[1].ended_at(SCOPE);
        told[2].answered("");
        told[3].answered("5");
        told[4].answered("good");
    }
}

#[test]
fn one_scope_bounds_all_addresses_together() {
    if !is_root() {
        return;
    }
    let hosts = "host=10.99.0.2,10.99.0.3,10.99.0.2 user=postgres";
    let told = run_by(&there(), &[step("connect", SCOPE, hosts)]);
    told[0].ended_at(SCOPE);
    // The second and third attempt are made, and end with the scope that has passed.
    assert_eq!(told[0].text.matches("Connection timed out").count(), 3, "{told:#?}");
}

#[test]
fn a_resolver_may_hold_a_library_past_its_scope_and_the_next_scope_works() {
    let Some(server) = postgres() else { return };
    let path = server.directory().join("resolved-http");
    server_at(&path);
    for way in ["easy", "multi"] {
        let told = run_by(
            &there(),
            &[
                step("connect", SCOPE, "host=nobody.test user=postgres"),
                step(way, SCOPE, "http://nobody.test/"),
                step("unix", AMPLE, path.display().to_string()),
            ],
        );
        // libpq asks glibc, whose own waits nothing can reach (docs/limits.md): they end when the resolver gives up.
        assert!(!told[0].good && told[0].text.contains("name resolution"), "{told:#?}");
        assert!(told[0].took >= RESOLVER && told[0].took < RESOLVER + Duration::from_secs(2), "{told:#?}");
        // libcurl has a thread ask, and cannot go before that thread has come back. Built with c-ares it could.
        assert!(!told[1].good && told[1].took >= SCOPE, "{told:#?}");
        assert!(told[1].took < RESOLVER + Duration::from_secs(2), "{told:#?}");
        // Its wait for that thread is told to be over at once, again and again.
        told[1].idle();
        told[2].answered("good");
    }
}
