package main

// Reading from peers that say nothing, something, or not enough.

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

func init() {
	programs["read_from_a_half_closed_or_silent_peer"] = func() {
		together(
			func() { read("silent", dial("silent")) },
			func() {
				conn := dial("silent")
				must(conn.CloseWrite())
				read("after our CloseWrite", conn)
			},
			func() {
				// The peer's FIN is an end of file at once. There is nothing to wait for, and so nothing to cut.
				conn := dial("fin")
				read("after the peer's FIN", conn)
				n, err := conn.Write([]byte("still open this way"))
				saw("write after the peer's FIN", time.Now(), int64(n), err)
			},
		)
	}
	programs["read_after_a_reset"] = func() {
		conn := dial("reset")
		_, err := conn.Write([]byte{'?'})
		must(err)
		read("reset", conn)
	}
	programs["read_of_half_an_answer"] = func() {
		begin := time.Now()
		n, err := io.ReadFull(dial("half"), make([]byte, 8))
		saw("half", begin, int64(n), err)
	}
	programs["read_by_other_calls"] = readByOtherCalls
	programs["read_again_after_expiry"] = func() {
		conn := dial("silent")
		read("first", conn)
		read("second", conn)
	}
	programs["read_later_what_came_late"] = func() {
		conn := dial("much later")
		_, err := conn.Write([]byte{'?'})
		must(err)
		read("too early", conn)
		read("in time", conn)
	}
	programs["read_from_a_slow_server"] = func() {
		conn := dial("late")
		_, err := conn.Write([]byte{'?'})
		must(err)
		read("answer", conn)
	}
	programs["read_a_drip"] = func() {
		begin := time.Now()
		n, err := io.Copy(io.Discard, io.LimitReader(dial("drip"), 20))
		saw("twenty drops", begin, n, err)
	}
	programs["read_a_drip_for_ever"] = func() {
		begin := time.Now()
		n, err := io.Copy(io.Discard, onlyReader{dial("drip")})
		saw("drip", begin, n, err)
	}
	programs["read_an_idle_connection"] = func() { read("idle", dial("silent")) }
	programs["read_an_answer_that_never_comes"] = func() {
		conn := dial("silent")
		begin := time.Now()
		_, err := conn.Write([]byte("request"))
		must(err)
		_, err = conn.Read(make([]byte, 1))
		saw("answer", begin, 0, err)
	}
	programs["read_answers_at_once"] = readAnswersAtOnce
	programs["read_idle_files"] = readIdleFiles
}

// onlyReader hides every other method, so that io.Copy reads and writes.
type onlyReader struct{ io.Reader }

// readByOtherCalls waits in recvfrom, recvmsg, and below bufio.
func readByOtherCalls() {
	waiting := func(what string, call func(fd int) (int, error)) func() {
		return func() {
			conn := dial("silent")
			control, err := conn.SyscallConn()
			must(err)
			var n int
			var failure error
			begin := time.Now()
			err = control.Read(func(fd uintptr) bool {
				n, failure = call(int(fd))
				return failure != syscall.EAGAIN
			})
			if err != nil {
				failure = err
			}
			saw(what, begin, int64(n), failure)
		}
	}
	buffer := func() []byte { return make([]byte, 16) }
	together(
		waiting("recvfrom", func(fd int) (int, error) {
			n, _, err := syscall.Recvfrom(fd, buffer(), 0)
			return n, err
		}),
		waiting("recvmsg", func(fd int) (int, error) {
			n, _, _, _, err := syscall.Recvmsg(fd, buffer(), nil, 0)
			return n, err
		}),
		func() {
			conn := dial("half")
			begin := time.Now()
			line, err := bufio.NewReader(conn).ReadString('\n')
			saw("bufio", begin, int64(len(line)), err)
		},
		func() {
			conn := dial("silent")
			begin := time.Now()
			_, err := http.ReadResponse(bufio.NewReader(conn), nil)
			saw("http.ReadResponse", begin, 0, err)
		},
		func() {
			conn := dial("silent")
			begin := time.Now()
			n, err := io.ReadAtLeast(conn, buffer(), 4)
			saw("io.ReadAtLeast", begin, int64(n), err)
		},
	)
}

// readIdleFiles waits at a pipe, which is no socket.
func readIdleFiles() {
	reader, writer, err := os.Pipe()
	must(err)
	read("pipe", reader)
	must(writer.Close())
}

// readAnswersAtOnce lets a goroutine read for ever, as net/http's connections do, while another sends questions. The answer may
// come, and be read, before the call that sent the question has returned. Then nothing is asked any more, and nothing
// waited for. It reports how many of the idle connections ended.
func readAnswersAtOnce() {
	const count = 100
	var ended atomic.Int64
	var last atomic.Value
	parts := make([]func(), count)
	begin := time.Now()
	for i := range parts {
		conn := dial("echo")
		go func() {
			for {
				if _, err := conn.Read(make([]byte, 64)); err != nil {
					ended.Add(1)
					last.Store(err)
					return
				}
			}
		}()
		parts[i] = func() {
			for question := 0; question < 10; question++ {
				if _, err := conn.Write([]byte{'?'}); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
	together(parts...)
	time.Sleep(later)
	err, _ := last.Load().(error)
	saw("idle", begin, ended.Load(), err)
}
