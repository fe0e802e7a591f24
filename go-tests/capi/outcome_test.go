package capi

// Calls that run beside the test: how one is started, and what it must have come to. No socket and no property belongs here.

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

type outcome struct {
	n            int
	err          error
	began, ended int64
}

func (o outcome) timeout() bool {
	var is net.Error
	return errors.As(o.err, &is) && is.Timeout()
}

func (o outcome) closed() bool { return errors.Is(o.err, net.ErrClosed) && !o.timeout() }

func run(call func() (int, error)) outcome {
	o := outcome{began: Now()}
	o.n, o.err = call()
	o.ended = Now()
	return o
}

type pending chan outcome

func begin(call func() (int, error)) pending {
	p := make(pending, 1)
	go func() { p <- run(call) }()
	return p
}

// As many as wanted at once, each waiting for the same thing.
func beginMany(count int, call func() (int, error)) []pending {
	all := make([]pending, count)
	for i := range all {
		all[i] = begin(call)
	}
	return all
}

func (p pending) end(t *testing.T) outcome {
	t.Helper()
	select {
	case o := <-p:
		return o
	case <-time.After(late):
		t.Fatalf("still waiting after %v", late)
		panic("unreachable")
	}
}

func (p pending) mustWait(t *testing.T, what string) {
	t.Helper()
	select {
	case o := <-p:
		t.Fatalf("%s: ended with %d, %v, and should wait", what, o.n, o.err)
	default:
	}
}

func (o outcome) mustTimeOut(t *testing.T, what string) {
	t.Helper()
	if o.n != 0 || !o.timeout() {
		t.Fatalf("%s: got %d, %v; want 0 and a timeout", what, o.n, o.err)
	}
}

func (o outcome) mustBeClosed(t *testing.T, what string) {
	t.Helper()
	if !o.closed() {
		t.Fatalf("%s: got %d, %v; want net.ErrClosed and no timeout", what, o.n, o.err)
	}
}

// As above, and not before the instant.
func (o outcome) mustTimeOutAt(t *testing.T, when int64, what string) {
	t.Helper()
	o.mustTimeOut(t, what)
	if o.ended < when {
		t.Fatalf("%s: %v early", what, time.Duration(when-o.ended))
	}
	if over := time.Duration(o.ended - max(when, o.began)); over > late {
		t.Fatalf("%s: %v late", what, over)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The time.Time of an instant on the library's clock; never before it.
func at(when int64) time.Time {
	left := when - Now()
	return time.Now().Add(time.Duration(left))
}

var (
	never   = time.Time{}
	longAgo = time.Unix(233431200, 0)
)

// As far away as a time.Time can be set from now.
func farAway() time.Time { return time.Now().Add(1<<63 - 1) }

func readOne(c net.Conn) func() (int, error) {
	return func() (int, error) { return c.Read(make([]byte, 1)) }
}

func mustWrite(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("write: %d, %v", n, err)
	}
}

func mustRead(t *testing.T, c net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	must(t, c.SetReadDeadline(time.Now().Add(late)))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("read: %q, %v; want %q", got, err, text)
	}
	must(t, c.SetReadDeadline(never))
}

// Fill writes until there is no more room, and leaves the deadline in the past: how many bytes there were.
func fill(t *testing.T, c net.Conn) int {
	t.Helper()
	block, total := make([]byte, 1024), 0
	for {
		must(t, c.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		o := begin(func() (int, error) { return c.Write(block) }).end(t)
		total += o.n
		switch {
		case o.n == 0 && o.timeout():
			return total
		case !o.timeout():
			must(t, o.err)
		}
	}
}
