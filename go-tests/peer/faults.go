package main

// The faults, one function each. A client that goes away in the middle is what most tests expect; it is no fault here.

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Faster than any read timeout of the tests, so that only a lifetime ends it.
const dripEvery = 100 * time.Millisecond

// Longer than the tests' short deadline and shorter than their long one.
const lateBy = 1200 * time.Millisecond

// In the middle of the second of two deadlines of 2 s.
const muchLaterBy = 3 * time.Second

var background = context.Background()

// hold keeps the connection open for longer than any test lasts. Unreferenced, the garbage collector would close it.
func hold(conn net.Conn) {
	time.Sleep(2 * time.Minute)
	_ = conn.Close()
}

// silent takes whatever comes and never says a word, also not when the client has closed its half.
func silent(conn net.Conn) {
	crowd(conn)
	hold(conn)
}

// crowd is silent until the client goes: of thousands none may stay behind.
func crowd(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// stuck never reads.
func stuck(conn net.Conn) { hold(conn) }

// half says the beginning of something.
func half(conn net.Conn) {
	_, _ = conn.Write([]byte("half"))
	silent(conn)
}

// fin closes its own half at once, and goes on to read.
func fin(conn net.Conn) {
	_ = conn.(*net.TCPConn).CloseWrite()
	silent(conn)
}

// reset answers the first byte with a RST.
func reset(conn net.Conn) {
	_, _ = conn.Read(make([]byte, 1))
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func drip(conn net.Conn) {
	for {
		if _, err := conn.Write([]byte{'.'}); err != nil {
			return
		}
		time.Sleep(dripEvery)
	}
}

// late gives the right answer to the first byte, and then to none.
func late(by time.Duration) func(conn net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		time.Sleep(by)
		_, _ = conn.Write([]byte("late"))
		silent(conn)
	}
}

func echo(conn net.Conn) {
	_, _ = io.Copy(conn, conn)
	_ = conn.Close()
}

func flood(conn net.Conn) {
	for piece := make([]byte, 1<<16); ; {
		if _, err := conn.Write(piece); err != nil {
			return
		}
	}
}

// answer is an HTTP server that works.
func answer(conn net.Conn) {
	for requests := bufio.NewReader(conn); ; {
		if _, err := http.ReadRequest(requests); err != nil {
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole")
	}
}

// halfAnswer reads an HTTP request and sends half of the body that it promises.
func halfAnswer(conn net.Conn) {
	if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
		return
	}
	fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
	hold(conn)
}

// secured is talk behind a real TLS handshake.
func secured(talk func(net.Conn)) func(net.Conn) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(48 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
	return func(conn net.Conn) {
		wrapped := tls.Server(conn, config)
		if wrapped.Handshake() == nil {
			talk(wrapped)
		}
	}
}

// fullBacklog is a listener that drops SYNs, because its queue of accepted connections is full and stays so.
func fullBacklog() string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(err)
	must(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	fillBacklog(fd)
	name, err := syscall.Getsockname(fd)
	must(err)
	return fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
}

func fullUnixBacklog(path string) string {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(err)
	must(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}))
	fillBacklog(fd)
	return path
}

// fillBacklog leaves open what it connects: nobody ever accepts it.
func fillBacklog(listener int) {
	must(syscall.Listen(listener, 0))
	name, err := syscall.Getsockname(listener)
	must(err)
	for filler := 0; filler < 3; filler++ {
		fd, err := syscall.Socket(family(name), syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
		must(err)
		_ = syscall.Connect(fd, name)
	}
}

func family(name syscall.Sockaddr) int {
	if _, ok := name.(*syscall.SockaddrUnix); ok {
		return syscall.AF_UNIX
	}
	return syscall.AF_INET
}

func silentDatagrams() string {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(err)
	go func() { _, _ = io.Copy(io.Discard, conn.(*net.UDPConn)) }()
	return conn.LocalAddr().String()
}
