//go:build !dlopen

package capi

// The runner says with CGO_LDFLAGS where the library is.

/*
#cgo LDFLAGS: -lnetdeadline
*/
import "C"

// Linked tells whether the program's own socket calls are the library's.
const Linked = true
