package main

// Connections that keep their deadlines while children close and duplicate the same numbers in their parent's memory.

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type guarded struct {
	Children, Failed, Cuts int64
	Wrong                  []string
}

// guard WORDS PEER ECHO PROGRAM ARGUMENTS: silent connections to PEER are cut again and again, a connection to ECHO never
// is, and meanwhile children come and go.
func guard(words string, arguments []string) {
	peer, echo, command := arguments[0], arguments[1], arguments[2:]
	var it guarded
	var lock sync.Mutex
	wrong := func(format string, values ...any) {
		lock.Lock()
		defer lock.Unlock()
		if len(it.Wrong) < 8 {
			it.Wrong = append(it.Wrong, fmt.Sprintf(format, values...))
		}
	}
	flags := uintptr(0)
	if words == "newpid" {
		flags = syscall.CLONE_NEWPID
	}
	silent := func() {
		connection, err := net.Dial("tcp", peer)
		must(err)
		defer connection.Close()
		begin := time.Now()
		_, err = connection.Read(make([]byte, 1))
		took := time.Since(begin)
		timeout, is := err.(net.Error)
		switch {
		case is && timeout.Timeout() && took >= deadline && took < deadline+2*time.Second:
			atomic.AddInt64(&it.Cuts, 1)
		default:
			wrong("a silent connection: %v after %v", err, took)
		}
	}
	var all sync.WaitGroup
	stop := time.Now().Add(3 * time.Second)
	for i := 0; i < 12; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for time.Now().Before(stop) {
				silent()
			}
		}()
	}
	all.Add(1)
	go func() {
		defer all.Done()
		connection, err := net.Dial("tcp", echo)
		must(err)
		for text := make([]byte, 1); time.Now().Before(stop); time.Sleep(5 * time.Millisecond) {
			if _, err = connection.Write(text); err == nil {
				_, err = connection.Read(text)
			}
			if err != nil {
				wrong("a healthy connection: %v", err)
				return
			}
		}
	}()
	for i := 0; i < 6; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for j := 0; time.Now().Before(stop); j++ {
				child(i, j, flags, command, &it, wrong)
			}
		}(i)
	}
	all.Wait()
	// What the children did has changed nothing for good.
	for i := 0; i < 12; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			silent()
		}()
	}
	all.Wait()
	line, _ := json.Marshal(it)
	fmt.Printf("%s\n", line)
}

// child starts one; of three, one that does not exist. Its files have the numbers of the parent's connections.
func child(i, j int, flags uintptr, command []string, it *guarded, wrong func(string, ...any)) {
	mark := fmt.Sprintf("%d-%d", i, j)
	one := exec.Command(command[0], append(command[1:len(command):len(command)], mark)...)
	one.Env = []string{"MARK=" + mark}
	one.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	for k := 0; k < 10; k++ {
		file, err := os.Open("/dev/null")
		must(err)
		defer file.Close()
		one.ExtraFiles = append(one.ExtraFiles, file)
	}
	if j%3 == 2 {
		one.Path = "/nonexistent"
		if err := one.Run(); err == nil || !strings.Contains(err.Error(), "no such file") {
			wrong("a program that is not there: %v", err)
		}
		atomic.AddInt64(&it.Failed, 1)
		return
	}
	out, err := one.CombinedOutput()
	if err != nil || !strings.Contains(string(out), mark) || !strings.Contains(string(out), "MARK="+mark) {
		wrong("child %s: %v: %q", mark, err, out)
	}
	atomic.AddInt64(&it.Children, 1)
}
