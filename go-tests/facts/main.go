// Facts is the program under test: ordinary Go that uses package net, net/http, os/exec and the raw system calls, one
// subcommand per fact. It knows nothing of netdeadline, and it judges nothing: it prints what it met, one JSON object a
// line, and ../facts.py says what that must be natively and under the library.
//
// One binary, because each version of Go builds it in each mode.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// The network of the tests (tests/programs/namespace.py): what is sent to these addresses is thrown away.
const (
	hole  = "10.99.0.2:80"
	hole6 = "[fd99::2]:80"
	holes = "two.test:80" // a name with two of them
)

// What a program may do with a deadline of its own: shorter and longer than the tests' own 700 ms.
const (
	soon  = 300 * time.Millisecond
	later = 1500 * time.Millisecond
)

var programs = map[string]func(){}

// Observation is one line of output.
type Observation struct {
	What    string  `json:"what"`
	Ms      float64 `json:"ms"`
	N       int64   `json:"n"`
	Error   string  `json:"error"`
	Timeout bool    `json:"timeout"` // what the outermost error with such a method answers
	Own     bool    `json:"own"`     // os.ErrDeadlineExceeded or a context's: the program's own
	EOF     bool    `json:"eof"`
	Errno   int     `json:"errno"`
	Note    string  `json:"note,omitempty"`
}

var printing sync.Mutex

func (o Observation) print() {
	line, err := json.Marshal(o)
	must(err)
	printing.Lock()
	defer printing.Unlock()
	_, err = os.Stdout.Write(append(line, '\n'))
	must(err)
}

// saw reports how an operation that began at `begin` ended. Taking `begin` before the call makes "not early" strict.
func saw(what string, begin time.Time, n int64, err error) {
	o := Observation{What: what, Ms: float64(time.Since(begin)) / 1e6, N: n}
	o.describe(err)
	o.print()
}

// describe says what a program can find out about an error.
func (o *Observation) describe(err error) {
	if err == nil {
		return
	}
	var timeout interface{ Timeout() bool }
	o.Error = err.Error()
	o.Timeout = errors.As(err, &timeout) && timeout.Timeout()
	o.Own = errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
	o.EOF = errors.Is(err, io.EOF)
	o.Errno = errno(err)
}

func errno(err error) int {
	var number syscall.Errno
	if errors.As(err, &number) {
		return int(number)
	}
	return 0
}

// noted reports something other than an operation's end.
func noted(what, format string, values ...any) {
	Observation{What: what, Note: fmt.Sprintf(format, values...)}.print()
}

// together runs parts that wait independently of each other, so that the whole takes as long as the slowest.
func together(parts ...func()) {
	var group sync.WaitGroup
	group.Add(len(parts))
	for _, part := range parts {
		part := part
		go func() {
			defer group.Done()
			part()
		}()
	}
	group.Wait()
}

// peer is the address of a server of ../peer.
func peer(name string) string {
	var all map[string]string
	must(json.Unmarshal([]byte(os.Getenv("GO_TESTS_PEERS")), &all))
	address, ok := all[name]
	if !ok {
		panic("no peer " + name)
	}
	return address
}

func dial(name string) *net.TCPConn {
	conn, err := net.Dial("tcp", peer(name))
	must(err)
	return keep(conn.(*net.TCPConn))
}

var (
	kept    []any
	keeping sync.Mutex
)

// keep holds on to a connection that nobody refers to any more while the other end is still waited on: the garbage
// collector would close it.
func keep[T any](it T) T {
	keeping.Lock()
	defer keeping.Unlock()
	kept = append(kept, it)
	return it
}

// read waits for anything at all and reports how that ended.
func read(what string, conn io.Reader) { readSince(time.Now(), what, conn) }

// readSince counts from an instant of the caller's: from before it set a deadline.
func readSince(begin time.Time, what string, conn io.Reader) {
	n, err := conn.Read(make([]byte, 1<<16))
	saw(what, begin, int64(n), err)
}

// raw hands a socket's number to work, which stays valid for as long as work runs.
func raw(conn syscall.Conn, work func(fd int)) {
	control, err := conn.SyscallConn()
	must(err)
	must(control.Control(func(fd uintptr) { work(int(fd)) }))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	program, ok := programs[os.Args[1]]
	if !ok {
		fmt.Fprintf(os.Stderr, "facts: no program %q\n", os.Args[1])
		os.Exit(2)
	}
	// The runner's watch over what hangs starts here, however long the machine took to start us.
	noted("begin", "%d", os.Getpid())
	program()
}
