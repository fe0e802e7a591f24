package main

// The strain dump: a known number of goroutines for `run` to find in what SIGQUIT prints.

import "sync"

const dumped = 100

func parkMany(w *world) {
	var begun sync.WaitGroup
	begun.Add(dumped)
	for i := 0; i < dumped; i++ {
		go parkedToBeCounted(w, &begun)
	}
	begun.Wait()
}

//go:noinline
func parkedToBeCounted(w *world, begun *sync.WaitGroup) {
	begun.Done()
	<-w.stop
}
