package capi

// Deadlines that are set, moved and taken away while calls wait, by many at once.

import (
	"net"
	"testing"
	"time"
)

// Crowd is how many wait at once.
const crowd = 100

// A writer that goes on: TCP finds a little room a while after it had none.
func writeOn(c net.Conn) func() (int, error) {
	return func() (int, error) {
		for block := make([]byte, 1024); ; {
			if n, err := c.Write(block); err != nil {
				return n, err
			}
		}
	}
}

// Long enough that most of a crowd waits; whoever does not yet meets the deadline at its beginning.
func settle() { time.Sleep(20 * time.Millisecond) }

func TestAllWaitersFailWhenTheDeadlinePasses(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, there := k.open(t)
		fill(t, here)
		for round := 0; round < times(2, 10); round++ {
			must(t, here.SetDeadline(never))
			readers := beginMany(crowd, readOne(here))
			writers := beginMany(crowd, writeOn(here))
			settle()
			readers[0].mustWait(t, "a reader without a deadline")
			writers[0].mustWait(t, "a writer without a deadline")
			var when int64
			if round%2 == 0 {
				must(t, here.SetDeadline(longAgo))
			} else {
				when = Now() + 20e6
				must(t, here.SetDeadline(at(when)))
			}
			for i := range readers {
				readers[i].end(t).mustTimeOutAt(t, when, "one of the readers")
				// The last of the room may have taken a part of its last write.
				if o := writers[i].end(t); !o.timeout() || o.ended < when {
					t.Fatalf("one of the writers: %d, %v, %v after the deadline", o.n, o.err, time.Duration(o.ended-when))
				}
			}
		}
		must(t, here.SetDeadline(never))
		mustWrite(t, there, "alive")
		mustRead(t, here, "alive")
	})
}

func TestAPendingDeadlineIsMoved(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, there := k.open(t)
		for round := 0; round < times(5, 50); round++ {
			// Shortened: the first is an hour away.
			must(t, here.SetReadDeadline(time.Now().Add(time.Hour)))
			reader := begin(readOne(here))
			time.Sleep(2 * time.Millisecond)
			when := Now() + 5e6
			must(t, here.SetReadDeadline(at(when)))
			reader.end(t).mustTimeOutAt(t, when, "shortened")

			// Extended: the first may have passed before the second was set, and then it may have ended.
			first, second := Now()+15e6, Now()+40e6
			must(t, here.SetReadDeadline(at(first)))
			reader = begin(readOne(here))
			time.Sleep(2 * time.Millisecond)
			must(t, here.SetReadDeadline(at(second)))
			if Now() < first {
				reader.end(t).mustTimeOutAt(t, second, "extended")
			} else {
				reader.end(t)
			}

			// Taken away.
			first = Now() + 15e6
			must(t, here.SetReadDeadline(at(first)))
			reader = begin(readOne(here))
			time.Sleep(2 * time.Millisecond)
			must(t, here.SetReadDeadline(never))
			if Now() >= first {
				// It may have passed before it was taken away, or not.
				must(t, here.SetReadDeadline(longAgo))
				reader.end(t).mustTimeOut(t, "taken away too late")
				continue
			}
			time.Sleep(25 * time.Millisecond)
			reader.mustWait(t, "without its deadline")
			mustWrite(t, there, "x")
			if o := reader.end(t); o.n != 1 {
				t.Fatalf("got %d, %v", o.n, o.err)
			}
		}
	})
}

func TestDeadlinesAheadCutNobodyShort(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, there := k.open(t)
		stop := make(chan struct{})
		setters := beginMany(4, func() (int, error) {
			for set := 0; ; set++ {
				ahead := [...]time.Time{never, time.Now().Add(time.Hour), farAway(), time.Now().Add(time.Minute)}[set%4]
				for _, err := range []error{here.SetReadDeadline(ahead), here.SetDeadline(ahead)} {
					if err != nil {
						return set, err
					}
				}
				select {
				case <-stop:
					return set + 1, nil
				default:
				}
				if set%64 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
		for round := 0; round < times(20, 200); round++ {
			readers := beginMany(8, readOne(here))
			for range readers {
				mustWrite(t, there, "x")
			}
			for _, reader := range readers {
				if o := reader.end(t); o.n != 1 || o.err != nil {
					t.Fatalf("a reader: %d, %v", o.n, o.err)
				}
			}
		}
		close(stop)
		for _, setter := range setters {
			if o := setter.end(t); o.err != nil || o.n == 0 {
				t.Fatalf("a setter: %d times, %v", o.n, o.err)
			}
		}
		// Whichever was last: the one that comes now holds.
		readers := beginMany(crowd, readOne(here))
		settle()
		must(t, here.SetReadDeadline(longAgo))
		for _, reader := range readers {
			reader.end(t).mustTimeOut(t, "a reader after the race")
		}
	})
}

func TestCloseWakesEveryoneAndIsNoTimeout(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		for round := 0; round < times(2, 20); round++ {
			here, _ := k.open(t)
			fill(t, here)
			must(t, here.SetDeadline([]time.Time{never, time.Now().Add(time.Hour)}[round%2]))
			readers := beginMany(crowd/2, readOne(here))
			writers := beginMany(crowd/2, writeOn(here))
			settle()
			must(t, begin(func() (int, error) { return 0, here.Close() }).end(t).err)
			for i := range readers {
				readers[i].end(t).mustBeClosed(t, "one of the readers")
				if o := writers[i].end(t); !o.closed() {
					t.Fatalf("one of the writers: %d, %v; want net.ErrClosed", o.n, o.err)
				}
			}
		}
	})
}

func TestAWriteSaysWhatItWroteBeforeItsDeadline(t *testing.T) {
	eachThat(t, isStream, func(t *testing.T, k kind) {
		here, there := k.open(t)
		// Beside other work a thread may be long in coming to its write.
		var o outcome
		var when int64
		block := make([]byte, 32<<20)
		for span := int64(50e6); o.n == 0 && span < int64(late); span *= 4 {
			when = Now() + span
			must(t, here.SetWriteDeadline(at(when)))
			o = begin(func() (int, error) { return here.Write(block) }).end(t)
		}
		if !o.timeout() || o.n <= 0 || o.n == 32<<20 || o.ended < when {
			t.Fatalf("%d bytes, %v, %v after the deadline", o.n, o.err, time.Duration(o.ended-when))
		}
		must(t, here.Close())
		if got := drain(t, there); got != o.n {
			t.Fatalf("the other end got %d of %d bytes", got, o.n)
		}
	})
}

// Drain reads to the end.
func drain(t *testing.T, c net.Conn) int {
	t.Helper()
	must(t, c.SetReadDeadline(time.Now().Add(late)))
	buffer, total := make([]byte, 1<<16), 0
	for {
		n, err := c.Read(buffer)
		total += n
		if err != nil {
			if (outcome{err: err}).timeout() {
				t.Fatalf("no end after %d bytes", total)
			}
			return total
		}
	}
}
