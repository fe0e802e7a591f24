// An HTTP/2 client with one pooled connection for all its requests: `h2c` with golang.org/x/net/http2 and no TLS, `https`
// with net/http's own HTTP/2 over TLS. Neither has a timeout, which is the default of both.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"golang.org/x/net/http2"

	"netdeadline/go-tests/modules/talk"
)

func main() {
	address, kind := os.Args[1], os.Args[2]
	url := "https://" + address + "/"
	client := &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	}}
	if kind == "h2c" {
		url = "http://" + address + "/"
		client.Transport = &http2.Transport{
			AllowHTTP: true,
			DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			},
		}
	}
	talk.Client(func() error {
		answer, err := client.Get(url)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err == nil && (answer.ProtoMajor != 2 || len(body) != 1024) {
			return fmt.Errorf("%s with %d bytes", answer.Proto, len(body))
		}
		return err
	}, nil)
}
