package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

// MaxDetailBytes bounds a result's Detail.
const MaxDetailBytes = 3 << 10

// Pause waits between two attempts. It returns ctx's error, and at once, when the caller gives up meanwhile.
type Pause func(ctx context.Context, d time.Duration) error

// Sleep is the Pause that really waits.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Repeat asks until the answer is a pass or Broken, at most as often as attempts says (at least once), and returns the last
// answer, with what the request hides masked. It pauses between attempts only. The error is ctx's, and then there is no answer.
func Repeat(ctx context.Context, r delivery.CheckRequest, attempts int, interval time.Duration, pause Pause, ask func(context.Context) delivery.CheckResult) (delivery.CheckResult, error) {
	attempts = max(attempts, 1)
	mask := redact.New(r.Hidden...)
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return delivery.CheckResult{}, err
		}
		answer := ask(ctx)
		if err := ctx.Err(); err != nil && !answer.Passed {
			return delivery.CheckResult{}, err // what looks like a "no" is only that the caller gave up
		}
		if answer.Passed || answer.Broken || attempt == attempts {
			answer.Detail = detail(mask.Printable(answer.Detail), attempt, attempts)
			return answer, nil
		}
		if err := pause(ctx, interval); err != nil {
			return delivery.CheckResult{}, err
		}
	}
}

// detail adds how often was asked, and cuts what is too long to be read with the other gates of its stage.
func detail(text string, attempt, attempts int) string {
	note := ""
	if attempt > 1 {
		note = fmt.Sprintf(" (attempt %d of %d)", attempt, attempts)
	}
	const mark = "…"
	if most := MaxDetailBytes - len(note); len(text) > most {
		text = strings.ToValidUTF8(text[:most-len(mark)], "") + mark
	}
	return text + note
}
