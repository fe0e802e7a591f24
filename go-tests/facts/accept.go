package main

// Servers: what an accepted connection gets, by a rule that names the local address.

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

func init() {
	programs["accept_silent_clients"] = func() { acceptSilentClients(false) }
	programs["accept_silent_clients_over_mptcp"] = func() { acceptSilentClients(true) }
	programs["accept_a_client_that_never_reads"] = func() {
		serverSide, _, begin := pair(listen(false), false)
		n, err := serverSide.Write(make([]byte, much))
		saw("write", begin, int64(n), err)
	}
	programs["accept_a_dripping_client"] = func() {
		serverSide, clientSide, begin := pair(listen(false), false)
		go func() {
			for {
				if _, err := clientSide.Write([]byte{'.'}); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		}()
		n, err := io.Copy(io.Discard, onlyReader{serverSide})
		saw("drip", begin, n, err)
	}
	programs["http_server_without_timeouts"] = httpServerWithoutTimeouts
	programs["accept_on_an_idle_listener"] = func() {
		begin := time.Now()
		_, err := listen(false).Accept()
		saw("accept", begin, 0, err)
	}
}

// listen opens the port that the runner's rule names.
func listen(mptcp bool) net.Listener {
	var config net.ListenConfig
	config.SetMultipathTCP(mptcp)
	listener, err := config.Listen(context.Background(), "tcp4", "127.0.0.1:"+os.Getenv("GO_TESTS_PORT"))
	must(err)
	return listener
}

// pair connects to the listener. The instant is from before the connection: nothing about it may end earlier than counted
// from there.
func pair(listener net.Listener, mptcp bool) (serverSide, clientSide net.Conn, begin time.Time) {
	var dialer net.Dialer
	dialer.SetMultipathTCP(mptcp)
	begin = time.Now()
	clientSide, err := dialer.Dial("tcp", listener.Addr().String())
	must(err)
	serverSide, err = listener.Accept()
	must(err)
	return keep(serverSide), keep(clientSide), begin
}

// acceptSilentClients waits on both sides. The rule names the accepted one only.
func acceptSilentClients(mptcp bool) {
	listener := listen(mptcp)
	serverSide, clientSide, _ := pair(listener, mptcp)
	if mptcp {
		raw(serverSide.(*net.TCPConn), func(fd int) {
			protocol, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, 38) // SO_PROTOCOL
			must(err)
			noted("protocol", "%d", protocol)
		})
	}
	together(
		func() { read("accepted", serverSide) },
		func() { read("dialed", clientSide) },
	)
}

// httpServerWithoutTimeouts is the server that a silent client holds for ever. The client sees it go.
func httpServerWithoutTimeouts() {
	listener := listen(false)
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			time.Sleep(later)
			fmt.Fprint(out, "slow")
		}))
	}()
	client := func(what, says string) func() {
		return func() {
			begin := time.Now()
			conn, err := net.Dial("tcp", listener.Addr().String())
			must(err)
			_, err = io.WriteString(conn, says)
			must(err)
			n, err := io.Copy(io.Discard, conn)
			saw(what, begin, n, err)
		}
	}
	together(
		client("nothing at all", ""),
		client("half a request", "GET / HTTP/1.1\r\nHost: half\r\n"),
		func() {
			// The handler takes longer than the deadline. The client is rightly silent meanwhile.
			begin := time.Now()
			response, err := http.Get("http://" + listener.Addr().String())
			var body []byte
			if err == nil {
				body, err = io.ReadAll(response.Body)
			}
			saw("a slow handler", begin, int64(len(body)), err)
		},
	)
}
