package check_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestSleep(t *testing.T) {
	require.NoError(t, check.Sleep(t.Context(), time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, check.Sleep(ctx, time.Hour), context.Canceled)
}

func TestRepeatCutsDetailsBetweenCharacters(t *testing.T) {
	for _, text := range []string{strings.Repeat("ö", check.MaxDetailBytes), "x" + strings.Repeat("ö", check.MaxDetailBytes)} {
		answer, err := check.Repeat(t.Context(), delivery.CheckRequest{}, 2, 0, check.Sleep, func(context.Context) delivery.CheckResult {
			return delivery.CheckResult{Detail: text}
		})
		require.NoError(t, err)
		require.LessOrEqual(t, len(answer.Detail), check.MaxDetailBytes)
		require.True(t, strings.HasSuffix(answer.Detail, "ö… (attempt 2 of 2)"), answer.Detail[len(answer.Detail)-40:])
	}
}

// TestADetailIsKeptUpToItsLimit is at the limit, and one over it. How often was asked is part of the detail.
func TestADetailIsKeptUpToItsLimit(t *testing.T) {
	for attempts, note := range map[int]string{1: "", 2: " (attempt 2 of 2)"} {
		most := check.MaxDetailBytes - len(note)
		said := func(size int) string {
			answer, err := check.Repeat(t.Context(), delivery.CheckRequest{}, attempts, 0, check.Sleep, func(context.Context) delivery.CheckResult {
				return delivery.CheckResult{Detail: strings.Repeat("x", size)}
			})
			require.NoError(t, err)
			return answer.Detail
		}
		require.Equal(t, strings.Repeat("x", most)+note, said(most))
		require.Equal(t, strings.Repeat("x", most-len("…"))+"…"+note, said(most+1))
	}
}

func TestAPassCountsEvenIfTheCallerLeftMeanwhile(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	for _, passed := range []bool{true, false} {
		answer, err := check.Repeat(ctx, delivery.CheckRequest{}, 1, 0, check.Sleep, func(context.Context) delivery.CheckResult {
			cancel()
			return delivery.CheckResult{Passed: passed}
		})
		require.Equal(t, passed, answer.Passed)
		require.Equal(t, passed, err == nil)
		ctx, cancel = context.WithCancel(t.Context())
	}
	cancel()
}

// What cannot be asked at all is not asked again, however many attempts there are; and what is said is made fit to be shown.
func TestWhatIsBrokenIsAskedOnce(t *testing.T) {
	asked := 0
	answer, err := check.Repeat(t.Context(), delivery.CheckRequest{}, 3, 0, check.Sleep, func(context.Context) delivery.CheckResult {
		asked++
		return delivery.CheckResult{Broken: true, Detail: "no such program: \x1b[31mrm"}
	})
	require.NoError(t, err)
	require.Equal(t, 1, asked)
	require.True(t, answer.Broken)
	require.NotContains(t, answer.Detail, "\x1b")
}
