//go:build library

package main

// As a library in a C program (host.c): the runtime is started by the loader, before the program's main.

import "C"

//export Facts
func Facts() { main() }
