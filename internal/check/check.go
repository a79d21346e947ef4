// Package check asks the world: the checks that a decision needs and cannot find in the ledger. Each kind of check has a package
// of its own below this one, named as the check's attribute; checktest exercises them all. The same checkers serve gates (before
// entering a stage) and verification (after deploying).
package check

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Checker answers one kind of check. It is safe for concurrent use.
type Checker interface {
	// Check asks, as often as the check's attempts allow, and returns the last answer. An error is only ever ctx's: that the
	// caller gave up. Everything else is an answer, and never a pass by default: unreachable, malformed and timed out are a
	// "no" with its reason; a check that cannot be asked at all (no such program) is Broken.
	Check(ctx context.Context, r delivery.CheckRequest) (delivery.CheckResult, error)
}
