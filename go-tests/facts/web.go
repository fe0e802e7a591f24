package main

// net/http and crypto/tls, as programs use them: without any timeout, or with their own.

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"time"
)

func init() {
	programs["http_get"] = func() { get("get", http.DefaultClient, "http://"+peer("silent")) }
	programs["http_get_half_a_body"] = func() { get("body", http.DefaultClient, "http://"+peer("http-half")) }
	programs["http_get_from_a_black_hole"] = func() { get("get", http.DefaultClient, "http://"+hole) }
	programs["http_post_to_a_server_that_never_reads"] = func() {
		begin := time.Now()
		_, err := http.Post("http://"+peer("stuck"), "text/plain", bytes.NewReader(make([]byte, much)))
		saw("post", begin, 0, err)
	}
	programs["https_get"] = func() {
		together(
			func() { get("get", trusting(), "https://"+peer("tls")) },
			func() { get("body", trusting(), "https://"+peer("tls-half")) },
			func() {
				begin := time.Now()
				_, err := tls.Dial("tcp", peer("silent"), &tls.Config{InsecureSkipVerify: true})
				saw("handshake", begin, 0, err)
			},
		)
	}
	programs["http_pool"] = func() {
		// The connection waits in the client's pool for longer than any deadline of the tests.
		get("first", http.DefaultClient, "http://"+peer("http"))
		time.Sleep(later)
		get("second", http.DefaultClient, "http://"+peer("http"))
	}
	programs["http_client_with_a_timeout"] = func() {
		get("own", &http.Client{Timeout: soon, Transport: &http.Transport{}}, "http://"+peer("silent"))
	}
	programs["http_client_with_a_long_timeout"] = func() {
		get("own", &http.Client{Timeout: later, Transport: &http.Transport{}}, "http://"+peer("silent"))
	}
	programs["http_request_with_a_context"] = func() {
		begin := time.Now()
		bounded, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		request, err := http.NewRequestWithContext(bounded, http.MethodGet, "http://"+peer("silent"), nil)
		must(err)
		_, err = http.DefaultClient.Do(request)
		saw("own", begin, 0, err)
	}
}

// trusting takes the peer's certificate for what it is; each has connections of its own.
func trusting() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
}

func get(what string, client *http.Client, url string) {
	begin := time.Now()
	response, err := client.Get(url)
	n := int64(0)
	if err == nil {
		n, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	saw(what, begin, n, err)
}
