// Times one kind of system call as Go makes it, in batches on demand.
//
//	calls NAME    prints "ready"; then for each byte on stdin runs a batch and answers two uint64: ns, calls.
//	              The byte 'c' is a batch of 20 between two marks, for ../../go_steps.c to count its instructions
//
// The kinds up to `eagain` are raw: nothing of Go's scheduler is in the figure, and they stay on one thread. What a variant
// is, and any statistics, belong in the driver, as for ../../calls.c.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
	"unsafe"
)

// The first argument of the getpgid calls that frame a counted batch. There is no such process.
const mark = 0x6e64000

type kind struct {
	calls int
	// What a batch needs, outside its time.
	before func(calls int)
	call   func()
	after  func(calls int)
}

func expect(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

// A failed call must never pass for a fast one.
func fail(what string, n uintptr, errno syscall.Errno) {
	fmt.Fprintf(os.Stderr, "%s returned %d, %v\n", what, n, errno)
	os.Exit(1)
}

func open(path string, flags int) uintptr {
	fd, err := syscall.Open(path, flags|syscall.O_CLOEXEC, 0)
	expect(path, err)
	return uintptr(fd)
}

// Whose numbers are used: a connection that nobody holds is closed by the garbage collector.
var held []net.Conn

// Two ends of a connection over loopback, the first dialled.
func connection() (*net.TCPConn, *net.TCPConn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	expect("listen", err)
	dialled, err := net.Dial("tcp", listener.Addr().String())
	expect("dial", err)
	accepted, err := listener.Accept()
	expect("accept", err)
	listener.Close()
	held = append(held, dialled, accepted)
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

func number(conn *net.TCPConn) (fd uintptr) {
	raw, err := conn.SyscallConn()
	expect("SyscallConn", err)
	expect("Control", raw.Control(func(it uintptr) { fd = it }))
	return fd
}

var one [1]byte

// A raw read or write of one byte.
func raw(what string, number, fd uintptr) func() {
	at := uintptr(unsafe.Pointer(&one))
	return func() {
		if n, _, errno := syscall.RawSyscall(number, fd, at, 1); n != 1 || errno != 0 {
			fail(what, n, errno)
		}
	}
}

func kindOf(name string) (k kind) {
	k = kind{calls: 5000, before: func(int) {}, after: func(int) {}}
	switch name {
	case "getppid":
		k.call = func() { syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0) }
	case "read-zero":
		k.call = raw("read", syscall.SYS_READ, open("/dev/zero", syscall.O_RDONLY))
	case "write-null":
		k.call = raw("write", syscall.SYS_WRITE, open("/dev/null", syscall.O_WRONLY))
	case "read-tcp", "write-tcp", "conn-read", "conn-write":
		dialled, accepted := connection()
		fill := func(calls int) { _, err := accepted.Write(make([]byte, calls)); expect("write", err) }
		drain := func(calls int) { _, err := io.ReadFull(accepted, make([]byte, calls)); expect("read", err) }
		k.calls = 2000
		switch name {
		case "read-tcp":
			k.before, k.call = fill, raw("read", syscall.SYS_READ, number(dialled))
		case "write-tcp":
			k.after, k.call = drain, raw("write", syscall.SYS_WRITE, number(dialled))
			k.calls = 500
		case "conn-read":
			k.before, k.call = fill, func() { _, err := dialled.Read(one[:]); expect("Read", err) }
		case "conn-write":
			k.after, k.call = drain, func() { _, err := dialled.Write(one[:]); expect("Write", err) }
			k.calls = 500
		}
	case "eagain":
		dialled, _ := connection()
		fd, at := number(dialled), uintptr(unsafe.Pointer(&one))
		k.call = func() {
			if n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, at, 1); errno != syscall.EAGAIN {
				fail("read", n, errno)
			}
		}
	case "pingpong":
		dialled, accepted := connection()
		go io.Copy(struct{ io.Writer }{accepted}, struct{ io.Reader }{accepted})
		k.calls = 200
		k.call = func() {
			_, err := dialled.Write(one[:])
			expect("Write", err)
			_, err = dialled.Read(one[:])
			expect("Read", err)
		}
	case "connection":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		expect("listen", err)
		at := listener.Addr().(*net.TCPAddr)
		k.calls = 30
		k.call = func() {
			dialled, err := net.DialTCP("tcp", nil, at)
			expect("dial", err)
			accepted, err := listener.Accept()
			expect("accept", err)
			// A reset: thousands of connections in TIME_WAIT would slow the ones that follow.
			dialled.SetLinger(0)
			dialled.Close()
			accepted.Close()
		}
	default:
		fmt.Fprintln(os.Stderr, "no such kind")
		os.Exit(2)
	}
	return k
}

// The main thread, whose number the driver knows.
func init() { runtime.LockOSThread() }

func main() {
	debug.SetGCPercent(-1)
	k := kindOf(os.Args[1])
	os.Stdout.WriteString("ready\n")
	var asked [1]byte
	var answer [16]byte
	for {
		if n, _ := os.Stdin.Read(asked[:]); n != 1 {
			return
		}
		calls := k.calls
		counted := asked[0] == 'c'
		if counted {
			calls = 20
		}
		k.before(calls)
		if counted {
			syscall.RawSyscall(syscall.SYS_GETPGID, mark, 0, 0)
		}
		start := time.Now()
		for i := 0; i < calls; i++ {
			k.call()
		}
		took := time.Since(start)
		if counted {
			syscall.RawSyscall(syscall.SYS_GETPGID, mark+1, 0, 0)
		}
		k.after(calls)
		runtime.GC()
		binary.LittleEndian.PutUint64(answer[:8], uint64(took))
		binary.LittleEndian.PutUint64(answer[8:], uint64(calls))
		os.Stdout.Write(answer[:])
	}
}
