// Package talk lets `run` drive a client: one command a line on stdin, one line of JSON about it on stdout. What a client
// calls is the client's business; nothing here sets a deadline.
//
//	call        one call
//	load 2s     calls from eight goroutines for so long
package talk

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Ended is how one call ended, and what a program can find out about its error.
type Ended struct {
	Seconds  float64
	Error    string
	Timeout  bool // errors.As(err, interface{ Timeout() bool }) and it says true
	TimedOut bool // errors.Is(err, syscall.ETIMEDOUT)
	Exceeded bool // errors.Is(err, os.ErrDeadlineExceeded)
	NetError bool // errors.As(err, *net.OpError)
	Note     string
}

// Load is what many calls came to.
type Load struct {
	Calls, Failed int
	First         string
	Longest       float64
}

// Client obeys stdin until it ends. `note` may add what the library's own helpers say of an error.
func Client(call func() error, note func(error) string) {
	out := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		command, argument, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "call":
			started := time.Now()
			out.Encode(ended(started, call(), note))
		case "load":
			duration, err := time.ParseDuration(argument)
			if err != nil {
				panic(err)
			}
			out.Encode(load(duration, call))
		default:
			panic("no such command: " + command)
		}
	}
}

func ended(started time.Time, err error, note func(error) string) Ended {
	end := Ended{Seconds: time.Since(started).Seconds()}
	if err == nil {
		return end
	}
	var timeout interface{ Timeout() bool }
	var operation *net.OpError
	end.Error = err.Error()
	end.Timeout = errors.As(err, &timeout) && timeout.Timeout()
	end.TimedOut = errors.Is(err, syscall.ETIMEDOUT)
	end.Exceeded = errors.Is(err, os.ErrDeadlineExceeded)
	end.NetError = errors.As(err, &operation)
	if note != nil {
		end.Note = note(err)
	}
	return end
}

func load(duration time.Duration, call func() error) Load {
	var sum Load
	var mutex sync.Mutex
	var all sync.WaitGroup
	until := time.Now().Add(duration)
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for time.Now().Before(until) {
				started := time.Now()
				err := call()
				took := time.Since(started)
				mutex.Lock()
				sum.Calls++
				if err != nil {
					sum.Failed++
					if sum.First == "" {
						sum.First = fmt.Sprintf("%v (after %v)", err, took)
					}
				}
				sum.Longest = max(sum.Longest, took.Seconds())
				mutex.Unlock()
			}
		}()
	}
	all.Wait()
	return sum
}
