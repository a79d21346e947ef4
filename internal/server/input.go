package server

import (
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Inputs are put together from the parts below and the nouns' own. Parts are exported: the framework does not look into
// others.

// By is part of every input that changes something.
type By struct {
	Actor string `header:"Cd-Actor" required:"true" doc:"Who is acting."`
}

// Wait is part of the inputs that can wait for work to finish.
type Wait struct {
	Wait string `query:"wait" doc:"How long to wait for the work to finish before answering, as a Go duration (20s). At most 30s are waited."`
}

// duration returns how long to wait, and whether to wait at all.
func (w Wait) duration() (time.Duration, bool, error) {
	if w.Wait == "" {
		return 0, false, nil
	}
	d, err := time.ParseDuration(w.Wait)
	if err != nil || d < 0 {
		return 0, false, invalid("wait", "%q is not a time to wait; write a duration such as \"20s\"", w.Wait)
	}
	return min(d, api.MaxWait), true, nil
}

// Page is part of the inputs of long lists.
type Page struct {
	Limit int `query:"limit" doc:"How many at most; 100 when not given, and never more than 1000."`
}

func (p Page) limit() (int, error) {
	switch {
	case p.Limit < 0:
		return 0, invalid("limit", "%d is not a number of objects; use 1 to %d", p.Limit, api.MaxLimit)
	case p.Limit == 0:
		return api.DefaultLimit, nil
	}
	return min(p.Limit, api.MaxLimit), nil
}

// named is a name that both path and body carry.
type named struct{ field, inPath, inBody string }

// sameAsPath refuses a body that names another object than the path.
func sameAsPath(names ...named) error {
	refusals := delivery.Errors{}
	for _, n := range names {
		if n.inPath != n.inBody {
			refusals = append(refusals, invalid(n.field, "the body says %q, but the path says %q; they must name the same object", n.inBody, n.inPath))
		}
	}
	return refusals.Err()
}

func invalid(field, format string, args ...any) *delivery.Error {
	return &delivery.Error{Code: delivery.CodeInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}
