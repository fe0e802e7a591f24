package capi

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Listener is a net.Listener over an fd and nd_accept.
type Listener struct {
	*Conn
	place *place
	path  string
}

var families = map[string]struct{ family, kind int }{
	"tcp":        {syscall.AF_INET, syscall.SOCK_STREAM},
	"unix":       {syscall.AF_UNIX, syscall.SOCK_STREAM},
	"unixpacket": {syscall.AF_UNIX, syscall.SOCK_SEQPACKET},
}

// Listen makes a listener of the network's kind at a place of its own.
func Listen(form Form, network string, backlog int) (*Listener, error) {
	kind := families[network]
	fd, err := socket(kind.family, kind.kind)
	if err != nil {
		return nil, err
	}
	var path string
	if kind.family == syscall.AF_UNIX {
		directory, err := os.MkdirTemp("", "nd-capi-")
		if err != nil {
			return nil, err
		}
		path = filepath.Join(directory, "socket")
	}
	where, err := listen(fd, kind.family, path, backlog)
	if err != nil {
		return nil, err
	}
	conn, err := newConn(fd, form, network)
	return &Listener{conn, where, path}, err
}

// Accept is net.Listener's.
func (l *Listener) Accept() (net.Conn, error) {
	if err := l.enter(); err != nil {
		return nil, l.failed("accept", err)
	}
	defer l.leave()
	fd, err := l.until(pollIn, func() (int, error) { return accept(l.fd) })
	if err != nil {
		return nil, l.failed("accept", err)
	}
	return newConn(fd, l.form, l.network)
}

// Addr is net.Listener's.
func (l *Listener) Addr() net.Addr { return l.local }

// Close is net.Listener's.
func (l *Listener) Close() error {
	if l.path != "" {
		os.RemoveAll(filepath.Dir(l.path))
	}
	return l.Conn.Close()
}

// Unconnected is a socket on which a deadline can be set before Connect.
func Unconnected(form Form, network string) (*Conn, error) {
	kind := families[network]
	fd, err := socket(kind.family, kind.kind)
	if err != nil {
		return nil, err
	}
	return newConn(fd, form, network)
}

// Connect connects it. A nonblocking one asks nd_connect again for the outcome, as one must who cannot have SO_ERROR interposed.
func (c *Conn) Connect(to *Listener) error {
	if err := c.enter(); err != nil {
		return c.failed("connect", err)
	}
	defer c.leave()
	for {
		err := connect(c.fd, to.place)
		if c.form == Polling {
			switch {
			case errors.Is(err, syscall.EISCONN):
				return nil
			case errors.Is(err, syscall.EINPROGRESS), errors.Is(err, syscall.EALREADY):
				if err := c.await(pollOut); err != nil {
					return c.failed("connect", err)
				}
				continue
			case errors.Is(err, syscall.EAGAIN):
				// A unix queue that is full: nothing tells of room there.
				time.Sleep(time.Millisecond)
				continue
			}
		}
		return c.failed("connect", err)
	}
}

// Dial connects without a deadline.
func (l *Listener) Dial() (*Conn, error) {
	c, err := Unconnected(l.form, l.network)
	if err == nil {
		if err = c.Connect(l); err != nil {
			c.Close()
		}
	}
	return c, err
}

// Pair is a connection by socketpair: network is unix or unixpacket.
func Pair(form Form, network string) (*Conn, *Conn, error) {
	one, other, err := socketpair(families[network].kind)
	if err != nil {
		return nil, nil, err
	}
	first, err := newConn(one, form, network)
	if err != nil {
		return nil, nil, err
	}
	second, err := newConn(other, form, network)
	return first, second, err
}
