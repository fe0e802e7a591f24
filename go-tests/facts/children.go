package main

// Children: programs started by os/exec, and the program that takes our place.

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

func init() {
	programs["child_by_os_exec"] = func() { child(os.Environ()) }
	programs["child_with_a_fresh_environment"] = func() { child(fresh()) }
	programs["child_in_our_place"] = func() {
		myself, err := os.Executable()
		must(err)
		noted("pid before", "%d", os.Getpid())
		must(syscall.Exec(myself, []string{"another name", "child_reads"}, os.Environ()))
	}
	programs["child_reads"] = func() {
		noted("name", "%s", os.Args[0])
		read("read", dial("silent"))
	}
	programs["child_exits_with_a_status"] = func() {
		for _, words := range [][]string{{"true"}, {"sh", "-c", "exit 7"}, {"sh", "-c", "kill -TERM $$"}} {
			command := exec.Command(words[0], words[1:]...)
			// That two of them fail is the point: their state says how.
			_ = command.Run()
			noted(strings.Join(words, " "), "%s", command.ProcessState)
		}
	}
	programs["children_while_others_wait"] = func() {
		together(
			func() { read("read", dial("silent")) },
			func() {
				begin := time.Now()
				for time.Since(begin) < later {
					must(exec.Command("true").Run())
				}
				saw("children", begin, 0, nil)
			},
		)
	}
}

// fresh is an environment that the program built for the child, with nothing in it that it did not need.
func fresh() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "GO_TESTS_PEERS=" + os.Getenv("GO_TESTS_PEERS")}
}

func child(environment []string) {
	myself, err := os.Executable()
	must(err)
	command := exec.Command(myself, "child_reads")
	command.Env = environment
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	begin := time.Now()
	saw("child's end", begin, 0, command.Run())
}
