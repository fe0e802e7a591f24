package main

// Thousands of connections that wait at the same time.

import (
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	few       = 100
	thousands = 5000
)

func init() {
	programs["many_waiting_connections"] = func() {
		// A few first: what threads a waiting connection costs shows in the difference.
		waitOn(few, "few")
		waitOn(thousands, "thousands")
	}
}

// waitOn reads on `count` connections at once. It reports the threads while all of them wait, the first to end and the
// last, and any that ended in another way than the first did.
func waitOn(count int, what string) {
	_, port, err := net.SplitHostPort(peer("crowd"))
	must(err)
	// The ports towards one address and port are soon used up where several tests do this.
	address := net.JoinHostPort(os.Getenv("GO_TESTS_LOOPBACK"), port)
	conns := make([]net.Conn, count)
	for i := range conns {
		conns[i], err = net.Dial("tcp", address)
		must(err)
	}

	type end struct {
		begin, end time.Time
		err        error
	}
	ends := make([]end, count)
	var group sync.WaitGroup
	group.Add(count)
	for i := range conns {
		i := i
		go func() {
			defer group.Done()
			ends[i].begin = time.Now()
			_, ends[i].err = conns[i].Read(make([]byte, 1))
			ends[i].end = time.Now()
		}()
	}
	sampled := make(chan struct{})
	time.AfterFunc(soon, func() {
		Observation{What: what + ", threads", N: threads()}.print()
		close(sampled)
	})
	group.Wait()
	<-sampled

	first, last := ends[0], ends[0]
	other := int64(0)
	for _, end := range ends {
		if end.end.Sub(end.begin) < first.end.Sub(first.begin) {
			first = end
		}
		if end.end.Sub(end.begin) > last.end.Sub(last.begin) {
			last = end
		}
		if (end.err == nil) != (first.err == nil) || end.err != nil && errno(end.err) != errno(first.err) {
			other++
		}
	}
	report := func(what string, one end) {
		o := Observation{What: what, Ms: float64(one.end.Sub(one.begin)) / 1e6, N: other}
		o.describe(one.err)
		o.print()
	}
	report(what+", first", first)
	report(what+", last", last)
	for _, conn := range conns {
		must(conn.Close())
	}
}

func threads() int64 {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	_, rest, _ := strings.Cut(string(status), "\nThreads:")
	number, _, _ := strings.Cut(rest, "\n")
	count, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	must(err)
	return count
}
