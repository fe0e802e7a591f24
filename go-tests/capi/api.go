// Package capi makes a net.Conn of an fd and the calls of netdeadline.h, so that tests written for Go's connections can be run
// over them.
//
// This file holds the calls as Go sees them; what a connection is made of is in conn.go. Needs cgo, and so cannot be a test file.
package capi

/*
#cgo CFLAGS: -std=gnu11 -O1 -g -Wall -Wextra -Werror -I${SRCDIR}/../../include
#include <stdlib.h>
#include "api.h"
*/
import "C"

import (
	"errors"
	"math"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Open finds the library: the one the program is linked with; with tag dlopen that file or, if it is "", the preloaded one.
func Open(file string) error {
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	if wrong := C.api_open(name); wrong != nil {
		return errors.New(C.GoString(wrong))
	}
	return nil
}

// Version is the library's.
func Version() string { return C.GoString(C.api_version()) }

// Interposed tells whether plain socket calls of C, too, are the library's.
func Interposed() bool { return C.api_interposed() != 0 }

// Now is the clock of all deadlines: CLOCK_MONOTONIC, ns.
func Now() int64 { return int64(C.api_now()) }

// Directions whose deadline is set.
const (
	both = iota
	reading
	writing
)

func setDeadline(fd, direction int, when int64) error {
	switch direction {
	case reading:
		return failure(int(C.api_set_read_deadline(C.int(fd), C.int64_t(when))))
	case writing:
		return failure(int(C.api_set_write_deadline(C.int(fd), C.int64_t(when))))
	}
	return failure(int(C.api_set_deadline(C.int(fd), C.int64_t(when))))
}

func deadlines(fd int) (read, write int64, err error) {
	var ours [2]C.int64_t
	err = failure(int(C.api_get_deadlines(C.int(fd), &ours[0], &ours[1])))
	return int64(ours[0]), int64(ours[1]), err
}

// Why a negative answer was one.
func failure(answer int) error {
	if answer < 0 {
		return syscall.Errno(-answer)
	}
	return nil
}

// The count that a call answered, or why there is none.
func counted(answer int) (int, error) {
	if answer < 0 {
		return 0, syscall.Errno(-answer)
	}
	return answer, nil
}

// An empty slice has no first byte, but a C caller's buffer of no bytes does have an address.
func start(b []byte) unsafe.Pointer {
	if len(b) == 0 {
		b = make([]byte, 1)
	}
	return unsafe.Pointer(&b[0])
}

func read(fd int, b []byte) (int, error) {
	return counted(int(C.api_read(C.int(fd), start(b), C.size_t(len(b)))))
}
func write(fd int, b []byte) (int, error) {
	return counted(int(C.api_write(C.int(fd), start(b), C.size_t(len(b)))))
}
func accept(fd int) (int, error) { return counted(int(C.api_accept(C.int(fd)))) }
func poll(fd int, events int16) (int, error) {
	return counted(int(C.api_poll(C.int(fd), C.short(events), -1)))
}
func closeFd(fd int) error     { return failure(int(C.api_close(C.int(fd)))) }
func nonblocking(fd int) error { return failure(int(C.api_nonblocking(C.int(fd)))) }
func dup(fd int) (int, error)  { return counted(int(C.api_dup(C.int(fd)))) }

type place struct{ c C.struct_api_place }

func connect(fd int, to *place) error { return failure(int(C.api_connect(C.int(fd), &to.c))) }

func socket(family, kind int) (int, error) {
	return counted(int(C.api_socket(C.int(family), C.int(kind))))
}

func socketpair(kind int) (int, int, error) {
	var fds [2]C.int
	err := failure(int(C.api_pair(C.int(kind), &fds[0])))
	return int(fds[0]), int(fds[1]), err
}

func listen(fd, family int, path string, backlog int) (*place, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	where := new(place)
	return where, failure(int(C.api_listen(C.int(fd), C.int(family), name, C.int(backlog), &where.c)))
}

// A thread id is where the thread that makes the call leaves its number, before it makes it.
type threadID struct{ c C.int }

func (t *threadID) load() int { return int(atomic.LoadInt32((*int32)(unsafe.Pointer(&t.c)))) }

func readNoting(fd int, b []byte, id *threadID) (int, error) {
	return counted(int(C.api_read_noting(C.int(fd), start(b), C.size_t(len(b)), &id.c)))
}

func acceptNoting(fd int, id *threadID) (int, error) {
	return counted(int(C.api_accept_noting(C.int(fd), &id.c)))
}

var pasts atomic.Uint32

// Instant is when t is on the library's clock. The zero time is none; whatever has passed is one of several pasts in turn:
// just now, the epoch, and before it.
func Instant(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	// Go's clock first: what time goes by until the second is read makes the instant later, never earlier.
	left := time.Until(t)
	now := Now()
	switch {
	case left <= 0:
		return [...]int64{now, 1, now - 1, -1, math.MinInt64, now - int64(time.Hour)}[pasts.Add(1)%6]
	case int64(left) > math.MaxInt64-now:
		return math.MaxInt64
	}
	return now + int64(left)
}
