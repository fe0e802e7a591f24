// A Go http server that answers with one line, for ../../servers.py.
//
//	http ADDR    serves until it is killed
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

const body = "Hello from a Go server under load.\n"

func main() {
	err := http.ListenAndServe(os.Args[1], http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		io.WriteString(answer, body)
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
