package capi

// Calls race with a deadline that moves: past, present, future, none. One thread moves it and keeps its history; the history
// then judges every single call, in both ways: no timeout that no deadline allows, no success where one forbade it. And no byte
// may be lost, doubled or out of order.

import (
	"io"
	"math/rand"
	"net"
	"sync"
	"testing"
	"time"
)

// Mover moves one direction's deadline until told to stop; then it is past.
//
// Ours is past when its instant is; Go's own when its timer has fired, which may be late, but for those that are past when they
// are set. That is slack.
func mover(set func(time.Time) error, slack int64, random *rand.Rand, stop <-chan struct{}) (*History, error) {
	h := &History{}
	// Before the first there is none.
	h.Add(Set{})
	one := func(to time.Time, when int64) error {
		began := Now()
		err := set(to)
		ended := Now()
		if when <= began {
			h.Add(Set{began, ended, when, 0})
		} else {
			h.Add(Set{began, ended, when, slack + ended - began})
		}
		return err
	}
	for {
		now := Now()
		var err error
		switch random.Intn(7) {
		case 0, 1:
			err = one(longAgo, 1)
		case 2:
			err = one(time.Now(), now)
		case 3:
			when := now + random.Int63n(2e6)
			err = one(at(when), when)
		case 4:
			when := now + random.Int63n(20e6)
			err = one(at(when), when)
		case 5:
			err = one(never, 0)
		case 6:
			err = one(farAway(), end)
		}
		if err != nil {
			return h, err
		}
		select {
		case <-stop:
			return h, one(longAgo, 1)
		case <-time.After(time.Duration(random.Int63n(3e6))):
		}
		if random.Intn(4) == 0 {
			// A burst: several within one wake-up.
			for i := random.Intn(5); i > 0 && err == nil; i-- {
				when := Now() + 1e9*random.Int63n(2)
				err = one(at(when), when)
			}
		}
	}
}

// The mover beside `call`s of as many goroutines as wanted, which go on until they are told to stop: all of it judged.
func race(t *testing.T, k kind, calls int, set func(time.Time) error, call func() (int, error), span time.Duration) (timeouts, others int) {
	t.Helper()
	stop, moved := make(chan struct{}), make(chan error, 1)
	var history *History
	numbers, slack := random(t), int64(0)
	if k.form == "go" {
		slack = int64(late)
	}
	go func() {
		h, err := mover(set, slack, numbers, stop)
		history = h
		moved <- err
	}()
	var mu sync.Mutex
	var all []outcome
	expired := 0
	var group sync.WaitGroup
	for i := 0; i < calls; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				o := run(call)
				mu.Lock()
				all = append(all, o)
				if o.timeout() {
					expired++
				}
				mu.Unlock()
				if o.err != nil && !o.timeout() {
					return
				}
			}
		}()
	}
	// A busy machine may need longer until both kinds have come.
	both := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return expired > 0 && len(all) > expired
	}
	time.Sleep(span)
	for until := time.Now().Add(late); !both() && time.Now().Before(until); {
		time.Sleep(span)
	}
	close(stop)
	must(t, <-moved)
	ended := make(chan struct{})
	go func() { group.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(late):
		t.Fatal("a past deadline does not end them all")
	}
	must(t, set(never))
	for _, o := range all {
		var wrong error
		switch {
		case o.timeout():
			timeouts++
			wrong = history.Expired(o.began, o.ended)
		case o.err != nil:
			t.Fatalf("a call beside moving deadlines: %d, %v", o.n, o.err)
		default:
			others++
			wrong = history.Unexpired(o.began, o.ended, int64(late))
		}
		if wrong != nil {
			t.Fatal(wrong)
		}
	}
	return timeouts, others
}

// Numbers bytes from 0 on, so that whoever reads knows which is missing.
type counting struct{ next byte }

func (c *counting) block(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = c.next + byte(i)
	}
	return b
}

func spanOf() time.Duration { return time.Duration(times(80, 1000)) * time.Millisecond }

func readsUnderMovingDeadlines(t *testing.T, k kind, readers int) {
	here, there := k.open(t)
	sent, done := 0, make(chan struct{})
	pause := rand.New(rand.NewSource(*seed))
	stopped := begin(func() (int, error) {
		var numbers counting
		for {
			select {
			case <-done:
				return sent, nil
			default:
			}
			n, err := there.Write(numbers.block(1))
			if sent += n; err != nil {
				return sent, err
			}
			numbers.next++
			if pause.Intn(3) == 0 {
				time.Sleep(time.Duration(pause.Int63n(3e6)))
			}
		}
	})
	var mu sync.Mutex
	got := make(map[byte]int)
	var order counting
	take := func() (int, error) {
		b := make([]byte, 1)
		n, err := here.Read(b)
		mu.Lock()
		defer mu.Unlock()
		if n > 0 {
			if got[b[0]]++; readers == 1 && b[0] != order.next {
				t.Errorf("byte %d where %d should come", b[0], order.next)
			}
			order.next = b[0] + 1
		}
		return n, err
	}
	timeouts, reads := race(t, k, readers, here.SetReadDeadline, take, spanOf())
	close(done)
	if o := stopped.end(t); o.err != nil {
		t.Fatal(o.err)
	}
	must(t, there.Close())
	for {
		if _, err := take(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for value := 0; value < 256; value++ {
		// Byte `value` was sent once in each full round of 256, and once more in the round begun.
		want := sent / 256
		if value < sent%256 {
			want++
		}
		if got[byte(value)] != want {
			t.Fatalf("byte %d came %d times, was sent %d times", value, got[byte(value)], want)
		}
	}
	if timeouts == 0 || reads == 0 {
		t.Fatalf("%d timeouts and %d reads: nothing was tried", timeouts, reads)
	}
	t.Logf("%d timeouts, %d reads", timeouts, reads)
}

func TestOneReaderUnderMovingDeadlines(t *testing.T) {
	each(t, func(t *testing.T, k kind) { readsUnderMovingDeadlines(t, k, 1) })
}

func TestManyReadersUnderMovingDeadlines(t *testing.T) {
	each(t, func(t *testing.T, k kind) { readsUnderMovingDeadlines(t, k, crowd) })
}

func TestWritesUnderMovingDeadlines(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		here, there := k.open(t)
		// A reader with pauses, so that the writer waits for room now and then.
		pause := rand.New(rand.NewSource(*seed))
		reader := begin(func() (int, error) {
			var order counting
			total, b := 0, make([]byte, 1<<16)
			for {
				n, err := there.Read(b)
				for _, value := range b[:n] {
					if value != order.next {
						t.Errorf("byte %d where %d should come", value, order.next)
						return total, err
					}
					order.next++
				}
				if total += n; err != nil {
					return total, err
				}
				if pause.Intn(8) == 0 {
					time.Sleep(time.Duration(pause.Int63n(5e6)))
				}
			}
		})
		var numbers counting
		sent := 0
		timeouts, writes := race(t, k, 1, here.SetWriteDeadline, func() (int, error) {
			n, err := here.Write(numbers.block(4096))
			numbers.next += byte(n)
			sent += n
			return n, err
		}, spanOf())
		must(t, here.Close())
		if o := reader.end(t); o.n != sent || o.err != io.EOF {
			t.Fatalf("%d of %d bytes came, then %v", o.n, sent, o.err)
		}
		if timeouts == 0 || writes == 0 {
			t.Fatalf("%d timeouts and %d writes: nothing was tried", timeouts, writes)
		}
		t.Logf("%d timeouts, %d writes", timeouts, writes)
	})
}

// Each connection has its own: a crowd of pairs, each with a reader, a writer and a mover of both directions.
func TestACrowdOfConnectionsEachWithItsOwnDeadlines(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		var group sync.WaitGroup
		problems := make(chan error, crowd)
		span := time.Now().Add(spanOf())
		for i := 0; i < crowd; i++ {
			here, _ := k.open(t)
			numbers := rand.New(rand.NewSource(*seed + int64(i)))
			group.Add(1)
			go func(here net.Conn) {
				defer group.Done()
				for time.Now().Before(span) {
					when := Now() + numbers.Int63n(30e6) - 2e6
					if err := here.SetReadDeadline(at(when)); err != nil {
						problems <- err
						return
					}
					if o := run(readOne(here)); !o.timeout() || o.ended < when || o.ended-max(when, o.began) > int64(late) {
						problems <- &early{o, when}
						return
					}
				}
			}(here)
		}
		group.Wait()
		select {
		case problem := <-problems:
			t.Fatal(problem)
		default:
		}
	})
}

type early struct {
	outcome
	when int64
}

func (e *early) Error() string {
	return time.Duration(e.ended-e.when).String() + " after its deadline: " + map[bool]string{true: "a timeout", false: "no timeout"}[e.timeout()]
}
