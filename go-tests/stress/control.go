package main

// What a deadline's lateness is compared with: Go's own SetReadDeadline and a timer of the kernel's in Go's poller, both in
// the same process at the same moments. Where load makes these late, ours may be as late, but not later by an order.

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// How late a silent connection may end where the controls are on time: this much and some times their own lateness. Go comes
// to its own timers before it asks its poller, which is how a deadline of ours reaches it; and a maximum of few is small.
const (
	punctual = 2 * time.Second
	times    = 6
)

// goDeadline waits for an echo of nothing, where no rule holds.
func goDeadline(w *world) {
	any, err := net.Dial("tcp", w.free)
	if err != nil {
		w.fail("connect without a rule: %v", err)
		return
	}
	conn := any.(*net.TCPConn)
	defer abort(conn)
	started := time.Now()
	conn.SetReadDeadline(started.Add(*silent))
	if _, err = conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		w.fail("SetReadDeadline without a rule ended with: %v", err)
		return
	}
	w.most("ms late: control", (time.Since(started) - *silent).Milliseconds())
}

// kernelTimer reads from a timerfd(2).
func kernelTimer(w *world) {
	const nonblockCloexec = syscall.O_NONBLOCK | syscall.O_CLOEXEC
	fd, _, errno := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, 1, nonblockCloexec, 0)
	if errno != 0 {
		w.fail("timerfd_create: %v", errno)
		return
	}
	file := os.NewFile(fd, "timerfd")
	defer file.Close()
	// struct itimerspec: the interval, then the first time.
	spec := [2]syscall.Timespec{{}, syscall.NsecToTimespec(int64(*silent))}
	started := time.Now()
	_, _, errno = syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if _, err := file.Read(make([]byte, 8)); errno != 0 || err != nil {
		w.fail("a timerfd: %v, %v", errno, err)
		return
	}
	w.most("ms late: control", (time.Since(started) - *silent).Milliseconds())
}

// compare judges the lateness of the whole run.
func compare(w *world) {
	late := func(what string) time.Duration {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		return time.Duration(w.counts["ms late: "+what]) * time.Millisecond
	}
	may := punctual + times*late("control")
	for _, what := range []string{"read", "write", "connect", "read after own"} {
		if late(what) > may {
			w.fail("late: a silent %s ended %v after its deadline, up to %v follows from Go's own", what, late(what), may)
		}
	}
}
