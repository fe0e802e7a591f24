package main

// Writing to a peer that does not read.

import (
	"io"
	"net"
	"time"
)

// More than the buffers of both ends can hold.
const much = 32 << 20

func init() {
	programs["write_to_a_peer_that_never_reads"] = func() {
		together(
			func() { write("write", dial("stuck")) },
			func() {
				conn := dial("stuck")
				begin := time.Now()
				n, err := (&net.Buffers{make([]byte, much/2), make([]byte, much/2)}).WriteTo(conn)
				saw("writev", begin, n, err)
			},
		)
	}
	programs["write_while_the_peer_talks"] = func() {
		conn := dial("drip")
		together(
			func() { write("write", conn) },
			func() {
				begin := time.Now()
				n, err := io.ReadFull(conn, make([]byte, 20))
				saw("twenty drops", begin, int64(n), err)
			},
		)
	}
	programs["write_again_after_expiry"] = func() {
		conn := dial("stuck")
		write("first", conn)
		write("second", conn)
	}
	programs["write_with_a_deadline_of_its_own"] = func() {
		conn := dial("stuck")
		begin := time.Now()
		must(conn.SetWriteDeadline(begin.Add(soon)))
		n, err := conn.Write(make([]byte, much))
		saw("own", begin, int64(n), err)
	}
	programs["write_to_a_peer_that_reads"] = func() {
		conn := dial("silent")
		begin := time.Now()
		n, err := conn.Write(make([]byte, much))
		saw("all of it", begin, int64(n), err)
		time.Sleep(later)
		begin = time.Now()
		n, err = conn.Write(make([]byte, much))
		saw("all of it, later", begin, int64(n), err)
	}
}

func write(what string, conn net.Conn) {
	begin := time.Now()
	n, err := conn.Write(make([]byte, much))
	saw(what, begin, int64(n), err)
}
