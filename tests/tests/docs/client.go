// A program without timeouts: it asks a server, and says what it met.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

func main() {
	conn, err := net.Dial("tcp", "ADDRESS")
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	var met net.Error
	fmt.Println(err)
	fmt.Println("Timeout", errors.As(err, &met) && met.Timeout())
	fmt.Println("ETIMEDOUT", errors.Is(err, syscall.ETIMEDOUT))
	fmt.Println("ErrDeadlineExceeded", errors.Is(err, os.ErrDeadlineExceeded))
	fmt.Println("pid", os.Getpid())
}
