package main

// The strain waiting: thousands of connections wait at once, each ends at its own deadline, and none of them holds a thread.

import (
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

func waiting(w *world) {
	conns := make([]*net.TCPConn, *crowd)
	for i := range conns {
		conn, err := dial(w, w.mute)
		if err != nil {
			return
		}
		conns[i] = conn
	}
	before := threads(w)
	var all sync.WaitGroup
	for _, conn := range conns {
		all.Add(1)
		go func(conn *net.TCPConn) {
			defer all.Done()
			started := time.Now()
			hung := hang(conn)
			_, err := conn.Write([]byte{1})
			if err == nil {
				_, err = conn.Read(make([]byte, 1))
			}
			expired(w, "read", started, err, hung)
		}(conn)
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		case <-time.After(20 * time.Millisecond):
			now := threads(w)
			w.most("threads", now)
			// Go itself starts a few more for its collector and its timers.
			if now > before+8 {
				w.fail("%d threads with %d connections waiting, %d before", now, *crowd, before)
			}
		}
	}
	for _, conn := range conns {
		abort(conn)
	}
	// The resets are the last events of their connections: one that is lost keeps its goroutine for ever.
	for until := time.Now().Add(lateness); mutes.Load() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			w.fail("%d of %d goroutines never heard that their peer is gone", mutes.Load(), *crowd)
			break
		}
	}
	w.count("strained")
}

func threads(w *world) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		w.fail("no /proc/self/status: %v", err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, found := strings.CutPrefix(line, "Threads:"); found {
			count, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			return count
		}
	}
	w.fail("no line Threads in /proc/self/status")
	return 0
}
