package main

// The program's own deadlines and contexts: the contract of net.Conn, beside a policy that waits shorter or longer.

import (
	"context"
	"net"
	"sort"
	"time"
)

func init() {
	programs["own_read_deadline"] = func() {
		together(
			func() {
				conn := dial("silent")
				begin := time.Now()
				must(conn.SetReadDeadline(begin.Add(soon)))
				readSince(begin, "soon", conn)
			},
			func() {
				conn := dial("silent")
				begin := time.Now()
				must(conn.SetReadDeadline(begin.Add(later)))
				readSince(begin, "later", conn)
			},
			func() {
				conn := dial("half")
				time.Sleep(soon)
				must(conn.SetDeadline(time.Now().Add(-time.Second)))
				read("past, with data", conn)
				must(conn.SetDeadline(time.Time{}))
				read("the data is intact", conn)
			},
		)
	}
	programs["own_deadline_moved_while_it_waits"] = func() {
		together(
			func() {
				conn := dial("silent")
				begin := time.Now()
				must(conn.SetReadDeadline(begin.Add(time.Hour)))
				time.AfterFunc(soon/2, func() { must(conn.SetReadDeadline(begin.Add(soon))) })
				readSince(begin, "shortened", conn)
			},
			func() {
				conn := dial("silent")
				begin := time.Now()
				must(conn.SetReadDeadline(begin.Add(later - soon)))
				time.AfterFunc(soon/4, func() { must(conn.SetReadDeadline(begin.Add(later))) })
				readSince(begin, "extended", conn)
			},
			func() {
				conn := dial("silent")
				must(conn.SetReadDeadline(time.Now().Add(later)))
				time.AfterFunc(soon/4, func() { must(conn.SetReadDeadline(time.Time{})) })
				read("cleared", conn)
			},
			func() {
				conn := dial("silent")
				begin := time.Now()
				time.AfterFunc(soon, func() { must(conn.Close()) })
				readSince(begin, "closed", conn)
			},
		)
	}
	programs["own_deadline_leaves_no_stale_one"] = func() {
		conn := dial("silent")
		begin := time.Now()
		must(conn.SetReadDeadline(begin.Add(soon)))
		readSince(begin, "own", conn)
		must(conn.SetReadDeadline(time.Time{}))
		read("the whole time again", conn)
	}
	programs["own_deadline_then_a_pause"] = func() {
		// Ours passes in the pause, when nobody waits.
		conn := dial("silent")
		begin := time.Now()
		must(conn.SetReadDeadline(begin.Add(soon)))
		readSince(begin, "own", conn)
		must(conn.SetReadDeadline(time.Time{}))
		time.Sleep(later - time.Since(begin))
		read("the whole time again", conn)
	}
	programs["own_deadlines_in_a_row"] = ownDeadlinesInARow
	programs["own_accept_deadline"] = func() {
		listener := listen(false)
		begin := time.Now()
		must(listener.(*net.TCPListener).SetDeadline(begin.Add(soon)))
		_, err := listener.Accept()
		saw("accept", begin, 0, err)
	}
	programs["own_dial_timeout"] = func() {
		together(
			func() { dialFor("soon", soon) },
			func() { dialFor("later", later) },
			func() {
				begin := time.Now()
				bounded, cancel := context.WithTimeout(context.Background(), soon)
				defer cancel()
				_, err := (&net.Dialer{}).DialContext(bounded, "tcp", hole)
				saw("context", begin, 0, err)
			},
			func() {
				begin := time.Now()
				bounded, cancel := context.WithCancel(context.Background())
				time.AfterFunc(soon, cancel)
				_, err := (&net.Dialer{}).DialContext(bounded, "tcp", hole)
				saw("canceled", begin, 0, err)
			},
		)
	}
}

func dialFor(what string, timeout time.Duration) {
	begin := time.Now()
	_, err := net.DialTimeout("tcp", hole, timeout)
	saw(what, begin, 0, err)
}

// ownDeadlinesInARow lets many short deadlines pass on one connection and reports the median of how late they were: a wait
// of ours that is cut to our timer and not to the program's would be late each time, a busy machine only now and then.
func ownDeadlinesInARow() {
	const each = 20 * time.Millisecond
	conn := dial("silent")
	late := make([]time.Duration, 31)
	for i := range late {
		begin := time.Now()
		must(conn.SetReadDeadline(begin.Add(each)))
		if _, err := conn.Read(make([]byte, 1)); err == nil || errno(err) != 0 {
			saw("another end", begin, 0, err)
			return
		}
		late[i] = time.Since(begin) - each
	}
	sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
	Observation{What: "earliest", Ms: float64(late[0]) / 1e6}.print()
	Observation{What: "median", Ms: float64(late[len(late)/2]) / 1e6}.print()
}
