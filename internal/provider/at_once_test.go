package provider_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// TestRequestsAtOnce delivers in several pipelines side by side through one provider server, as Terraform asks for what does not depend
// on each other. It is there for the race detector.
func TestRequestsAtOnce(t *testing.T) {
	s := newShop(t)
	shared := newWire(t, s.Harness)
	for i := range 6 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			own := func(name string) string { return fmt.Sprintf("%s-%d", name, i) }
			mine := *shared
			mine.t, mine.configured = t, true
			w := &walks{wire: &mine, state: map[string]tftypes.Value{}}
			all := s.declare(order{version: "1.0.0", promotion: map[string]any{}, edit: func(name string, config map[string]any) {
				switch name {
				case "staging", "production":
					config["name"] = own(name)
					put(config, []any{"target", "directory", "path"}, filepath.Join(s.Dir, "srv", own(name)))
				case "pipeline":
					config["name"] = own("shop")
					put(config, []any{"stages", 0, "environments"}, []any{own("staging")})
					put(config, []any{"stages", 1, "environments"}, []any{own("production")})
				default:
					config["pipeline"] = own("shop")
				}
			}})
			w.apply(all...)
			w.requireNothingToDo(all)
		})
	}
}
