package main

// Connecting: what waits for a handshake, and what a deadline on it leaves behind.

import (
	"net"
	"syscall"
	"time"
)

func init() {
	programs["connect_pending"] = func() {
		together(
			func() { connect("dial", "tcp", hole) },
			func() { connect("dial over IPv6", "tcp", hole6) },
			func() {
				var dialer net.Dialer
				dialer.SetMultipathTCP(true)
				begin := time.Now()
				_, err := dialer.Dial("tcp", hole)
				saw("dial by MPTCP", begin, 0, err)
			},
		)
	}
	programs["connect_to_a_full_backlog"] = func() { connect("dial", "tcp", peer("full")) }
	programs["connect_to_a_name_with_two_dead_addresses"] = func() { connect("dial", "tcp", holes) }
	programs["connect_again"] = func() {
		connect("dial", "tcp", hole)
		connect("a live one", "tcp", peer("echo"))
		connect("dial again", "tcp", hole)
	}
	programs["connect_is_over_when_it_succeeds"] = connectIsOver
	programs["connect_begins_with_einprogress"] = connectBeginsWithEinprogress
}

func connect(what, network, address string) {
	begin := time.Now()
	conn, err := net.Dial(network, address)
	saw(what, begin, 0, err)
	if err == nil {
		must(conn.Close())
	}
}

// connectIsOver waits longer for data than the deadline of connect: that one ended with the handshake.
func connectIsOver() {
	conn := dial("late")
	_, err := conn.Write([]byte{'?'})
	must(err)
	read("answer", conn)
}

// connectBeginsWithEinprogress shows that it is the ordinary first answer, of a live peer as of a dead one.
func connectBeginsWithEinprogress() {
	live, err := net.ResolveTCPAddr("tcp", peer("echo"))
	must(err)
	for what, address := range map[string]syscall.SockaddrInet4{
		"live": {Port: live.Port, Addr: [4]byte{127, 0, 0, 1}},
		"dead": {Port: 80, Addr: [4]byte{10, 99, 0, 2}},
	} {
		address := address
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
		must(err)
		begin := time.Now()
		saw(what, begin, 0, syscall.Connect(fd, &address))
		if what == "dead" {
			begin = time.Now()
			n, err := syscall.Write(fd, []byte("early"))
			saw("write while SYN_SENT", begin, int64(n), err)
		}
		must(syscall.Close(fd))
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	must(err)
	begin := time.Now()
	err = syscall.Sendto(fd, []byte("early"), syscall.MSG_NOSIGNAL, nil)
	saw("write without connect", begin, 0, err)
	must(syscall.Close(fd))
}
