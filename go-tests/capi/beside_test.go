package capi

// Go's own connections live in the same process, with Go's own deadlines and (in the runs where the library is in front of Go)
// with its raw system calls going through the library. Neither may disturb the other.

import (
	"net"
	"sync"
	"testing"
	"time"
)

func TestGosOwnConnectionsBesideOurs(t *testing.T) {
	for _, k := range kinds() {
		if k.form == "go" {
			continue
		}
		t.Run(k.form+"/"+k.network, func(t *testing.T) {
			until := time.Now().Add(spanOf())
			var group sync.WaitGroup
			problems := make(chan error, 2*crowd)
			quiet := make(map[net.Conn]pending)
			strain := func(k kind) {
				here, _ := k.open(t)
				waiting, _ := k.open(t)
				quiet[waiting] = begin(readOne(waiting))
				group.Add(1)
				go func() {
					defer group.Done()
					for i := 0; time.Now().Before(until); i++ {
						when := Now() + int64(i%7)*1e6
						if err := here.SetDeadline(at(when)); err != nil {
							problems <- err
							return
						}
						if o := run(readOne(here)); !o.timeout() || o.ended < when {
							problems <- &early{o, when}
							return
						}
					}
				}()
			}
			for i := 0; i < crowd/8; i++ {
				strain(k)
				strain(gosOn("tcp"))
				strain(gosOn("unix"))
			}
			group.Wait()
			select {
			case problem := <-problems:
				t.Fatal(problem)
			default:
			}
			for conn, waiter := range quiet {
				waiter.mustWait(t, "a connection without a deadline")
				must(t, conn.SetReadDeadline(longAgo))
				waiter.end(t).mustTimeOut(t, "the same with one")
			}
		})
	}
}

func TestADuplicateSharesTheDeadline(t *testing.T) {
	for _, form := range []Form{Blocking, Polling} {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(string(form)+"/"+network, func(t *testing.T) {
				one, other, err := oursOn(form, network).pair()
				must(t, err)
				here := one.(*Conn)
				number, err := dup(here.fd)
				must(t, err)
				twin, err := newConn(number, form, network)
				must(t, err)
				reader := begin(readOne(here))
				time.Sleep(5 * time.Millisecond)
				when := Now() + 10e6
				must(t, twin.SetReadDeadline(at(when)))
				reader.end(t).mustTimeOutAt(t, when, "a read by the other number")
				begin(readOne(twin)).end(t).mustTimeOut(t, "a read by this number")
				// It stays with what is left.
				must(t, twin.Close())
				begin(readOne(here)).end(t).mustTimeOut(t, "a read after the close of the other")
				must(t, here.SetReadDeadline(never))
				mustWrite(t, other, "x")
				mustRead(t, here, "x")
				here.Close()
				other.Close()
			})
		}
	}
}
