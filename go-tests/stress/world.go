package main

// What all loops of one run share: the servers, the end of the run, and the count of what happened and of what was wrong.
// What counts as wrong is judged where it happens.

import (
	"fmt"
	"net"
	"sync"
)

type world struct {
	echo, slow, mute, full, free string
	around                       func(*world, func())
	stop                         chan struct{}

	mutex  sync.Mutex
	counts map[string]int64
	wrong  []string
	errors int
}

func newWorld(around func(*world, func())) *world {
	if around == nil {
		around = func(_ *world, call func()) { call() }
	}
	w := &world{around: around, stop: make(chan struct{}), counts: map[string]int64{}}
	w.echo = serve("127.0.1.1:0", echo)
	w.slow = serve("127.0.3.1:0", slowAnswer)
	w.mute = serve("127.0.2.1:0", sayNothing)
	w.free = serve("127.0.4.1:0", echo)
	w.full = fullBacklog([4]byte{127, 0, 2, 2})
	return w
}

func (w *world) over() bool {
	select {
	case <-w.stop:
		return true
	default:
		return false
	}
}

func (w *world) count(what string) {
	w.mutex.Lock()
	w.counts[what]++
	w.mutex.Unlock()
}

// most keeps the greatest value seen.
func (w *world) most(what string, value int64) {
	w.mutex.Lock()
	if value > w.counts[what] {
		w.counts[what] = value
	}
	w.mutex.Unlock()
}

func (w *world) fail(format string, arguments ...any) {
	w.mutex.Lock()
	w.errors++
	if len(w.wrong) < 10 {
		w.wrong = append(w.wrong, fmt.Sprintf(format, arguments...))
	}
	w.mutex.Unlock()
}

func (w *world) failed() bool { return w.errors > 0 }

func (w *world) report() any {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return struct {
		Strain string
		Native bool
		Counts map[string]int64
		Errors int
		Wrong  []string
	}{*strainName, *native, w.counts, w.errors, w.wrong}
}

// serve answers every connection in its own goroutine, and returns the address.
func serve(address string, answer func(*net.TCPConn)) string {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				panic(err)
			}
			go answer(conn.(*net.TCPConn))
		}
	}()
	return listener.Addr().String()
}
