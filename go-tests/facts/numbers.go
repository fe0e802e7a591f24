package main

// Sockets that are known by several numbers, or came from another process, or have the number that another had before.

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func init() {
	programs["number_is_a_duplicate"] = func() { read("read", duplicate(dial("silent"))) }
	programs["number_is_used_again"] = func() {
		// The first wait is closed in its middle. The second begins later, under the same number.
		conn := dial("silent")
		begin := time.Now()
		// The kernel frees the number when both the read and Close are done with it, whichever is last.
		closed := make(chan error, 1)
		time.AfterFunc(soon, func() { closed <- conn.Close() })
		number := -1
		raw(conn, func(fd int) { number = fd })
		readSince(begin, "closed", conn)
		must(<-closed)
		conn = dial("silent")
		raw(conn, func(fd int) { noted("the same number", "%t", fd == number) })
		read("read", conn)
	}
	programs["number_of_syscalls"] = func() {
		// The runtime's poller takes what is non-blocking, also from os.NewFile.
		conn := dial("silent")
		number := -1
		raw(conn, func(fd int) {
			var err error
			number, err = syscall.Dup(fd)
			must(err)
		})
		read("read", os.NewFile(uintptr(number), "socket"))
	}
	programs["number_received_in_a_message"] = numberReceivedInAMessage
	programs["number_inherited_by_a_child"] = func() {
		file, err := dial("silent").File()
		must(err)
		myself, err := os.Executable()
		must(err)
		command := exec.Command(myself, "reads_what_it_inherited")
		command.ExtraFiles = []*os.File{file}
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
		begin := time.Now()
		saw("child's end", begin, 0, command.Run())
	}
	programs["reads_what_it_inherited"] = func() {
		conn, err := net.FileConn(os.NewFile(3, "inherited"))
		must(err)
		read("read", conn)
	}
}

// duplicate is another number of the same socket, in package net's hands like the first.
func duplicate(conn *net.TCPConn) net.Conn {
	file, err := conn.File()
	must(err)
	defer file.Close()
	other, err := net.FileConn(file)
	must(err)
	return keep(other)
}

func numberReceivedInAMessage() {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	must(err)
	file, err := dial("silent").File()
	must(err)
	must(syscall.Sendmsg(ends[0], []byte{'!'}, syscall.UnixRights(int(file.Fd())), nil, 0))
	must(file.Close())

	control := make([]byte, syscall.CmsgSpace(4))
	_, length, _, _, err := syscall.Recvmsg(ends[1], make([]byte, 1), control, 0)
	must(err)
	messages, err := syscall.ParseSocketControlMessage(control[:length])
	must(err)
	numbers, err := syscall.ParseUnixRights(&messages[0])
	must(err)
	conn, err := net.FileConn(os.NewFile(uintptr(numbers[0]), "received"))
	must(err)
	read("read", conn)
}
