package capi

// What the tests run over: each form of our connections on each kind of socket, and, as the control that shows what a test
// asks to be Go's own behaviour, package net's. What is asked of them is in the other files.

import (
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Late is when something that must end at once, or at its deadline, counts as missed. Nothing is ever allowed to be early.
const late = 10 * time.Second

var (
	library = flag.String("library", "", "the library to dlopen (where the program is neither linked with it nor preloaded)")
	way     = flag.String("way", "", "the way in that this must be: linked, preloaded, dlopened")
	seed    = flag.Int64("seed", 0, "where the random numbers start; 0: anywhere")
	long    = flag.Bool("long", false, "longer strains")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := Open(*library); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if *seed == 0 {
		*seed = time.Now().UnixNano()
	}
	found := "dlopened"
	if Linked {
		found = "linked"
	} else if Interposed() {
		found = "preloaded"
	}
	if *way != "" && *way != found {
		fmt.Fprintf(os.Stderr, "the library is %s, and should be %s\n", found, *way)
		os.Exit(1)
	}
	fmt.Printf("library %s, %s, seed %d\n", Version(), found, *seed)
	os.Exit(m.Run())
}

// Random numbers of one test, the same for the same seed.
func random(t *testing.T) *rand.Rand {
	number := *seed
	for _, letter := range t.Name() {
		number = number*31 + int64(letter)
	}
	return rand.New(rand.NewSource(number))
}

// Times is how often a strain is repeated.
func times(quick, all int) int {
	if *long {
		return all
	}
	return quick
}

type kind struct {
	form, network string
	pair          func() (net.Conn, net.Conn, error)
	listen        func() (listener, error)
}

// A listener whose deadline can be set, and a way to reach it.
type listener interface {
	net.Listener
	SetDeadline(time.Time) error
	reach() (net.Conn, error)
}

type ours struct{ *Listener }

func (l ours) reach() (net.Conn, error) {
	c, err := l.Dial()
	if err != nil {
		return nil, err
	}
	return c, nil
}

type gos struct {
	net.Listener
	set func(time.Time) error
}

func (l gos) SetDeadline(t time.Time) error { return l.set(t) }
func (l gos) reach() (net.Conn, error)      { return net.Dial(l.Addr().Network(), l.Addr().String()) }

// Both ends of a connection through a listener.
func through(listen func() (listener, error)) func() (net.Conn, net.Conn, error) {
	return func() (net.Conn, net.Conn, error) {
		l, err := listen()
		if err != nil {
			return nil, nil, err
		}
		defer l.Close()
		type end struct {
			conn net.Conn
			err  error
		}
		reached := make(chan end, 1)
		go func() {
			conn, err := l.reach()
			reached <- end{conn, err}
		}()
		accepted, err := l.Accept()
		other := <-reached
		return accepted, other.conn, errors.Join(err, other.err)
	}
}

func oursOn(form Form, network string) kind {
	listen := func() (listener, error) {
		l, err := Listen(form, network, 128)
		return ours{l}, err
	}
	return kind{string(form), network, through(listen), listen}
}

func oursPaired(form Form, network string) kind {
	return kind{string(form), "pair of " + network, func() (net.Conn, net.Conn, error) {
		one, other, err := Pair(form, network)
		return one, other, err
	}, nil}
}

var abstract atomic.Int64

func gosOn(network string) kind {
	listen := func() (listener, error) {
		where := "127.0.0.1:0"
		if network != "tcp" {
			where = fmt.Sprintf("@nd-capi-%d-%d", os.Getpid(), abstract.Add(1))
		}
		l, err := net.Listen(network, where)
		if err != nil {
			return nil, err
		}
		return gos{l, l.(interface{ SetDeadline(time.Time) error }).SetDeadline}, nil
	}
	return kind{"go", network, through(listen), listen}
}

func kinds() []kind {
	all := []kind{gosOn("tcp"), gosOn("unix"), gosOn("unixpacket")}
	for _, form := range []Form{Blocking, Polling} {
		all = append(all, oursOn(form, "tcp"), oursOn(form, "unix"), oursOn(form, "unixpacket"),
			oursPaired(form, "unix"), oursPaired(form, "unixpacket"))
	}
	return all
}

// Each runs a test on every kind.
func each(t *testing.T, test func(*testing.T, kind)) {
	eachThat(t, func(kind) bool { return true }, test)
}

func eachThat(t *testing.T, fits func(kind) bool, test func(*testing.T, kind)) {
	for _, k := range kinds() {
		if !fits(k) {
			continue
		}
		k := k
		t.Run(k.form+"/"+strings.ReplaceAll(k.network, " ", "-"), func(t *testing.T) { test(t, k) })
	}
}

// A pair has no listener.
func hasListener(k kind) bool { return k.listen != nil }

// A packet is written whole or not at all.
func isStream(k kind) bool { return !strings.HasSuffix(k.network, "unixpacket") }

// EachListener runs a test on every kind that has listeners.
func eachListener(t *testing.T, test func(*testing.T, listener)) {
	eachThat(t, hasListener, func(t *testing.T, k kind) {
		l, err := k.listen()
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		test(t, l)
	})
}

// A pair that ends with the test.
func (k kind) open(t *testing.T) (net.Conn, net.Conn) {
	t.Helper()
	one, other, err := k.pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, conn := range []net.Conn{one, other} {
			if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
	})
	return one, other
}
