// A Go program under pressure: healthy connections that must never fail, silent ones that must fail at their deadline, and
// one kind of strain on the runtime beside them. It judges itself and ends with one line of JSON; `run` starts it natively
// and under the library. What each strain does is in strains.go and its neighbours, what a deadline owes in silent.go.
//
// The rules it expects: 127.0.1.0/24 has deadlines of -healthy, 127.0.2.0/24 and 127.0.3.0/24 of -silent,
// 127.0.4.0/24 none.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"runtime/pprof"
	"sync"
	"time"
)

var (
	strainName = flag.String("strain", "plain", "which strain: see strains.go")
	lasts      = flag.Duration("for", 4*time.Second, "how long")
	healthy    = flag.Duration("healthy", 10*time.Second, "the deadline of healthy connections")
	silent     = flag.Duration("silent", time.Second, "the deadline of silent connections")
	native     = flag.Bool("native", false, "no deadline holds: silent connections must hang for 2.5 deadlines")
	crowd      = flag.Int("crowd", 5000, "how many connections wait in the strain `waiting`")
)

// How late a single wait may be at all: a busy machine is slow, but a missed deadline is missed for ever. See control.go.
const lateness = 15 * time.Second

func main() {
	flag.Parse()
	// The strain exec starts this program too, as its own child.
	if flag.Arg(0) == "child" {
		fmt.Println(childSays)
		return
	}
	strain, known := strains[*strainName]
	if !known {
		fmt.Fprintln(os.Stderr, "no such strain:", *strainName)
		os.Exit(2)
	}
	w := newWorld(strain.around)
	if strain.before != nil {
		strain.before(w)
	}
	var working sync.WaitGroup
	launch := func(times int, loop func(*world)) {
		for i := 0; i < times; i++ {
			working.Add(1)
			go func() {
				defer working.Done()
				for !w.over() {
					loop(w)
				}
			}()
		}
	}
	if !strain.alone {
		launch(8, longLived)
		launch(2, shortLived)
		launch(4, idler)
		launch(6, silentRead)
		launch(2, silentWrite)
		launch(2, pendingConnect)
		launch(2, ownDeadline)
	}
	launch(2, goDeadline)
	launch(2, kernelTimer)
	for _, loop := range strain.loops {
		launch(loop.times, loop.body)
	}
	fmt.Println("ready")
	time.Sleep(*lasts)
	close(w.stop)
	finished := make(chan struct{})
	go func() { working.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(max(*healthy, *silent) + 2*lateness):
		w.fail("something still waits after its deadline and %v more", 2*lateness)
		pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	}
	compare(w)
	line, _ := json.Marshal(w.report())
	fmt.Println(string(line))
	if w.failed() {
		os.Exit(1)
	}
}

// jitter is a random part of d.
func jitter(d time.Duration) time.Duration { return time.Duration(rand.Int63n(int64(d))) }
