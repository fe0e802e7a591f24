// The servers that are Go programs too: grpc-go's health service, HTTP/2 without TLS (h2c), HTTP/2 over TLS (https), and
// plain HTTP. They say `listening` and answer until they are killed.
package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		panic(err)
	}
	fmt.Println("listening")
	kilobyte := bytes.Repeat([]byte("x"), 1024)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(kilobyte) })
	switch os.Args[2] {
	case "grpc":
		server := grpc.NewServer()
		grpc_health_v1.RegisterHealthServer(server, health.NewServer())
		err = server.Serve(listener)
	case "h2c":
		err = http.Serve(listener, h2c.NewHandler(handler, &http2.Server{}))
	case "http":
		err = http.Serve(listener, handler)
	case "https":
		// httptest has a certificate at hand.
		server := httptest.NewUnstartedServer(handler)
		server.Listener.Close()
		server.Listener, server.EnableHTTP2 = listener, true
		server.StartTLS()
		select {}
	}
	panic(err)
}
