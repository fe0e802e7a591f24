module netdeadline/bench

go 1.21
