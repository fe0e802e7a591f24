module netdeadline/go-tests/capi

go 1.21

require golang.org/x/net v0.33.0
