// A server without timeouts: it waits for its first client's first byte, and says what it met.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

func main() {
	listener, err := net.Listen("tcp", "ADDRESS")
	if err != nil {
		panic(err)
	}
	conn, err := listener.Accept()
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	var met net.Error
	fmt.Println(err)
	fmt.Println("Timeout", errors.As(err, &met) && met.Timeout())
	fmt.Println("ETIMEDOUT", errors.Is(err, syscall.ETIMEDOUT))
	fmt.Println("ErrDeadlineExceeded", errors.Is(err, os.ErrDeadlineExceeded))
}
