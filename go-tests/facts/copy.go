package main

// io.Copy between sockets and files, where Go hands the work to splice and sendfile.

import (
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"time"
)

func init() {
	programs["splice_from_a_silent_peer"] = func() {
		copied("copy", "Splice", dial("echo"), dial("silent"))
	}
	programs["splice_to_a_peer_that_never_reads"] = func() {
		copied("copy", "Splice", dial("stuck"), dial("flood"))
	}
	programs["splice_from_a_unix_socket"] = func() {
		source, err := net.Dial("unix", peer("unix-silent"))
		must(err)
		copied("copy", "Splice", dial("echo"), source)
	}
	programs["sendfile_to_a_peer_that_never_reads"] = func() {
		copied("copy", "SendFile", dial("stuck"), sparse())
	}
	programs["copy_a_silent_peer_into_a_file"] = func() {
		out, err := os.CreateTemp("", "copied")
		must(err)
		must(os.Remove(out.Name()))
		copied("copy", "", out, dial("silent"))
	}
	programs["copy_to_a_peer_that_reads"] = func() {
		begin := time.Now()
		n, err := io.Copy(dial("silent"), sparse())
		saw("sendfile", begin, n, err)
		begin = time.Now()
		n, err = io.Copy(dial("silent"), io.LimitReader(dial("flood"), much))
		saw("splice", begin, n, err)
	}
}

// sparse is a file of zeros, as long as `much`.
func sparse() *os.File {
	file, err := os.CreateTemp("", "sparse")
	must(err)
	must(os.Remove(file.Name()))
	must(file.Truncate(much))
	return file
}

// copied reports the end of a copy and, while it waits, whether it went through internal/poll's function of that name:
// without that the test would show nothing about splice and sendfile.
func copied(what, through string, to io.Writer, from io.Reader) {
	if through != "" {
		time.AfterFunc(soon, func() {
			stacks := make([]byte, 1<<16)
			stacks = stacks[:runtime.Stack(stacks, true)]
			noted("through", "%t", strings.Contains(string(stacks), "internal/poll."+through+"("))
		})
	}
	begin := time.Now()
	n, err := io.Copy(to, from)
	saw(what, begin, n, err)
}
