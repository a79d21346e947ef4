package cli

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bars shows on a terminal how far long work is: one bar for each piece of it. Elsewhere it shows nothing.
type bars struct {
	out   io.Writer
	shown bool
	work  string
	bar   *progressbar.ProgressBar
}

// progress implements ledger.Progress.
func (b *bars) progress(work string, done, total int64) {
	if !b.shown {
		return
	}
	if work != b.work || done == 1 { // work that is repeated starts a new bar
		b.end()
		b.work = work
		b.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(b.out), progressbar.OptionSetDescription(work),
			progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	_ = b.bar.Set64(done) // the work goes on without a bar
}

// end removes the bar, so that what is printed next stands alone.
func (b *bars) end() {
	if b.bar != nil {
		_ = b.bar.Clear()
		b.bar, b.work = nil, ""
	}
}
