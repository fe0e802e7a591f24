// A Go http server, and what loads it.
//
//	http serve [ADDR]          prints its address; for each byte on stdin a line: user+system ns of this process, requests
//	http load ADDR CONNS MS    CONNS clients with one connection each ask as fast as they are answered; prints the answers
//
// The client writes and counts bytes, no more, so that the server is what is busy. Statistics belong in the driver.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const body = "Hello from a Go server under load.\n"

func must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func serve(address string) {
	var requests atomic.Int64
	listener, err := net.Listen("tcp", address)
	must("listen", err)
	go http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		io.WriteString(answer, body)
	}))
	fmt.Println(listener.Addr())
	var asked [1]byte
	for {
		if n, _ := os.Stdin.Read(asked[:]); n != 1 {
			return
		}
		var usage syscall.Rusage
		must("getrusage", syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
		fmt.Println(usage.Utime.Nano()+usage.Stime.Nano(), requests.Load())
	}
}

func ask(address string, until time.Time, answers *atomic.Int64) {
	conn, err := net.Dial("tcp", address)
	must("dial", err)
	defer conn.Close()
	reader := bufio.NewReader(conn)
	request := []byte("GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
	// The first answer tells how long the others are: everything but the date is the same, and that is as long.
	long := 0
	for time.Now().Before(until) {
		_, err := conn.Write(request)
		must("write", err)
		if long == 0 {
			for {
				line, err := reader.ReadSlice('\n')
				must("read", err)
				long += len(line)
				if len(bytes.TrimSpace(line)) == 0 {
					break
				}
			}
			long += len(body)
			_, err = reader.Discard(len(body))
		} else {
			_, err = reader.Discard(long)
		}
		must("read", err)
		answers.Add(1)
	}
}

func load(address string, clients int, how time.Duration) {
	var answers atomic.Int64
	var all sync.WaitGroup
	until := time.Now().Add(how)
	for i := 0; i < clients; i++ {
		all.Add(1)
		go func() { defer all.Done(); ask(address, until, &answers) }()
	}
	all.Wait()
	fmt.Println(answers.Load())
}

func main() {
	if os.Args[1] == "serve" {
		address := "127.0.0.1:0"
		if len(os.Args) > 2 {
			address = os.Args[2]
		}
		serve(address)
		return
	}
	clients, _ := strconv.Atoi(os.Args[3])
	ms, _ := strconv.Atoi(os.Args[4])
	load(os.Args[2], clients, time.Duration(ms)*time.Millisecond)
}
