package main

// Connections whose peer answers: an error on one of them is a false expiry. Every byte is compared, so that a read that
// landed in the wrong buffer shows.

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"net"
	"syscall"
	"time"
)

func echo(conn *net.TCPConn) {
	defer conn.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// slowAnswer takes a fifth of the silent deadline for each byte.
func slowAnswer(conn *net.TCPConn) {
	defer conn.Close()
	one := make([]byte, 1)
	for {
		if _, err := conn.Read(one); err != nil {
			return
		}
		time.Sleep(*silent / 5)
		if _, err := conn.Write(one); err != nil {
			return
		}
	}
}

func longLived(w *world) {
	converse(w, 1<<30, 20*time.Millisecond)
}

func shortLived(w *world) {
	converse(w, 1+rand.Intn(3), time.Millisecond)
}

// converse sends messages and compares what comes back, until the run is over.
func converse(w *world, messages int, pause time.Duration) {
	conn, err := dial(w, w.echo)
	if err != nil {
		return
	}
	defer abort(conn)
	for i := 0; i < messages && !w.over(); i++ {
		sent := make([]byte, 1+rand.Intn(16<<10))
		rand.Read(sent)
		got := make([]byte, len(sent))
		started, stage := time.Now(), "write"
		w.around(w, func() {
			if _, err = conn.Write(sent); err == nil {
				stage = "read"
				_, err = io.ReadFull(conn, got)
			}
		})
		if err != nil {
			w.fail("healthy %s failed after %v of %v: %v", stage, time.Since(started), *healthy, err)
			return
		}
		if !bytes.Equal(sent, got) {
			w.fail("%d bytes came back changed", len(sent))
			return
		}
		w.count("pings")
		time.Sleep(jitter(pause))
	}
}

// idler leaves its connection alone for longer than the deadline, and then has an answer in time: the clock of a wait does
// not run while nobody waits.
func idler(w *world) {
	conn, err := dial(w, w.slow)
	if err != nil {
		return
	}
	defer abort(conn)
	one := make([]byte, 1)
	for !w.over() {
		started := time.Now()
		w.around(w, func() {
			if _, err = conn.Write(one); err == nil {
				_, err = conn.Read(one)
			}
		})
		waited := time.Since(started)
		switch {
		case err == nil:
			w.count("idlers")
		case errors.Is(err, syscall.ETIMEDOUT) && waited >= *silent:
			// The machine was that slow; the server is in this very process.
			w.count("stalls")
			return
		default:
			w.fail("after a pause, a read failed after %v of %v: %v", waited, *silent, err)
			return
		}
		pause(w, *silent+jitter(*silent))
	}
}

// pause sleeps, but not beyond the end of the run.
func pause(w *world, d time.Duration) {
	select {
	case <-w.stop:
	case <-time.After(d):
	}
}

// dial never fails: all its listeners have room.
func dial(w *world, address string) (conn *net.TCPConn, err error) {
	started := time.Now()
	w.around(w, func() {
		var any net.Conn
		if any, err = net.Dial("tcp", address); err == nil {
			conn = any.(*net.TCPConn)
		}
	})
	if err != nil {
		w.fail("connect to %s failed after %v: %v", address, time.Since(started), err)
	}
	return
}

// abort closes without TIME_WAIT, which would use up the ports.
func abort(conn *net.TCPConn) {
	conn.SetLinger(0)
	conn.Close()
}
