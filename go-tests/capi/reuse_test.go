package capi

// A number that is closed belongs to its next owner at once: nothing that was begun with the old one may touch the new one.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Asleep waits until the thread sleeps: it is then in its call. A number of 0 is a thread that has not yet begun.
func asleep(t *testing.T, id *threadID) {
	t.Helper()
	for until := time.Now().Add(late); time.Now().Before(until); time.Sleep(50 * time.Microsecond) {
		if id.load() == 0 {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", id.load()))
		if err == nil && strings.HasPrefix(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " S") {
			return
		}
	}
	t.Fatal("a thread never slept in its call")
}

// The next pair, one end of which has the number wanted: closed numbers are given out lowest first, and others may be free.
func pairWith(t *testing.T, number int) (owner, peer int) {
	t.Helper()
	one, other, err := socketpair(syscall.SOCK_STREAM)
	must(t, err)
	switch number {
	case one:
		return one, other
	case other:
		return other, one
	}
	t.Fatalf("number %d was free, and %d and %d were given", number, one, other)
	return 0, 0
}

// Free numbers below the ones that are tried would be given out first.
func fillGaps(t *testing.T) {
	t.Helper()
	highest, err := socket(syscall.AF_UNIX, syscall.SOCK_STREAM)
	must(t, err)
	t.Cleanup(func() { closeFd(highest) })
	for {
		fd, err := dup(highest)
		must(t, err)
		t.Cleanup(func() { closeFd(fd) })
		if fd > highest {
			return
		}
	}
}

func TestASleeperOnAClosedNumberNeverReadsItsNextOwner(t *testing.T) {
	for round := 0; round < times(40, 400); round++ {
		fillGaps(t)
		here, there, err := socketpair(syscall.SOCK_STREAM)
		must(t, err)
		// With a deadline ahead, with none, and with one that comes just then.
		ahead := []int64{0, Now() + int64(time.Hour), Now() + 2e6}[round%3]
		must(t, setDeadline(here, reading, ahead))
		sleepers := make([]pending, 1+round%4)
		for i := range sleepers {
			id := new(threadID)
			sleepers[i] = begin(func() (int, error) { return readNoting(here, make([]byte, 8), id) })
			if round%3 != 2 {
				asleep(t, id)
			}
		}
		if round%3 == 2 {
			time.Sleep(2 * time.Millisecond)
			for _, sleeper := range sleepers {
				// They had a millisecond or two to be in their calls; only those who are for sure can be asked for more.
				if o := sleeper.end(t); !errors.Is(o.err, syscall.ETIMEDOUT) || o.ended < ahead {
					t.Fatalf("a sleeper: %d, %v", o.n, o.err)
				}
			}
			must(t, closeFd(here))
			closeFd(there)
			continue
		}
		must(t, closeFd(here))
		owner, peer := pairWith(t, here)
		if n, err := write(peer, []byte("private")); n != 7 {
			t.Fatal(err)
		}
		for _, sleeper := range sleepers {
			if o := sleeper.end(t); !errors.Is(o.err, syscall.EBADF) {
				t.Fatalf("a sleeper on a number that was closed: %d, %v; want EBADF", o.n, o.err)
			}
		}
		if in, out, err := deadlines(owner); in != 0 || out != 0 || err != nil {
			t.Fatalf("the next owner has deadlines %d and %d, %v", in, out, err)
		}
		if got := make([]byte, 8); true {
			if n, err := read(owner, got); n != 7 || string(got[:n]) != "private" {
				t.Fatalf("the next owner got %q, %v", got[:n], err)
			}
		}
		for _, fd := range []int{owner, peer, there} {
			must(t, closeFd(fd))
		}
	}
}

func TestAnAcceptorOnAClosedNumberNeverAcceptsForItsNextOwner(t *testing.T) {
	for round := 0; round < times(20, 200); round++ {
		fillGaps(t)
		first, err := Listen(Blocking, "unix", 8)
		must(t, err)
		id := new(threadID)
		sleeper := begin(func() (int, error) { return acceptNoting(first.fd, id) })
		asleep(t, id)
		must(t, first.Close())
		second, err := Listen(Blocking, "unix", 8)
		must(t, err)
		if second.fd != first.fd {
			t.Fatalf("number %d was free, and %d was given", first.fd, second.fd)
		}
		client, err := second.Dial()
		must(t, err)
		if o := sleeper.end(t); !errors.Is(o.err, syscall.EBADF) {
			t.Fatalf("an acceptor on a number that was closed: %d, %v", o.n, o.err)
		}
		must(t, second.SetDeadline(time.Now().Add(late)))
		if o := run(accepting(ours{second})); o.err != nil {
			t.Fatalf("the next owner: %v", o.err)
		}
		client.Close()
		second.Close()
	}
}

// Is the number closed? It may be another file's for a moment: a descriptor of the library's own is made at the lowest number, before
// it goes to a high one.
func isGone(err error) bool {
	return errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.ENOTSOCK) || errors.Is(err, syscall.EINVAL)
}

// Setters race with the close itself. When all have come back the number is given out again: what one of them left behind
// would be the next owner's.
func TestSettersThatRaceWithACloseLeaveNothingToTheNextOwner(t *testing.T) {
	numbers := random(t)
	for round := 0; round < times(300, 3000); round++ {
		here, there, err := socketpair(syscall.SOCK_STREAM)
		must(t, err)
		var stop, sets atomic.Int64
		setters := beginMany(4, func() (int, error) {
			for i := 0; stop.Load() == 0; i++ {
				when := []int64{1, Now() + int64(time.Hour), 0, Now() + 1e5}[i%4]
				if err := setDeadline(here, i%3, when); isGone(err) {
					return i, nil
				} else if err != nil {
					return i, err
				}
				sets.Add(1)
			}
			return 0, nil
		})
		readers := beginMany(2, func() (int, error) {
			for stop.Load() == 0 {
				if n, err := read(here, make([]byte, 1)); n != 0 || !errors.Is(err, syscall.ETIMEDOUT) {
					return n, err
				}
			}
			return 0, nil
		})
		for pause := time.Duration(numbers.Intn(300)) * time.Microsecond; pause > 0; pause = 0 {
			time.Sleep(pause)
		}
		must(t, closeFd(here))
		for _, reader := range readers {
			if o := reader.end(t); !isGone(o.err) {
				t.Fatalf("a reader: %d, %v", o.n, o.err)
			}
		}
		stop.Store(1)
		for _, setter := range setters {
			if o := setter.end(t); o.err != nil {
				t.Fatalf("a setter: %v", o.err)
			}
		}
		must(t, closeFd(there))
		one, other, err := socketpair(syscall.SOCK_STREAM)
		must(t, err)
		for _, fd := range []int{one, other} {
			if in, out, err := deadlines(fd); in != 0 || out != 0 || err != nil {
				t.Fatalf("after %d sets %d, the next owner of %d or %d, has %d and %d, %v", sets.Load(), fd, here, there, in, out, err)
			}
		}
		if n, err := write(one, []byte("x")); n != 1 {
			t.Fatal(err)
		}
		if n, err := read(other, make([]byte, 1)); n != 1 {
			t.Fatal(err)
		}
		must(t, closeFd(one))
		must(t, closeFd(other))
	}
}

// Everything that can be called, at any moment, beside a close.
func TestCloseRacesWithEverything(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		numbers := random(t)
		for round := 0; round < times(20, 200); round++ {
			here, there := k.open(t)
			echo := begin(func() (int, error) {
				b := make([]byte, 1024)
				for {
					n, err := there.Read(b)
					if err != nil {
						return 0, nil
					}
					if _, err := there.Write(b[:n]); err != nil {
						return 0, nil
					}
				}
			})
			forEver := func(call func(int) error) pending {
				return begin(func() (int, error) {
					for i := 0; ; i++ {
						if err := call(i); err != nil && !(outcome{err: err}).timeout() {
							return i, err
						}
					}
				})
			}
			var all []pending
			for i := 0; i < 4; i++ {
				all = append(all,
					forEver(func(int) error { _, err := here.Read(make([]byte, 512)); return err }),
					forEver(func(int) error { _, err := here.Write(make([]byte, 512)); return err }),
					forEver(func(i int) error { return here.SetReadDeadline(ahead(i)) }),
					forEver(func(i int) error { return here.SetWriteDeadline(ahead(i + 1)) }),
					forEver(func(i int) error { return here.SetDeadline(ahead(i + 2)) }))
			}
			time.Sleep(time.Duration(numbers.Int63n(3e6)))
			must(t, begin(func() (int, error) { return 0, here.Close() }).end(t).err)
			for i, one := range all {
				if o := one.end(t); !errors.Is(o.err, net.ErrClosed) {
					t.Fatalf("call %d of its kind %d: %v; want net.ErrClosed", o.n, i%5, o.err)
				}
			}
			there.Close()
			echo.end(t)
		}
	})
}

func ahead(i int) time.Time {
	switch i % 5 {
	case 0:
		return longAgo
	case 1:
		return never
	case 2:
		return time.Now().Add(time.Hour)
	case 3:
		return time.Now().Add(200 * time.Microsecond)
	}
	return time.Now()
}
