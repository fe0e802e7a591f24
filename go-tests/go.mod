module netdeadline/go-tests

go 1.21
