// Peer is the other end of every test: one process of servers that misbehave in one way each, on the loopback of the test's
// own namespace. It runs without the library, so that what is seen at the program is the program's own.
//
// It prints one JSON object, from a server's name to its address, and serves until its stdin ends. What a program does with
// a peer is in ../facts.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// tiny makes a receive window that a few tens of kilobytes fill; the kernel doubles it.
const tiny = 4096

var addresses = map[string]string{}

// serve gives each connection to talk, on a goroutine of its own. Every interface of loopback: a test with thousands of
// connections takes an address of its own, because the ports towards one address are soon used up.
func serve(name string, window int, talk func(net.Conn)) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			if window > 0 {
				must(syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, window))
			}
		})
	}}
	listener, err := config.Listen(background, "tcp4", "0.0.0.0:0")
	must(err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(err)
	addresses[name] = "127.0.0.1:" + port
	go accept(listener, talk)
}

func serveUnix(name, directory string, talk func(net.Conn)) {
	path := filepath.Join(directory, name)
	listener, err := net.Listen("unix", path)
	must(err)
	addresses[name] = path
	go accept(listener, talk)
}

func accept(listener net.Listener, talk func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		must(err)
		go talk(conn)
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	directory := flag.String("directory", os.TempDir(), "where unix sockets go")
	flag.Parse()

	serve("silent", 0, silent)
	serve("crowd", 0, func(conn net.Conn) { crowd(conn); _ = conn.Close() })
	serve("stuck", tiny, stuck)
	serve("half", 0, half)
	serve("fin", 0, fin)
	serve("reset", 0, reset)
	serve("drip", 0, drip)
	serve("late", 0, late(lateBy))
	serve("much later", 0, late(muchLaterBy))
	serve("echo", 0, echo)
	serve("flood", 0, flood)
	serve("http", 0, answer)
	serve("http-half", 0, halfAnswer)
	serve("tls", 0, secured(silent))
	serve("tls-half", 0, secured(halfAnswer))
	serveUnix("unix-silent", *directory, silent)
	serveUnix("unix-stuck", *directory, stuck)
	serveUnix("unix-half", *directory, half)
	addresses["full"] = fullBacklog()
	addresses["unix-full"] = fullUnixBacklog(filepath.Join(*directory, "unix-full"))
	addresses["udp-silent"] = silentDatagrams()

	must(json.NewEncoder(os.Stdout).Encode(addresses))
	_, _ = io.Copy(io.Discard, os.Stdin)
}
