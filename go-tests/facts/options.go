package main

// SO_RCVTIMEO and SO_SNDTIMEO, which Linux ignores on the non-blocking sockets that every Go program has.

import (
	"context"
	"net"
	"syscall"
	"time"
)

// What the programs below ask the kernel for; ../facts.py knows it as ASKED.
var asked = syscall.Timeval{Sec: 0, Usec: 700_000}

// The option numbers of 64-bit time.
const (
	rcvtimeoNew = 66
	sndtimeoNew = 67
)

func init() {
	programs["so_rcvtimeo_through_control"] = func() {
		together(
			func() { read("read", dialAsking("silent", syscall.SO_RCVTIMEO)) },
			func() { read("read, new number", dialAsking("silent", rcvtimeoNew)) },
		)
	}
	programs["so_rcvtimeo_through_syscallconn"] = func() {
		conn := dial("silent")
		ask(conn, syscall.SO_RCVTIMEO, asked)
		read("read", conn)
	}
	programs["so_sndtimeo_through_control"] = func() {
		together(
			func() { write("write", dialAsking("stuck", syscall.SO_SNDTIMEO)) },
			func() { write("write, new number", dialAsking("stuck", sndtimeoNew)) },
		)
	}
	programs["so_sndtimeo_bounds_connect"] = func() {
		dialer := net.Dialer{Control: controlled(func(fd int) error {
			return syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &asked)
		})}
		begin := time.Now()
		_, err := dialer.Dial("tcp", hole)
		saw("dial", begin, 0, err)
	}
	programs["so_rcvtimeo_taken_back"] = func() {
		conn := dial("silent")
		ask(conn, syscall.SO_RCVTIMEO, asked)
		ask(conn, syscall.SO_RCVTIMEO, syscall.Timeval{})
		read("read", conn)
	}
	programs["so_rcvtimeo_of_a_listener"] = func() {
		listener := listen(false)
		ask(listener.(*net.TCPListener), syscall.SO_RCVTIMEO, asked)
		serverSide, _, _ := pair(listener, false)
		read("accepted", serverSide)
	}
	programs["udp_with_so_rcvtimeo"] = func() {
		conn, err := net.Dial("udp", peer("udp-silent"))
		must(err)
		ask(conn.(*net.UDPConn), syscall.SO_RCVTIMEO, asked)
		together(
			func() { read("connected", conn) },
			func() {
				conn, err := net.ListenPacket("udp", "127.0.0.1:0")
				must(err)
				ask(conn.(*net.UDPConn), syscall.SO_RCVTIMEO, asked)
				begin := time.Now()
				n, _, err := conn.ReadFrom(make([]byte, 16))
				saw("unconnected", begin, int64(n), err)
			},
		)
	}
	programs["udp_without_so_rcvtimeo"] = func() {
		conn, err := net.Dial("udp", peer("udp-silent"))
		must(err)
		read("read", conn)
	}
	programs["setdeadline_sets_no_option"] = func() {
		conn := dial("silent")
		must(conn.SetDeadline(time.Now().Add(time.Hour)))
		raw(conn, func(fd int) {
			for what, option := range map[string]int{"SO_RCVTIMEO": syscall.SO_RCVTIMEO, "SO_SNDTIMEO": syscall.SO_SNDTIMEO} {
				seconds, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, option)
				must(err)
				noted(what, "%d", seconds)
			}
		})
	}
}

func ask(conn syscall.Conn, option int, timeout syscall.Timeval) {
	raw(conn, func(fd int) { must(syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, option, &timeout)) })
}

func controlled(work func(fd int) error) func(string, string, syscall.RawConn) error {
	return func(_, _ string, conn syscall.RawConn) (err error) {
		if failure := conn.Control(func(fd uintptr) { err = work(int(fd)) }); failure != nil {
			return failure
		}
		return err
	}
}

// dialAsking sets the option before connect, as a Dialer's Control does. Without SO_SNDTIMEO in the way of the connect
// itself, which a live peer answers at once.
func dialAsking(name string, option int) net.Conn {
	dialer := net.Dialer{Control: controlled(func(fd int) error {
		return syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, option, &asked)
	})}
	conn, err := dialer.DialContext(context.Background(), "tcp", peer(name))
	must(err)
	return conn
}
