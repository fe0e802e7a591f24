// The program of the children's tests: `report` is a child, `start` a parent that starts any program in many ways, `guard` a
// parent whose connections must keep their deadlines while it starts children.
package main

import (
	"fmt"
	"os"
	"time"
)

// The runner's policy says the same.
const deadline = 200 * time.Millisecond

func main() {
	word := "report"
	if len(os.Args) > 1 {
		word = os.Args[1]
	}
	switch word {
	case "start":
		start(os.Args[2], os.Args[3:])
	case "guard":
		guard(os.Args[2], os.Args[3:])
	default:
		report(os.Args)
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "children:", err)
		os.Exit(3)
	}
}
