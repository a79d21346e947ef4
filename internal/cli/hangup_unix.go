//go:build unix

package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// look is how often it is looked whether Terraform is still there.
const look = 250 * time.Millisecond

// hangUp returns a channel that is closed when Terraform is gone without having ended the plugin, as when it is killed, or when this
// process is asked to end by a signal other than Ctrl-C, which is Terraform's to handle. Nothing else ends a plugin then.
//
// A process whose parent ends gets another one, on every Unix. The connections to Terraform would not do: the library that holds
// them tells nobody when they are closed.
func hangUp(ctx context.Context) <-chan struct{} {
	// A write to a standard stream that nobody reads any more, be it one line of log, ends a process at once by default, and what it
	// runs would stay behind. With somebody to notify, the write fails and that is all.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	asked := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // as nohup sees to
			signal.Notify(asked, s)
		}
	}
	gone, parent := make(chan struct{}), os.Getppid()
	go func() {
		defer signal.Stop(asked)
		again := time.NewTicker(look)
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
