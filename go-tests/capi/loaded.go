//go:build dlopen

package capi

/*
#cgo CFLAGS: -DBY_DLOPEN
#cgo LDFLAGS: -ldl
*/
import "C"

// Linked tells whether the program names the library as one that it needs.
const Linked = false
