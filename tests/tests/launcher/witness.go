// What a program of Go's sees of its start, one fact a line. Its first argument says which.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "state":
		state()
	case "exit":
		code, _ := strconv.Atoi(os.Args[2])
		os.Exit(code)
	case "kill":
		signal, _ := strconv.Atoi(os.Args[2])
		syscall.Kill(os.Getpid(), syscall.Signal(signal))
		time.Sleep(time.Minute)
	case "panic":
		panic("on purpose")
	case "read":
		read()
	case "sleep":
		fmt.Println("ready")
		time.Sleep(time.Minute)
	case "maps":
		text, err := os.ReadFile("/proc/self/maps")
		fmt.Println(string(text), err)
	case "child":
		child, err := os.StartProcess(os.Args[2], os.Args[2:], &os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		ended, err := child.Wait()
		fmt.Println(ended, err)
	}
}

func state() {
	fmt.Printf("pid %d, parent %d, group %d\n", os.Getpid(), os.Getppid(), syscall.Getpgrp())
	fmt.Printf("arguments %q\n", os.Args)
	for _, entry := range os.Environ() {
		fmt.Printf("environment %q\n", entry)
	}
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		for _, name := range []string{"TracerPid", "SigPnd", "ShdPnd", "SigIgn", "NoNewPrivs"} {
			if strings.HasPrefix(line, name+":") {
				fmt.Println(line)
			}
		}
	}
	var files []string
	for fd := 0; fd < 256; fd++ {
		if to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil {
			flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
			files = append(files, fmt.Sprintf("fd %d %s %d", fd, to, flags))
		}
	}
	sort.Strings(files)
	fmt.Println(strings.Join(files, "\n"))
	// __WALL: also those that were cloned without an exit signal.
	_, err := syscall.Wait4(-1, nil, syscall.WNOHANG|0x40000000, nil)
	fmt.Println("children:", err)
	executable, _ := os.Readlink("/proc/self/exe")
	fmt.Println("I am", executable)
}

// A read from a peer that says nothing.
func read() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	start := time.Now()
	_, err = conn.Read(make([]byte, 1))
	var failure net.Error
	timeout := errors.As(err, &failure) && failure.Timeout()
	fmt.Printf("timeout %v after %d ms: %v\n", timeout, time.Since(start).Milliseconds(), err)
}
