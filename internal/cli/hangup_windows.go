package cli

import (
	"context"
	"os"
)

// watchParent returns a channel that is closed when Terraform is gone without having stopped the plugin, for example because it was
// killed. Nothing else ends a plugin then. Where Terraform cannot be watched, the channel stays open.
func watchParent(context.Context) <-chan struct{} {
	gone := make(chan struct{})
	parent, err := os.FindProcess(os.Getppid())
	if err != nil {
		return gone
	}
	go func() {
		if _, err := parent.Wait(); err == nil {
			close(gone)
		}
	}()
	return gone
}
