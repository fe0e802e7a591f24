//go:build never

// Package modules names the programs that are built as they are, so that go.mod and go.sum pin them.
package modules

import _ "github.com/rakyll/hey"
