package capi

// A deadline in the past: fails at once whatever could be had, consumes nothing, stays until it is changed. FACTS.md, "Go's
// deadline contract"; the rows of package net show that Go is like that.

import (
	"errors"
	"io"
	"math"
	"net"
	"testing"
	"time"
)

func TestAPastDeadlineFailsAtOnceAndConsumesNothing(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, there := k.open(t)
		for round := 0; round < 12; round++ {
			mustWrite(t, there, "ready")
			must(t, here.SetReadDeadline(longAgo))
			for again := 0; again < 3; again++ {
				begin(readOne(here)).end(t).mustTimeOut(t, "a read with data ready")
			}
			must(t, here.SetReadDeadline(never))
			mustRead(t, here, "ready")
		}
	})
}

func TestAPastDeadlineComesBeforeTheEnd(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, there := k.open(t)
		must(t, here.SetReadDeadline(longAgo))
		must(t, there.Close())
		begin(readOne(here)).end(t).mustTimeOut(t, "a read at the end")
		must(t, here.SetReadDeadline(never))
		if o := begin(readOne(here)).end(t); o.err != io.EOF {
			t.Fatalf("after its revival: %d, %v; want the end", o.n, o.err)
		}
	})
}

func TestAPastDeadlineFailsAWriteWithRoomAndSendsNothing(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, there := k.open(t)
		must(t, here.SetWriteDeadline(longAgo))
		begin(func() (int, error) { return here.Write([]byte("no")) }).end(t).mustTimeOut(t, "a write with room")
		must(t, here.SetWriteDeadline(never))
		mustWrite(t, here, "yes")
		mustRead(t, there, "yes")
	})
}

func TestZeroLengthCallsWithAPastDeadline(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, there := k.open(t)
		mustWrite(t, there, "data")
		must(t, here.SetDeadline(longAgo))
		if o := begin(func() (int, error) { return here.Read(nil) }).end(t); o.n != 0 || o.err != nil {
			t.Fatalf("a read of nothing: %d, %v; want 0 and no error", o.n, o.err)
		}
		begin(func() (int, error) { return here.Write(nil) }).end(t).mustTimeOut(t, "a write of nothing")
		must(t, here.SetDeadline(never))
		mustRead(t, here, "data")
	})
}

func TestDirectionsAreApart(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, there := k.open(t)
		must(t, here.SetReadDeadline(longAgo))
		mustWrite(t, here, "out")
		mustRead(t, there, "out")
		must(t, here.SetWriteDeadline(longAgo))
		must(t, here.SetReadDeadline(never))
		mustWrite(t, there, "in")
		mustRead(t, here, "in")
		begin(func() (int, error) { return here.Write([]byte("no")) }).end(t).mustTimeOut(t, "the write")
		// One for both replaces each.
		must(t, here.SetDeadline(never))
		mustWrite(t, here, "on")
		mustRead(t, there, "on")
	})
}

func TestNowIsExpiredAndFarAwayIsNot(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, there := k.open(t)
		mustWrite(t, there, "x")
		must(t, here.SetReadDeadline(time.Now()))
		begin(readOne(here)).end(t).mustTimeOut(t, "with a deadline of now")
		for _, far := range []time.Time{farAway(), time.Now().Add(290 * 365 * 24 * time.Hour), time.Unix(1<<40, 0)} {
			must(t, here.SetDeadline(far))
			mustRead := begin(readOne(here))
			if o := mustRead.end(t); o.err != nil {
				t.Fatalf("until %v: %v", far, o.err)
			}
			mustWrite(t, there, "x")
			mustWrite(t, here, "y")
		}
		waits := begin(readOne(here))
		if o := waits.end(t); o.err != nil {
			t.Fatal(o.err)
		}
		waits = begin(readOne(here))
		time.Sleep(30 * time.Millisecond)
		waits.mustWait(t, "with a deadline far away")
		mustWrite(t, there, "z")
		waits.end(t)
	})
}

// The numbers themselves, which a time.Time cannot all be made to.
func TestEveryPastInstantIsPastAndComesBackAsItWasSet(t *testing.T) {
	for _, form := range []Form{Blocking, Polling} {
		here, there, err := Pair(form, "unix")
		must(t, err)
		mustWrite(t, there, "x")
		for _, when := range []int64{math.MinInt64, math.MinInt64 + 1, -1, 1, 2, Now()} {
			must(t, setDeadline(here.fd, both, when))
			begin(readOne(here)).end(t).mustTimeOut(t, "the read")
			begin(func() (int, error) { return here.Write([]byte("x")) }).end(t).mustTimeOut(t, "the write")
			in, out, err := deadlines(here.fd)
			if err != nil || in != when || out != when {
				t.Fatalf("set to %d: %d, %d, %v", when, in, out, err)
			}
		}
		must(t, setDeadline(here.fd, reading, math.MaxInt64))
		must(t, setDeadline(here.fd, writing, 0))
		if in, out, err := deadlines(here.fd); err != nil || in != math.MaxInt64 || out != 0 {
			t.Fatalf("%d, %d, %v", in, out, err)
		}
		if o := begin(readOne(here)).end(t); o.n != 1 {
			t.Fatalf("with the last instant there is: %v", o.err)
		}
		here.Close()
		there.Close()
	}
}

func TestAllCallsOnAClosedConnectionSayClosed(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, _ := k.open(t)
		must(t, here.SetDeadline(longAgo))
		must(t, here.Close())
		for _, call := range []func() (int, error){
			readOne(here),
			func() (int, error) { return here.Write([]byte("x")) },
			func() (int, error) { return 0, here.SetDeadline(longAgo) },
			func() (int, error) { return 0, here.SetReadDeadline(never) },
			func() (int, error) { return 0, here.SetWriteDeadline(never) },
			func() (int, error) { return 0, here.Close() },
		} {
			begin(call).end(t).mustBeClosed(t, "a call after the close")
		}
		if ours, ok := here.(*Conn); ok {
			_, err := read(ours.fd, make([]byte, 1))
			for _, err := range []error{err, setDeadline(ours.fd, both, 1), setDeadline(ours.fd, reading, 0), closeFd(ours.fd)} {
				if failed := ours.failed("call", err); !errors.Is(failed, net.ErrClosed) {
					t.Fatalf("the library says %v of a number that is closed", err)
				}
			}
		}
	})
}
