package capi

// A listener's deadline bounds accept, and is not its clients'; a connect is bounded by the write deadline.

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

func accepting(l listener) func() (int, error) {
	return func() (int, error) {
		c, err := l.Accept()
		if err != nil {
			return 0, err
		}
		return 1, c.Close()
	}
}

func TestAPastDeadlineLeavesAWaitingClientInTheQueue(t *testing.T) {
	eachListener(t, func(t *testing.T, l listener) {
		client, err := l.reach()
		must(t, err)
		defer client.Close()
		must(t, l.SetDeadline(longAgo))
		for again := 0; again < 3; again++ {
			begin(accepting(l)).end(t).mustTimeOut(t, "an accept with a client in the queue")
		}
		must(t, l.SetDeadline(never))
		if o := begin(accepting(l)).end(t); o.n != 1 || o.err != nil {
			t.Fatalf("after its revival: %v", o.err)
		}
	})
}

func TestAPendingAcceptObeysADeadlineThatMoves(t *testing.T) {
	eachListener(t, func(t *testing.T, l listener) {
		for round := 0; round < times(3, 30); round++ {
			must(t, l.SetDeadline([]time.Time{never, time.Now().Add(time.Hour)}[round%2]))
			acceptors := beginMany(crowd/2, accepting(l))
			settle()
			acceptors[0].mustWait(t, "an accept without a deadline")
			when := Now() + 10e6*int64(round%3)
			must(t, l.SetDeadline(at(when)))
			for _, acceptor := range acceptors {
				acceptor.end(t).mustTimeOutAt(t, when, "an accept")
			}
		}
		must(t, l.SetDeadline(at(Now()+20e6)))
		acceptor := begin(accepting(l))
		must(t, l.SetDeadline(never))
		time.Sleep(30 * time.Millisecond)
		select {
		case o := <-acceptor:
			// The deadline may have passed before it was taken away.
			o.mustTimeOut(t, "an accept")
			acceptor = begin(accepting(l))
		default:
		}
		client, err := l.reach()
		must(t, err)
		defer client.Close()
		if o := acceptor.end(t); o.n != 1 || o.err != nil {
			t.Fatalf("an accept whose deadline was taken away: %v", o.err)
		}
	})
}

func TestAnAcceptedConnectionHasNoDeadline(t *testing.T) {
	eachListener(t, func(t *testing.T, l listener) {
		must(t, l.SetDeadline(time.Now().Add(late)))
		client, err := l.reach()
		must(t, err)
		defer client.Close()
		conn, err := l.Accept()
		must(t, err)
		defer conn.Close()
		must(t, l.SetDeadline(longAgo))
		reader := begin(readOne(conn))
		time.Sleep(20 * time.Millisecond)
		reader.mustWait(t, "a read of an accepted connection")
		mustWrite(t, client, "x")
		if o := reader.end(t); o.n != 1 {
			t.Fatal(o.err)
		}
		mustWrite(t, conn, "y")
		if ours, ok := conn.(*Conn); ok {
			if in, out, err := deadlines(ours.fd); in != 0 || out != 0 || err != nil {
				t.Fatalf("it has %d and %d, %v", in, out, err)
			}
		}
	})
}

func TestClosingAListenerWakesAllWhoAccept(t *testing.T) {
	eachListener(t, func(t *testing.T, l listener) {
		acceptors := beginMany(crowd, accepting(l))
		settle()
		must(t, begin(func() (int, error) { return 0, l.Close() }).end(t).err)
		for _, acceptor := range acceptors {
			acceptor.end(t).mustBeClosed(t, "an accept")
		}
	})
}

func TestEveryClientIsAcceptedOnceWhileTheDeadlineMoves(t *testing.T) {
	eachThat(t, hasListener, func(t *testing.T, k kind) {
		l, err := k.listen()
		must(t, err)
		defer l.Close()
		clients := times(60, 600)
		dialer := begin(func() (int, error) {
			for i := 0; i < clients; i++ {
				client, err := l.reach()
				if err != nil {
					return i, err
				}
				n, err := client.Write([]byte{byte(i)})
				client.Close()
				if n != 1 || err != nil {
					return i, err
				}
				time.Sleep(time.Millisecond)
			}
			return clients, nil
		})
		var mu sync.Mutex
		accepted := 0
		_, _ = race(t, k, 16, l.SetDeadline, func() (int, error) {
			c, err := l.Accept()
			if err != nil {
				return 0, err
			}
			defer c.Close()
			if o := run(readOne(c)); o.n != 1 {
				return 0, errors.Join(errors.New("what was accepted"), o.err)
			}
			mu.Lock()
			defer mu.Unlock()
			accepted++
			return 1, nil
		}, time.Duration(clients)*2*time.Millisecond)
		if o := dialer.end(t); o.err != nil {
			t.Fatalf("client %d: %v", o.n, o.err)
		}
		must(t, l.SetDeadline(at(Now()+int64(late))))
		for accepted < clients {
			if o := run(accepting(l)); o.err != nil {
				t.Fatalf("%d of %d were accepted, then %v", accepted, clients, o.err)
			}
			accepted++
		}
	})
}

// A queue that is full, where a connect waits without an end: a unix one by itself, TCP because the answer is dropped.
func fullQueue(t *testing.T, form Form, network string) *Listener {
	t.Helper()
	l, err := Listen(form, network, 0)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	for {
		c, err := Unconnected(form, network)
		must(t, err)
		t.Cleanup(func() { c.Close() })
		must(t, c.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
		if o := begin(func() (int, error) { return 0, c.Connect(l) }).end(t); o.timeout() {
			return l
		} else if o.err != nil {
			t.Fatal(o.err)
		}
	}
}

func eachConnect(t *testing.T, test func(t *testing.T, l *Listener, fresh func() *Conn)) {
	for _, form := range []Form{Blocking, Polling} {
		for _, network := range []string{"tcp", "unix", "unixpacket"} {
			t.Run(string(form)+"/"+network, func(t *testing.T) {
				test(t, fullQueue(t, form, network), func() *Conn {
					c, err := Unconnected(form, network)
					must(t, err)
					t.Cleanup(func() { c.Close() })
					return c
				})
			})
		}
	}
}

func TestAPendingConnectObeysADeadlineThatMoves(t *testing.T) {
	eachConnect(t, func(t *testing.T, l *Listener, fresh func() *Conn) {
		for round := 0; round < times(4, 20); round++ {
			c := fresh()
			must(t, c.SetWriteDeadline([]time.Time{never, time.Now().Add(time.Hour), farAway()}[round%3]))
			// A read deadline is not a connect's.
			must(t, c.SetReadDeadline(longAgo))
			connecting := begin(func() (int, error) { return 0, c.Connect(l) })
			time.Sleep(10 * time.Millisecond)
			connecting.mustWait(t, "a connect to a full queue")
			when := Now() + 15e6*int64(round%2)
			must(t, c.SetWriteDeadline(at(when)))
			connecting.end(t).mustTimeOutAt(t, when, "a connect")
		}
	})
}

func TestAPastDeadlineFailsAConnectThatCouldSucceed(t *testing.T) {
	for _, form := range []Form{Blocking, Polling} {
		for _, network := range []string{"tcp", "unix", "unixpacket"} {
			t.Run(string(form)+"/"+network, func(t *testing.T) {
				l, err := Listen(form, network, 8)
				must(t, err)
				defer l.Close()
				c, err := Unconnected(form, network)
				must(t, err)
				defer c.Close()
				must(t, c.SetWriteDeadline(longAgo))
				begin(func() (int, error) { return 0, c.Connect(l) }).end(t).mustTimeOut(t, "a connect")
				must(t, l.SetDeadline(time.Now().Add(30*time.Millisecond)))
				begin(accepting(ours{l})).end(t).mustTimeOut(t, "an accept of what never was connected")
			})
		}
	}
}

func TestClosingWakesAPendingConnect(t *testing.T) {
	eachConnect(t, func(t *testing.T, l *Listener, fresh func() *Conn) {
		for round := 0; round < times(2, 10); round++ {
			c := fresh()
			must(t, c.SetDeadline([]time.Time{never, time.Now().Add(time.Hour)}[round%2]))
			connecting := begin(func() (int, error) { return 0, c.Connect(l) })
			time.Sleep(10 * time.Millisecond)
			must(t, begin(func() (int, error) { return 0, c.Close() }).end(t).err)
			if o := connecting.end(t); !errors.Is(o.err, net.ErrClosed) || o.timeout() {
				t.Fatalf("a connect whose socket was closed: %v", o.err)
			}
		}
	})
}
