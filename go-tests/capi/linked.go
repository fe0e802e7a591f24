//go:build !dlopen

package capi

// The runner says with CGO_LDFLAGS where the library is.

/*
#cgo LDFLAGS: -lnetdeadline
*/
import "C"

// Linked tells whether the program names the library as one that it needs.
const Linked = true
