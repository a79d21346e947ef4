//go:build unix

package command

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/check/checktest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/process"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact/redacttest"
)

func TestConformance(t *testing.T) {
	checktest.Exercise(t, checktest.Subject{
		New: func(pause check.Pause) check.Checker {
			c := New(pause, nil)
			c.grace = 100 * time.Millisecond
			return c
		},
		Passing: func(*testing.T) delivery.Check { return shell("exit 0") },
		Refusing: func(*testing.T) (delivery.Check, string) {
			return shell("echo the shop is closed; exit 3"), "exit status 3: the shop is closed"
		},
		Vanishing:  func(*testing.T) delivery.Check { return shell("kill -KILL $$") },
		Impossible: func(*testing.T) delivery.Check { return argv("no-such-program") },
		PassingAt: func(t *testing.T, nth int) delivery.Check {
			count := filepath.Join(t.TempDir(), "count")
			return shell(`echo asked >>"$0"; [ "$(wc -l <"$0")" -ge "$1" ]`, count, strconv.Itoa(nth))
		},
		Telling: func(t *testing.T, secret string) delivery.Check {
			told := filepath.Join(t.TempDir(), "told")
			require.NoError(t, os.WriteFile(told, []byte(redacttest.Say(secret)), 0o600))
			return shell(`cat "$0"; cat "$0" >&2; exit 1`, told)
		},
		Stalling: stalling,
		Talkative: func(*testing.T) delivery.Check {
			return shell(`i=0; while [ $i -lt 30000 ]; do echo "words and more words, line after line"; i=$((i+1)); done; exit 1`)
		},
	})
}

func argv(program ...string) delivery.Check {
	return delivery.Check{Command: &delivery.CommandCheck{Command: delivery.Command{Argv: program}}}
}

func shell(script string, args ...string) delivery.Check {
	return argv(append([]string{"sh", "-c", script}, args...)...)
}

// stalling tells through a pipe that it runs, and then neither ends nor listens.
func stalling(t *testing.T) (delivery.Check, <-chan struct{}) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	pipe, err := os.OpenFile(path, os.O_RDWR, 0) // for both, so that neither side waits for the other to open it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pipe.Close()) })
	asked := make(chan struct{}, 100)
	go func() {
		buffer := make([]byte, 1)
		for {
			if _, err := pipe.Read(buffer); err != nil {
				return // the test ends
			}
			asked <- struct{}{}
		}
	}()
	return shell(`trap "" TERM; printf x >"$0"; while :; do sleep 1000; done`, path), asked
}

func TestTheProgramKnowsWhatItIsAskedAbout(t *testing.T) {
	t.Setenv("SOME_TOKEN", "hidden")
	dir := t.TempDir()
	asked := shell(`cat >stdin; env >env`)
	asked.Command.Directory = dir
	asked.Command.Environment = map[string]string{"OWN": "own", "BOTH": "check", "CD_VERSION": "not mine to say"}
	request := delivery.CheckRequest{
		Check: asked, Name: "smoke", Pipeline: "shop", Stage: "staging", Environment: "staging-eu", Version: "1.4.2",
		Deployment: "d1", ConfigRevision: "sha256:11", Digest: "sha256:00", Config: map[string]string{"LOG_LEVEL": "info", "BOTH": "config"},
	}

	result, err := New(check.Sleep, nil).Check(t.Context(), request)

	require.NoError(t, err)
	require.Equal(t, delivery.CheckResult{Name: "smoke", Passed: true, Detail: "the command succeeded"}, result)
	var got delivery.CheckRequest
	text, err := os.ReadFile(filepath.Join(dir, "stdin"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &got))
	request.Check, request.SecretNames = delivery.Check{}, []string{}
	require.Equal(t, request, got)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(text, &fields))
	require.ElementsMatch(t, []string{"check", "id", "pipeline", "stage", "environment", "version", "digest", "artifacts", "config",
		"secret_names", "config_revision"}, slices.Collect(maps.Keys(fields)), "the fields that a deployment has, and its own name")

	text, err = os.ReadFile(filepath.Join(dir, "env"))
	require.NoError(t, err)
	env := "\n" + string(text)
	for _, want := range []string{
		"LOG_LEVEL=info", "OWN=own", "BOTH=check", "CD_CHECK=smoke", "CD_PIPELINE=shop", "CD_STAGE=staging",
		"CD_ENVIRONMENT=staging-eu", "CD_VERSION=1.4.2", "CD_DIGEST=sha256:00", "CD_DEPLOYMENT_ID=d1",
		"CD_CONFIG_REVISION=sha256:11",
	} {
		require.Contains(t, env, "\n"+want+"\n")
	}
	require.NotContains(t, env, "hidden")
}

func TestTheLastWordsAreShown(t *testing.T) {
	request := delivery.CheckRequest{Check: shell("echo first; echo last words >&2; exit 4")}
	result, err := New(check.Sleep, nil).Check(t.Context(), request)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(result.Detail, `program "sh" ended with exit status 4: `), result.Detail)
	require.Contains(t, result.Detail, "last words")
}

func TestWhatCannotBeAskedIsBroken(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o600))
	nowhere := argv("sh")
	nowhere.Command.Directory = filepath.Join(t.TempDir(), "nowhere")
	for _, asked := range []delivery.Check{argv(plain), argv("./no-such"), nowhere} {
		result, err := New(check.Sleep, nil).Check(t.Context(), delivery.CheckRequest{Check: asked})
		require.NoError(t, err)
		require.False(t, result.Passed)
		require.True(t, result.Broken, result.Detail)
	}
}

func TestAShortageIsNoReasonToGiveUp(t *testing.T) {
	short := answer("smoke", process.Output{}, &process.StartError{Program: "x", Err: syscall.EAGAIN})
	require.False(t, short.Passed)
	require.False(t, short.Broken)
	other := answer("smoke", process.Output{}, errors.New("waiting for it failed"))
	require.False(t, other.Passed)
}
