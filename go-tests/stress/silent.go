package main

// Connections whose peer does nothing. Each must fail with ETIMEDOUT, never before its deadline, and at last after it;
// natively each must hang. The clock is read before the call that starts the wait, so `early` is strict.

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// mutes is how many connections sayNothing holds.
var mutes atomic.Int64

// sayNothing holds the connection until the client is gone, and takes no byte out of the queue: that would open the window.
func sayNothing(conn *net.TCPConn) {
	mutes.Add(1)
	defer mutes.Add(-1)
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	raw.Read(func(fd uintptr) bool {
		// TCP_INFO begins with a byte for the state, of which 1 is ESTABLISHED (linux/tcp.h).
		info, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
		return err != nil || info&0xff != 1
	})
}

func silentRead(w *world) {
	conn, err := dial(w, w.mute)
	if err != nil {
		return
	}
	defer abort(conn)
	started := time.Now()
	hung := hang(conn)
	w.around(w, func() {
		if _, err = conn.Write([]byte{1}); err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
	})
	expired(w, "read", started, err, hung)
}

func silentWrite(w *world) {
	conn, err := dial(w, w.mute)
	if err != nil {
		return
	}
	defer abort(conn)
	started := time.Now()
	hung := hang(conn)
	// More than both socket buffers hold.
	w.around(w, func() { _, err = conn.Write(make([]byte, 16<<20)) })
	expired(w, "write", started, err, hung)
}

func pendingConnect(w *world) {
	within := context.Background()
	if *native {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(within, *silent*5/2)
		defer cancel()
	}
	started := time.Now()
	var err error
	w.around(w, func() {
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(within, "tcp", w.full); err == nil {
			conn.Close()
			err = errors.New("a full queue took another connection")
		}
	})
	// The dialer's own deadline may end it a moment before the context says so.
	expired(w, "connect", started, err, func() bool { return time.Since(started) > *silent*2 })
}

// ownDeadline has the program's own, shorter deadline end a read first; the next read on that connection waits for ours.
func ownDeadline(w *world) {
	conn, err := dial(w, w.mute)
	if err != nil {
		return
	}
	defer abort(conn)
	own := *silent / 3
	started := time.Now()
	w.around(w, func() {
		conn.SetReadDeadline(started.Add(own))
		_, err = conn.Read(make([]byte, 1))
	})
	waited := time.Since(started)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && waited >= own:
		w.count("own")
	case errors.Is(err, syscall.ETIMEDOUT) && waited >= *silent:
		w.count("stalls")
	default:
		w.fail("the program's own deadline of %v ended after %v with: %v", own, waited, err)
	}
	conn.SetReadDeadline(time.Time{})
	if time.Since(started) > *silent*2/3 {
		// It woke so late that the first wait expires as well, and the second may be told of it (docs/limits.md).
		w.count("both")
		return
	}
	started = time.Now()
	hung := hang(conn)
	w.around(w, func() { _, err = conn.Read(make([]byte, 1)) })
	expired(w, "read after own", started, err, hung)
}

// hang closes the connection of a native run after 2.5 deadlines; its result says whether that happened.
func hang(conn net.Conn) func() bool {
	if !*native {
		return func() bool { return false }
	}
	timer := time.AfterFunc(*silent*5/2, func() { conn.Close() })
	return func() bool { return !timer.Stop() }
}

// expired judges how a wait for a silent peer ended.
func expired(w *world, what string, started time.Time, err error, hung func() bool) {
	waited := time.Since(started)
	if *native {
		if hung() {
			w.count("hung: " + what)
		} else {
			w.fail("natively a silent %s ended after %v: %v", what, waited, err)
		}
		return
	}
	var failure net.Error
	switch {
	case err == nil:
		w.fail("a silent %s succeeded after %v", what, waited)
	case !errors.Is(err, syscall.ETIMEDOUT) || !errors.As(err, &failure) || !failure.Timeout():
		w.fail("a silent %s ended after %v with %v, which is no timeout", what, waited, err)
	case waited < *silent:
		w.fail("EARLY: a silent %s ended after %v of %v", what, waited, *silent)
	case waited > *silent+lateness:
		w.fail("late: a silent %s ended after %v of %v", what, waited, *silent)
	default:
		w.count("expired: " + what)
		w.most("ms late: "+what, (waited - *silent).Milliseconds())
	}
}

// fullBacklog is the address of a listener whose queue is full: a SYN to it is dropped, a connect stays pending.
func fullBacklog(address [4]byte) string {
	check := func(err error) {
		if err != nil && err != syscall.EINPROGRESS {
			panic(err)
		}
	}
	socket := func() int {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		check(err)
		return fd
	}
	listener := socket()
	check(syscall.Bind(listener, &syscall.SockaddrInet4{Addr: address}))
	check(syscall.Listen(listener, 0))
	bound, err := syscall.Getsockname(listener)
	check(err)
	for i := 0; i < 3; i++ {
		check(syscall.Connect(socket(), bound))
	}
	// Time for the handshakes that the queue does take.
	time.Sleep(50 * time.Millisecond)
	return (&net.TCPAddr{IP: address[:], Port: bound.(*syscall.SockaddrInet4).Port}).String()
}
