// Package checktest exercises what every checker promises, whatever it asks: a pass only for a pass, a reason for everything
// else, as many attempts as were declared, and a caller who gives up is let go at once.
package checktest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact/redacttest"
)

// Subject is a kind of checker, and a world for it to ask about. Each function makes one thing to ask, and cleans up after it.
// Attempts, interval and timeout are set by the suite.
type Subject struct {
	New func(pause check.Pause) check.Checker

	// Passing always says yes.
	Passing func(t *testing.T) delivery.Check
	// Refusing always says no, and its answer contains the words.
	Refusing func(t *testing.T) (check delivery.Check, words string)
	// Vanishing goes away instead of answering.
	Vanishing func(t *testing.T) delivery.Check
	// Impossible cannot be asked at all.
	Impossible func(t *testing.T) delivery.Check
	// PassingAt says no until it is asked for the nth time, and yes from then on.
	PassingAt func(t *testing.T, nth int) delivery.Check
	// Stalling never answers. The channel gets a value each time it was asked.
	Stalling func(t *testing.T) (check delivery.Check, asked <-chan struct{})
	// Telling says no, and tells the secret in all that it lets the checker hear.
	Telling func(t *testing.T, secret string) delivery.Check
	// Talkative says no in a megabyte of words.
	Talkative func(t *testing.T) delivery.Check
}

const interval = 7 * time.Second // nobody waits for it: the suite's pause returns at once

// Exercise runs the conformance suite.
func Exercise(t *testing.T, s Subject) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Subject){
		"a yes passes":                          passes,
		"a no does not, and says why":           refuses,
		"what goes away says no":                vanishes,
		"what cannot be asked is broken":        isBroken,
		"what is not of its kind is broken":     needsItsKind,
		"what does not answer in time says no":  timesOut,
		"it asks again until it passes":         asksAgain,
		"it asks no more often than declared":   givesUp,
		"a caller who left is not waited for":   isCanceledBefore,
		"a caller may leave during an attempt":  isCanceledDuring,
		"a caller may leave between attempts":   isCanceledBetween,
		"secrets that it tells show nowhere":    masksWhatItHears,
		"much talk is cut":                      cutsDetail,
		"the same question gets the same words": isStable,
		"several may be asked at the same time": isConcurrent,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

// pauses remembers how long the checker wanted to wait.
type pauses struct{ waited []time.Duration }

func (p *pauses) pause(ctx context.Context, d time.Duration) error {
	p.waited = append(p.waited, d)
	return ctx.Err()
}

// repeated is the check with the attempts and, unless empty, the timeout.
func repeated(check delivery.Check, attempts int, timeout delivery.Duration) delivery.Check {
	every := delivery.Duration(interval.String())
	switch {
	case check.HTTP != nil:
		c := *check.HTTP
		c.Attempts, c.Interval, c.Timeout = attempts, every, timeout
		return delivery.Check{HTTP: &c}
	case check.Command != nil:
		c := *check.Command
		c.Attempts, c.Interval, c.Timeout = attempts, every, timeout
		return delivery.Check{Command: &c}
	}
	return check
}

func request(c delivery.Check) delivery.CheckRequest {
	return delivery.CheckRequest{
		Check: c, Name: "smoke", Pipeline: "shop", Stage: "staging", Environment: "staging-eu", Version: "1.4.2",
		Digest: "sha256:" + strings.Repeat("0a", 32), Config: map[string]string{"LOG_LEVEL": "info"},
	}
}

// ask asks once and checks what holds for each answer.
func ask(t *testing.T, s Subject, c delivery.Check) (delivery.CheckResult, []time.Duration) {
	t.Helper()
	var waits pauses
	result, err := s.New(waits.pause).Check(t.Context(), request(c))
	require.NoError(t, err)
	require.Equal(t, "smoke", result.Name)
	require.False(t, result.Passed && result.Broken)
	require.NotEmpty(t, result.Detail)
	require.LessOrEqual(t, len(result.Detail), check.MaxDetailBytes)
	require.True(t, utf8.ValidString(result.Detail))
	return result, waits.waited
}

func passes(t *testing.T, s Subject) {
	result, waits := ask(t, s, repeated(s.Passing(t), 5, ""))
	require.True(t, result.Passed, result.Detail)
	require.False(t, result.Broken)
	require.Empty(t, waits)
}

func refuses(t *testing.T, s Subject) {
	check, words := s.Refusing(t)
	result, waits := ask(t, s, check)
	require.False(t, result.Passed)
	require.False(t, result.Broken)
	require.Contains(t, result.Detail, words)
	require.Empty(t, waits, "no attempts declared means one")
}

func vanishes(t *testing.T, s Subject) {
	result, _ := ask(t, s, repeated(s.Vanishing(t), 2, ""))
	require.False(t, result.Passed)
	require.False(t, result.Broken, result.Detail)
}

func isBroken(t *testing.T, s Subject) {
	result, waits := ask(t, s, repeated(s.Impossible(t), 5, ""))
	require.False(t, result.Passed)
	require.True(t, result.Broken, result.Detail)
	require.Empty(t, waits, "asking again cannot help")
}

func needsItsKind(t *testing.T, s Subject) {
	kinds := map[string]delivery.Check{
		"none":    {},
		"http":    {HTTP: &delivery.HTTPCheck{}},
		"command": {Command: &delivery.CommandCheck{}},
	}
	for _, check := range kinds {
		result, _ := ask(t, s, check)
		require.False(t, result.Passed)
		require.True(t, result.Broken, result.Detail)
	}
}

func timesOut(t *testing.T, s Subject) {
	check, _ := s.Stalling(t)
	result, waits := ask(t, s, repeated(check, 2, "100ms"))
	require.False(t, result.Passed)
	require.False(t, result.Broken)
	require.Contains(t, result.Detail, "100ms")
	require.Equal(t, []time.Duration{interval}, waits)
}

func asksAgain(t *testing.T, s Subject) {
	result, waits := ask(t, s, repeated(s.PassingAt(t, 3), 5, ""))
	require.True(t, result.Passed, result.Detail)
	require.Contains(t, result.Detail, "attempt 3 of 5")
	require.Equal(t, []time.Duration{interval, interval}, waits)
}

func givesUp(t *testing.T, s Subject) {
	result, waits := ask(t, s, repeated(s.PassingAt(t, 4), 3, ""))
	require.False(t, result.Passed)
	require.Contains(t, result.Detail, "attempt 3 of 3")
	require.Equal(t, []time.Duration{interval, interval}, waits)
}

func isCanceledBefore(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var waits pauses
	for _, check := range []delivery.Check{s.Passing(t), s.Impossible(t), {}} {
		result, err := s.New(waits.pause).Check(ctx, request(check))
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, result.Passed)
	}
	require.Empty(t, waits.waited)
}

func isCanceledDuring(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	check, asked := s.Stalling(t)
	ended := make(chan error, 1)
	go func() {
		var waits pauses
		_, err := s.New(waits.pause).Check(ctx, request(repeated(check, 5, "10m")))
		ended <- err
	}()
	select {
	case <-asked:
	case err := <-ended:
		require.FailNow(t, "it did not wait for the answer", "%v", err)
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func isCanceledBetween(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	check, _ := s.Refusing(t)
	leave := func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}
	result, err := s.New(leave).Check(ctx, request(repeated(check, 5, "")))
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, result.Passed)
}

func masksWhatItHears(t *testing.T, s Subject) {
	for name, secret := range redacttest.Values {
		var waits pauses
		r := request(repeated(s.Telling(t, secret), 2, ""))
		r.Hidden = []string{secret}
		result, err := s.New(waits.pause).Check(t.Context(), r)
		require.NoError(t, err)
		require.False(t, result.Passed)
		require.Contains(t, result.Detail, redact.Mark, "what it heard is repeated: %s", name)
		redacttest.RequireNone(t, result.Detail, secret)
	}
}

func cutsDetail(t *testing.T, s Subject) {
	result, _ := ask(t, s, repeated(s.Talkative(t), 2, ""))
	require.False(t, result.Passed)
	require.False(t, result.Broken)
}

// What a stage waits for is compared from one plan to the next: the words may not change when nothing else did.
func isStable(t *testing.T, s Subject) {
	refusing, _ := s.Refusing(t)
	for name, check := range map[string]delivery.Check{"no": refusing, "gone": s.Vanishing(t), "broken": s.Impossible(t)} {
		first, _ := ask(t, s, check)
		second, _ := ask(t, s, check)
		require.Equal(t, first, second, name)
	}
}

func isConcurrent(t *testing.T, s Subject) {
	checker := s.New(check.Sleep)
	yes := s.Passing(t)
	no, _ := s.Refusing(t)
	var (
		group sync.WaitGroup
		wrong [8]string
	)
	for i := range wrong {
		check, want := yes, true
		if i%2 == 1 {
			check, want = no, false
		}
		group.Go(func() {
			result, err := checker.Check(t.Context(), request(check))
			if err != nil || result.Passed != want {
				wrong[i] = fmt.Sprintf("passed is %t, error is %v: %s", result.Passed, err, result.Detail)
			}
		})
	}
	group.Wait()
	require.Equal(t, [8]string{}, wrong)
}
