package main

// The strain races: the program itself gives a wait up at the very moment at which it expires, by a deadline of its own or by
// a close from another goroutine, and takes the number up again at once. Which of the two ends it is open; that what comes
// next on the same number is left alone, and ends at its own time, is not.

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// about is the silent deadline, give or take a little.
func about() time.Duration { return *silent + jitter(4*time.Millisecond) - 2*time.Millisecond }

// ended judges the end of a wait that both may end: at either moment, by either error.
func ended(w *world, what string, started time.Time, least time.Duration, err error) {
	ours := errors.Is(err, syscall.ETIMEDOUT)
	var failure net.Error
	// A dialer's own deadline may be context.DeadlineExceeded or os.ErrDeadlineExceeded.
	its := errors.As(err, &failure) && failure.Timeout() || errors.Is(err, net.ErrClosed)
	w.count("strained")
	switch waited := time.Since(started); {
	case !ours && !its:
		w.fail("%s ended after %v with: %v", what, waited, err)
	case ours && waited < *silent, waited < least:
		w.fail("EARLY: %s ended after %v with: %v", what, waited, err)
	case ours:
		w.count("races: ours")
	default:
		w.count("races: its own")
	}
}

func raceConnect(w *world) {
	least, started := about(), time.Now()
	conn, err := (&net.Dialer{Deadline: started.Add(least)}).Dial("tcp", w.full)
	if err == nil {
		conn.Close()
	}
	ended(w, "a connect", started, min(least, *silent), err)
}

func raceRead(w *world) {
	conn, err := dial(w, w.mute)
	if err != nil {
		return
	}
	defer abort(conn)
	least, started := about(), time.Now()
	conn.SetReadDeadline(started.Add(least))
	_, err = conn.Read(make([]byte, 1))
	ended(w, "a read", started, min(least, *silent), err)
}

func raceClose(w *world) {
	conn, err := dial(w, w.mute)
	if err != nil {
		return
	}
	defer abort(conn)
	least, started := about(), time.Now()
	time.AfterFunc(least, func() { abort(conn) })
	_, err = conn.Read(make([]byte, 1))
	ended(w, "a read of a closed one", started, min(least, *silent), err)
}
