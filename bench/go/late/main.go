// How late a read ends, and that it never ends early.
//
//	late policy WAITS TIMEOUT_MS    reads of silent connections, under the library with read=TIMEOUT
//	late own WAITS TIMEOUT_MS       the same with Go's own SetReadDeadline
//	late timerfd WAITS TIMEOUT_MS   the control: a thread in read of a timerfd
//
// Ten waits at a time, begun one after the other over the timeout. Prints one line each: ns after the earliest instant at
// which it may end, taken before the wait began; below 0 is early. Every wait must end as a timeout. Statistics belong in
// the driver.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const together = 10

func must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

// Returns the ns after the earliest allowed end.
type wait func(timeout time.Duration) int64

func read(conn net.Conn, own bool) wait {
	return func(timeout time.Duration) int64 {
		until := time.Now().Add(timeout)
		if own {
			must("SetReadDeadline", conn.SetReadDeadline(until))
		}
		_, err := conn.Read(make([]byte, 1))
		late := int64(time.Since(until))
		var timedOut net.Error
		if !errors.As(err, &timedOut) || !timedOut.Timeout() || errors.Is(err, os.ErrDeadlineExceeded) != own {
			must("read", fmt.Errorf("not the timeout that was meant: %v", err))
		}
		return late
	}
}

func timer() wait {
	const monotonic = 1
	fd, _, errno := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, monotonic, syscall.O_CLOEXEC, 0)
	if errno != 0 {
		must("timerfd_create", errno)
	}
	return func(timeout time.Duration) int64 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		until := time.Now().Add(timeout)
		spec := [4]int64{0, 0, int64(timeout / time.Second), int64(timeout % time.Second)}
		_, _, errno := syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
		if errno != 0 {
			must("timerfd_settime", errno)
		}
		var expirations [8]byte
		n, err := syscall.Read(int(fd), expirations[:])
		late := int64(time.Since(until))
		if n != 8 {
			must("read", fmt.Errorf("%d, %v", n, err))
		}
		return late
	}
}

func main() {
	how := os.Args[1]
	waits, _ := strconv.Atoi(os.Args[2])
	ms, _ := strconv.Atoi(os.Args[3])
	timeout := time.Duration(ms) * time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must("listen", err)
	found := make([]int64, waits/together*together)
	var all sync.WaitGroup
	for i := 0; i < together; i++ {
		one := timer()
		if how != "timerfd" {
			conn, err := net.Dial("tcp", listener.Addr().String())
			must("dial", err)
			one = read(conn, how == "own")
		}
		all.Add(1)
		go func(i int) {
			defer all.Done()
			time.Sleep(timeout * time.Duration(i) / together)
			for k := 0; k < waits/together; k++ {
				found[k*together+i] = one(timeout)
			}
		}(i)
	}
	all.Wait()
	for _, late := range found {
		fmt.Println(late)
	}
}
