package main

// Starting a program in the way that comma-separated words say, and telling what became of it.

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

type ended struct {
	Pid   int
	State string
	Error string
	First string // the executable at a traced child's first stop
}

func start(words string, command []string) {
	times, inPlace := 1, false
	environment := os.Environ()
	prepare := func(it *exec.Cmd) { it.SysProcAttr = &syscall.SysProcAttr{} }
	also := func(more func(it *exec.Cmd)) {
		before := prepare
		prepare = func(it *exec.Cmd) { before(it); more(it) }
	}
	for _, word := range strings.Split(words, ",") {
		name, value, _ := strings.Cut(word, "=")
		number, _ := strconv.Atoi(value)
		switch name {
		case "plain":
		case "fresh":
			environment = []string{"FRESH=yes"}
		case "empty":
			environment = []string{}
		case "huge":
			for i := 0; i < 20000; i++ {
				environment = append(environment, fmt.Sprintf("N%d=%d", i, i))
			}
		case "set":
			environment = append(environment, strings.ReplaceAll(value, ":", "="))
		case "times":
			times = number
		case "exec":
			inPlace = true
		case "dir":
			also(func(it *exec.Cmd) { it.Dir = value })
		case "name":
			also(func(it *exec.Cmd) { it.Args[0] = value })
		case "arguments":
			also(func(it *exec.Cmd) { it.Args = []string{} })
		case "files":
			also(func(it *exec.Cmd) {
				for i := 0; i < number; i++ {
					file, err := os.Open("/dev/null")
					must(err)
					it.ExtraFiles = append(it.ExtraFiles, file)
				}
			})
		case "quiet":
			also(func(it *exec.Cmd) { it.Stderr = nil })
		case "setpgid":
			also(func(it *exec.Cmd) { it.SysProcAttr.Setpgid = true })
		case "setsid":
			also(func(it *exec.Cmd) { it.SysProcAttr.Setsid = true })
		case "pdeathsig":
			also(func(it *exec.Cmd) { it.SysProcAttr.Pdeathsig = syscall.SIGTERM })
		case "uid":
			also(func(it *exec.Cmd) {
				it.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(number), Gid: uint32(number)}
			})
		case "chroot":
			also(func(it *exec.Cmd) { it.SysProcAttr.Chroot, it.Dir = value, "/" })
		case "ptrace":
			also(func(it *exec.Cmd) { it.SysProcAttr.Ptrace = true })
		case "cgroup":
			// With it Go calls clone3.
			also(func(it *exec.Cmd) {
				directory, err := os.Open(value)
				must(err)
				it.SysProcAttr.UseCgroupFD, it.SysProcAttr.CgroupFD = true, int(directory.Fd())
			})
		case "newpid":
			also(func(it *exec.Cmd) { it.SysProcAttr.Cloneflags |= syscall.CLONE_NEWPID })
		case "newuser":
			also(func(it *exec.Cmd) {
				it.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
				it.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
				it.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
			})
		default:
			must(fmt.Errorf("no such way: %s", word))
		}
	}
	if inPlace {
		must(syscall.Exec(command[0], command, environment))
	}
	for i := 0; i < times; i++ {
		it := &exec.Cmd{Path: command[0], Args: append([]string{}, command...), Env: environment}
		it.Stdout, it.Stderr = os.Stdout, os.Stderr
		prepare(it)
		line, _ := json.Marshal(run(it))
		fmt.Printf("%s\n", line)
	}
}

func run(it *exec.Cmd) (became ended) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := it.Start(); err != nil {
		became.Error = err.Error()
		return
	}
	became.Pid = it.Process.Pid
	if it.SysProcAttr.Ptrace {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(became.Pid, &status, 0, nil)
		must(err)
		became.First, _ = os.Readlink(fmt.Sprintf("/proc/%d/exe", became.Pid))
		must(syscall.PtraceDetach(became.Pid))
	}
	if err := it.Wait(); err != nil {
		became.Error = err.Error()
	}
	became.State = it.ProcessState.String()
	return
}
