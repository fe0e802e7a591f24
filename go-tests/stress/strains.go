package main

// The strains that one run can put on the runtime while its connections work and wait. `before` is done once, `around` wraps
// each network call, `loops` run beside them; `alone` is a strain that must not have the usual connections beside it.

import (
	"bytes"
	"math/rand"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

type loop struct {
	times int
	body  func(*world)
}

type strain struct {
	before func(*world)
	around func(*world, func())
	loops  []loop
	alone  bool
}

var strains map[string]strain

func init() {
	strains = map[string]strain{
		"plain":   {},
		"gc":      {loops: []loop{{1, collectAlways}, {2, makeGarbage}}},
		"stacks":  {around: deep, loops: []loop{{1, collectOften}}},
		"profile": {loops: []loop{{1, profile}, {2, makeGarbage}}},
		"preempt": {loops: []loop{{4, spin}, {1, storm}}},
		"panics":  {around: panicking},
		"exec":    {loops: []loop{{3, runChildren}}},
		"threads": {around: onThreadThatEnds},
		"races":   {loops: []loop{{12, raceConnect}, {4, raceRead}, {4, raceClose}}},
		"waiting": {loops: []loop{{1, waiting}}, alone: true},
		"dump":    {before: parkMany, around: deep, loops: []loop{{1, collectOften}, {2, spin}, {1, storm}}},
	}
}

func collectAlways(w *world) {
	debug.SetGCPercent(1)
	w.count("strained")
	pause(w, time.Hour)
}

func collectOften(w *world) {
	runtime.GC()
	w.count("strained")
	pause(w, jitter(5*time.Millisecond))
}

func makeGarbage(w *world) {
	var garbage [64][]byte
	for i := 0; i < 1000; i++ {
		garbage[rand.Intn(len(garbage))] = make([]byte, rand.Intn(8<<10))
	}
	pause(w, jitter(2*time.Millisecond))
}

// deep makes the call on a stack that has just grown by up to a megabyte, or on one that is about to be moved.
func deep(w *world, call func()) {
	w.count("strained")
	if descend(rand.Intn(4000), call) == 0 {
		w.fail("a stack lost what was on it")
	}
}

//go:noinline
func descend(depth int, call func()) int {
	var frame [256]byte
	frame[depth%256] = 1
	if depth == 0 {
		call()
	} else if descend(depth-1, call) == 0 {
		return 0
	}
	return int(frame[depth%256])
}

// profile has SIGPROF arrive 4,000 times per second and CPU, in profiles of a fifth of a second.
func profile(w *world) {
	var out bytes.Buffer
	// StartCPUProfile finds the rate already set, keeps it, and says so on stderr: there is no other way to a high one.
	runtime.SetCPUProfileRate(4000)
	if err := pprof.StartCPUProfile(&out); err != nil {
		w.fail("no profile: %v", err)
		return
	}
	pause(w, 200*time.Millisecond)
	pprof.StopCPUProfile()
	if !bytes.HasPrefix(out.Bytes(), []byte{0x1f, 0x8b}) || out.Len() < 200 {
		w.fail("a profile of %d bytes", out.Len())
	}
	w.count("strained")
}

var spun atomic.Uint64

// spin is a loop without a call in it: only a signal takes its thread away.
func spin(w *world) {
	runtime.GOMAXPROCS(4)
	sum := uint64(0)
	for i := uint64(0); i < 20_000_000; i++ {
		sum = sum*31 + i
	}
	spun.Store(sum)
	runtime.Gosched()
}

// storm sends SIGURG, which is what preemption uses, to every thread again and again.
func storm(w *world) {
	for i := 0; i < 50; i++ {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			w.fail("no list of threads: %v", err)
			return
		}
		for _, thread := range threads {
			number, _ := strconv.Atoi(thread.Name())
			// One that has ended meanwhile is no fault.
			syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(number), uintptr(syscall.SIGURG))
		}
		time.Sleep(200 * time.Microsecond)
	}
	w.count("strained")
}

var nowhere *int

// panicking has the goroutine panic right after its network call: by itself, or by a bad pointer and so by a signal.
func panicking(w *world, call func()) {
	defer func() {
		if recover() == nil {
			w.fail("a panic was lost")
		}
		w.count("strained")
	}()
	call()
	if rand.Intn(2) == 0 {
		*nowhere = 1
	}
	panic("on purpose")
}

// onThreadThatEnds makes the call on a thread of its own, which ends with its goroutine.
func onThreadThatEnds(w *world, call func()) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		call()
		close(done)
	}()
	<-done
	w.count("strained")
}
