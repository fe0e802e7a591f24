package main

// The strain exec: os/exec again and again beside waiting sockets. The child of a vfork closes, dups and waits through the
// same function and in the same memory as its parent.

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strings"
)

const childSays = "the child says so"

func runChildren(w *world) {
	word := fmt.Sprint(rand.Int63())
	command := exec.Command("/bin/cat", "/dev/stdin")
	want := word
	if rand.Intn(8) == 0 {
		command = exec.Command("/proc/self/exe", "child")
		want = childSays + "\n"
	} else {
		command.Stdin = strings.NewReader(word)
	}
	// Numbers that have to be moved out of the way by dup, and a wait of our own for the output.
	null, err := os.Open(os.DevNull)
	if err != nil {
		w.fail("no /dev/null: %v", err)
		return
	}
	defer null.Close()
	command.ExtraFiles = []*os.File{null, null, null}
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil || out.String() != want || complaint.Len() > 0 {
		w.fail("%v: %v, said %.80q, complained %.200q", command.Args, err, out.String(), complaint.String())
	}
	w.count("strained")
}
