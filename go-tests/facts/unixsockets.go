package main

// Unix sockets, which policy touches only where a rule names their path.

import (
	"net"
	"time"
)

func init() {
	programs["unix_silent_peer"] = func() { read("read", dialUnix("unix-silent")) }
	programs["unix_peer_that_never_reads"] = func() { write("write", dialUnix("unix-stuck")) }
	programs["unix_full_backlog"] = func() {
		begin := time.Now()
		_, err := net.Dial("unix", peer("unix-full"))
		saw("dial", begin, 0, err)
	}
}

func dialUnix(name string) net.Conn {
	conn, err := net.Dial("unix", peer(name))
	must(err)
	return conn
}
