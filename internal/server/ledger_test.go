package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Every answer says what the process has written, so that a state can keep it without asking.
func TestAnswersTellWhatWasWritten(t *testing.T) {
	position := delivery.LedgerPosition{Ledger: strings.Repeat("ab", 16), Seq: 7, Hash: "sha256:" + strings.Repeat("cd", 32)}
	for name, fail := range map[string]error{"success": nil, "refusal": delivery.Errorf(delivery.CodeConflict, "no")} {
		t.Run(name, func(t *testing.T) {
			engine := &recording{fail: fail}
			bothWays(t, engine, func(t *testing.T, c *client.Client) {
				engine.written = delivery.LedgerPosition{}
				_, err := c.PutFreeze(t.Context(), delivery.FreezeSpec{Name: "f"})
				require.Equal(t, fail == nil, err == nil)
				require.Zero(t, c.Written(), "nothing was written yet")
				for _, seq := range []int64{7, 9, 8} {
					engine.written = position
					engine.written.Seq = seq
					_, err := c.PutFreeze(t.Context(), delivery.FreezeSpec{Name: "f"})
					require.Equal(t, fail == nil, err == nil)
				}
				newest := position
				newest.Seq = 9
				require.Equal(t, newest, c.Written(), "an answer that was overtaken takes nothing back")
			})
		})
	}
	for _, wrong := range []string{"", "7", "id 7 sha256:00", position.String() + " more", strings.Repeat("ab", 16) + " 0 -"} {
		_, ok := api.ParsePosition(wrong)
		require.False(t, ok, wrong)
	}
}
