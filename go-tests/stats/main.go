// Waits of known number and outcome, as a Go program makes them: the addresses of the peers come on the command line, and each of
// them has its own part (see run). It prints how long each wait took, in ns, by Go's own clock.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

func must(what string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what, err)
		os.Exit(1)
	}
}

// ask writes one byte and reads one: how long that took, and whether a deadline ended it.
func ask(conn net.Conn) (time.Duration, bool) {
	start := time.Now()
	_, err := conn.Write([]byte("q"))
	must("write", err)
	return read(conn, start)
}

func read(conn net.Conn, start time.Time) (time.Duration, bool) {
	_, err := conn.Read(make([]byte, 1))
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return time.Since(start), true
	}
	must("read", err)
	return time.Since(start), false
}

func dial(address string) net.Conn {
	conn, err := net.Dial("tcp", address)
	must("dial", err)
	return conn
}

func say(what string, took time.Duration, expired bool) { fmt.Println(what, took.Nanoseconds(), expired) }

func main() {
	answers, silent, refuses, hole := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	conn := dial(answers)
	for range 7 {
		took, expired := ask(conn)
		say("response", took, expired)
	}
	must("close", conn.Close())
	conn = dial(silent)
	for range 3 {
		took, expired := read(conn, time.Now())
		say("read", took, expired)
	}
	must("close", conn.Close())
	for range 3 {
		if conn, err := net.Dial("tcp", refuses); err == nil {
			conn.Close()
			must("dial", errors.New("not refused"))
		}
	}
	for range 2 {
		start := time.Now()
		conn, err := net.Dial("tcp", hole)
		if err == nil {
			conn.Close()
			must("dial", errors.New("not refused"))
		}
		say("connect", time.Since(start), true)
	}
	// Goroutines on all threads, each with connections of its own.
	var group sync.WaitGroup
	many, _ := strconv.Atoi(os.Args[5])
	for range 16 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range many {
				conn := dial(answers)
				ask(conn)
				ask(conn)
				must("close", conn.Close())
			}
		}()
	}
	group.Wait()
	// The goroutine that was connecting when its program gave up: Go's own deadline, not ours.
	_, err := (&net.Dialer{Timeout: 20 * time.Millisecond}).Dial("tcp", hole)
	if err == nil {
		must("dial", errors.New("not refused"))
	}
	fmt.Println("pid", os.Getpid(), false)
}
