//go:build unix

package directory

import (
	"os/signal"
	"syscall"
)

// limitFileSize makes the disk look full to this process: no file can grow beyond the limit.
func limitFileSize(bytes uint64) {
	if bytes == 0 {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	limit.Cur = bytes
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
}
