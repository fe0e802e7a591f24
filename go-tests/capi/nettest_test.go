package capi

// The conformance suite of golang.org/x/net over our connections: what Go asks of every net.Conn. Our own tests are elsewhere.

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"
)

func TestConn(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
			one, other, err := k.pair()
			if err != nil {
				return nil, nil, nil, err
			}
			// Twice is not an error here: the suite itself closes what it is done with.
			return one, other, func() { one.Close(); other.Close() }, nil
		})
	})
}

// The same with the ends exchanged: whoever connected is the one whose deadlines are tried.
func TestConnOfTheOtherEnd(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
			one, other, err := k.pair()
			if err != nil {
				return nil, nil, nil, err
			}
			return other, one, func() { one.Close(); other.Close() }, nil
		})
	})
}
