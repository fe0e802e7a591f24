package main

// Sockets that were made blocking behind package net's back: there Go's own deadlines are lost.

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

func init() {
	programs["blocking_by_fd"] = func() {
		together(
			func() {
				_, file := blockingByFd("silent")
				begin := time.Now()
				n, err := syscall.Read(int(file.Fd()), make([]byte, 1))
				saw("syscall.Read", begin, int64(n), err)
			},
			func() {
				conn, _ := blockingByFd("silent")
				read("Conn.Read", conn)
			},
			func() {
				_, file := blockingByFd("silent")
				read("File.Read", file)
			},
		)
	}
	programs["blocking_by_fd_write"] = func() {
		conn, _ := blockingByFd("stuck")
		write("Conn.Write", conn)
	}
	programs["blocking_by_fd_with_a_deadline_of_its_own"] = func() {
		conn, _ := blockingByFd("silent")
		must(conn.SetReadDeadline(time.Now().Add(soon)))
		read("own", conn)
	}
	programs["blocking_in_control"] = func() {
		dialer := net.Dialer{Control: controlled(func(fd int) error { return syscall.SetNonblock(fd, false) })}
		begin := time.Now()
		_, err := dialer.Dial("tcp", hole)
		saw("dial", begin, 0, err)
	}
	programs["blocking_in_control_with_a_timeout_of_its_own"] = func() {
		dialer := net.Dialer{
			Timeout: soon,
			Control: controlled(func(fd int) error { return syscall.SetNonblock(fd, false) }),
		}
		begin := time.Now()
		_, err := dialer.Dial("tcp", hole)
		saw("own", begin, 0, err)
	}
	programs["nonblocking_in_control"] = func() {
		dialer := net.Dialer{
			Timeout: soon,
			Control: controlled(func(fd int) error { return syscall.SetNonblock(fd, true) }),
		}
		begin := time.Now()
		_, err := dialer.Dial("tcp", hole)
		saw("own", begin, 0, err)
	}
	programs["blocking_socket_of_syscalls"] = blockingSocketOfSyscalls
}

// blockingByFd is a connection whose description Fd() has made blocking, for every number that it has.
func blockingByFd(name string) (*net.TCPConn, *os.File) {
	conn := dial(name)
	file, err := conn.File()
	must(err)
	noted("non-blocking", "%t", flags(file.Fd())&syscall.O_NONBLOCK != 0)
	return conn, keep(file)
}

// blockingSocketOfSyscalls never meets the runtime's poller: socket, connect and read as a C program makes them.
func blockingSocketOfSyscalls() {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(err)
	begin := time.Now()
	err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: 80, Addr: [4]byte{10, 99, 0, 2}})
	saw("connect", begin, 0, err)
	must(syscall.Close(fd))

	address, err := net.ResolveTCPAddr("tcp", peer("half"))
	must(err)
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(err)
	must(syscall.Connect(fd, &syscall.SockaddrInet4{Port: address.Port, Addr: [4]byte{127, 0, 0, 1}}))
	begin = time.Now()
	n, err := io.ReadFull(os.NewFile(uintptr(fd), "socket"), make([]byte, 8))
	saw("read", begin, int64(n), err)
}

func flags(fd uintptr) int {
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	if errno != 0 {
		panic(errno)
	}
	return int(flags)
}
