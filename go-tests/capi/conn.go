package capi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Form is how a connection waits.
type Form string

const (
	// Blocking: every wait is a blocking call, on a thread of its own.
	Blocking Form = "blocking"
	// Polling: O_NONBLOCK, and nd_poll between the tries.
	Polling Form = "polling"
)

const (
	pollIn  = 0x1
	pollOut = 0x4
)

// Drained bounds what a close may take to get everyone out of their calls.
const drained = 20 * time.Second

// Conn is a net.Conn over an fd and the library's calls.
//
// Nothing here serialises calls: as many as there are goroutines are in the library at once, a close among them. Close itself
// comes back when the last of them has (as Go's does for blocking descriptors), for only then may another test be given the
// number: a call that *begins* with a number that was closed is its caller's fault.
type Conn struct {
	fd            int
	form          Form
	network       string
	local, remote net.Addr

	mu     sync.Mutex
	users  int
	closed bool
	idle   chan struct{}
}

func newConn(fd int, form Form, network string) (*Conn, error) {
	if form == Polling {
		if err := nonblocking(fd); err != nil {
			return nil, err
		}
	}
	c := &Conn{fd: fd, form: form, network: network, idle: make(chan struct{})}
	local, _ := syscall.Getsockname(fd)
	remote, _ := syscall.Getpeername(fd)
	c.local, c.remote = address(local, network), address(remote, network)
	return c, nil
}

func address(from syscall.Sockaddr, network string) net.Addr {
	switch from := from.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: from.Addr[:], Port: from.Port}
	case *syscall.SockaddrUnix:
		return &net.UnixAddr{Name: from.Name, Net: network}
	}
	return &net.UnixAddr{Net: network}
}

func (c *Conn) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.users++
	return nil
}

func (c *Conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users == 0 && c.closed {
		close(c.idle)
	}
}

// The error as package net would give it. EAGAIN says Timeout() as well, and must never come out of a call that waits.
func (c *Conn) failed(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EBADF), errors.Is(err, net.ErrClosed):
		err = net.ErrClosed
	case errors.Is(err, syscall.ETIMEDOUT):
		err = os.NewSyscallError(op, syscall.ETIMEDOUT)
	default:
		err = fmt.Errorf("%s: %w (%d)", op, errors.New(err.Error()), err)
	}
	return &net.OpError{Op: op, Net: c.network, Source: c.local, Addr: c.remote, Err: err}
}

// Once for a blocking fd; until it no longer says EAGAIN for one that polls.
func (c *Conn) until(events int16, once func() (int, error)) (int, error) {
	for {
		n, err := once()
		if c.form == Blocking || !errors.Is(err, syscall.EAGAIN) {
			return n, err
		}
		if err := c.await(events); err != nil {
			return 0, err
		}
	}
}

// A poll ends with EINTR whatever SA_RESTART says, and Go's scheduler sends signals; a read that waits must not.
func (c *Conn) await(events int16) error {
	for {
		found, err := poll(c.fd, events)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err == nil && found == 0:
			return errors.New("a poll without an end found nothing")
		}
		return err
	}
}

func (c *Conn) Read(b []byte) (int, error) {
	if err := c.enter(); err != nil {
		return 0, c.failed("read", err)
	}
	defer c.leave()
	n, err := c.until(pollIn, func() (int, error) { return read(c.fd, b) })
	if err == nil && n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, c.failed("read", err)
}

func (c *Conn) Write(b []byte) (int, error) {
	if err := c.enter(); err != nil {
		return 0, c.failed("write", err)
	}
	defer c.leave()
	done := 0
	for {
		n, err := c.until(pollOut, func() (int, error) { return write(c.fd, b[done:]) })
		done += n
		if err != nil || done == len(b) {
			return done, c.failed("write", err)
		}
	}
}

func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return c.failed("close", net.ErrClosed)
	}
	c.closed = true
	waiting := c.users > 0
	c.mu.Unlock()
	if err := closeFd(c.fd); err != nil {
		return c.failed("close", err)
	}
	if waiting {
		select {
		case <-c.idle:
		case <-time.After(drained):
			c.mu.Lock()
			defer c.mu.Unlock()
			return fmt.Errorf("nd_close(%d) left %d in their calls for %v", c.fd, c.users, drained)
		}
	}
	return nil
}

func (c *Conn) set(direction int, t time.Time) error {
	if err := c.enter(); err != nil {
		return c.failed("set", err)
	}
	defer c.leave()
	return c.failed("set", setDeadline(c.fd, direction, Instant(t)))
}

func (c *Conn) LocalAddr() net.Addr                { return c.local }
func (c *Conn) RemoteAddr() net.Addr               { return c.remote }
func (c *Conn) SetDeadline(t time.Time) error      { return c.set(both, t) }
func (c *Conn) SetReadDeadline(t time.Time) error  { return c.set(reading, t) }
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.set(writing, t) }
