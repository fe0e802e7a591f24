//go:build dlopen

package capi

/*
#cgo CFLAGS: -DBY_DLOPEN
#cgo LDFLAGS: -ldl
*/
import "C"

// Linked tells whether the program's own socket calls are the library's.
const Linked = false
