//go:build unix

package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// parentPoll is how often the plugin checks that Terraform is still there.
const parentPoll = 250 * time.Millisecond

// watchParent returns a channel that is closed when Terraform is gone without having stopped the plugin, for example because it was
// killed, or when this process receives a signal to end other than Ctrl-C, which Terraform handles. Nothing else ends a plugin then.
//
// On every Unix, a process whose parent ends gets another parent. The connections to Terraform are no substitute: the library that
// holds them does not report when they are closed.
func watchParent(ctx context.Context) <-chan struct{} {
	// By default, a write to a standard stream that is no longer read, such as one line of log, ends the process at once, and the
	// programs it runs would stay. If the signal is handled, only the write fails.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	asked := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // as under nohup
			signal.Notify(asked, s)
		}
	}
	gone, parent := make(chan struct{}), os.Getppid()
	go func() {
		defer signal.Stop(asked)
		again := time.NewTicker(parentPoll)
		defer again.Stop()
		for os.Getppid() == parent {
			select {
			case <-again.C:
			case <-asked:
				close(gone)
				return
			case <-ctx.Done():
				return
			}
		}
		close(gone)
	}()
	return gone
}
