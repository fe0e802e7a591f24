// Ends at once: what is timed is how it was started. With an argument it says instead whether the library is mapped.
package main

import (
	"bytes"
	"os"
)

func main() {
	if len(os.Args) == 1 {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil || !bytes.Contains(maps, []byte("libnetdeadline")) {
		os.Exit(3)
	}
}
