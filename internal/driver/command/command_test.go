package command_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/command"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/drivertest"
)

func TestConformance(t *testing.T) {
	drivertest.Exercise(t, func(t *testing.T) drivertest.Fixture {
		t.Helper()
		dir := t.TempDir()
		of := func(pipeline, name string) string { return filepath.Join(dir, pipeline, name) }
		return drivertest.Fixture{
			Driver:    command.New(nil),
			Target:    commandTarget(self(t, "deploy", dir), self(t, "observe", dir)),
			Artifacts: artifacts,
			Running: func(t *testing.T, pipeline string) drivertest.Running {
				r, err := readRun(filepath.Join(dir, pipeline))
				require.NoError(t, err)
				software, err := os.ReadFile(of(pipeline, "software"))
				require.NoError(t, err)
				return drivertest.Running{Version: r.Version, Content: string(software), Config: r.Config, Secrets: r.Secrets}
			},
			Alter: func(t *testing.T, pipeline string) {
				require.NoError(t, os.WriteFile(of(pipeline, "software"), []byte("changed by hand"), 0o600))
			},
			Remove: func(t *testing.T, pipeline string) {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, pipeline)))
			},
			Failing: func(t *testing.T) delivery.Target {
				return commandTarget(self(t, "fail", dir), self(t, "observe", dir))
			},
			Telling: func(t *testing.T, _, text string) []delivery.Target {
				told := filepath.Join(t.TempDir(), "told")
				require.NoError(t, os.WriteFile(told, []byte(text), 0o600))
				telling := func(mode string) delivery.Command {
					c := self(t, mode, dir)
					c.Environment[toldVariable] = told
					return c
				}
				return []delivery.Target{
					commandTarget(telling("tell"), telling("tell as an answer")),
					commandTarget(telling("tell as an error"), telling("tell")),
				}
			},
			Stalling: func(t *testing.T) (delivery.Target, <-chan struct{}) {
				address, called := listen(t)
				deploy := self(t, "stall", dir)
				deploy.Environment[callVariable] = address
				return commandTarget(deploy, self(t, "observe", dir)), called
			},
			Effects: func(t *testing.T, pipeline string) int {
				starts, err := os.ReadFile(filepath.Join(dir, pipeline+".starts"))
				if !errors.Is(err, fs.ErrNotExist) {
					require.NoError(t, err)
				}
				return len(starts)
			},
		}
	})
}

func self(t *testing.T, mode, dir string) delivery.Command {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return delivery.Command{Argv: []string{path}, Environment: map[string]string{
		modeVariable: mode, placeVariable: dir,
		"GORACE": "atexit_sleep_ms=0", // under the race detector a program waits a second before it ends
	}}
}

func artifacts(t *testing.T, content string) map[string]delivery.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return map[string]delivery.Artifact{"app": {URI: path, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content)))}}
}

// listen waits for one call, and holds the line until the test ends.
func listen(t *testing.T) (address string, called <-chan struct{}) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	rang := make(chan struct{})
	over := make(chan struct{})
	go func() {
		defer close(over)
		if connection, err := listener.Accept(); err == nil {
			close(rang)
			<-t.Context().Done()
			_ = connection.Close()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-over
	})
	return listener.Addr().String(), rang
}

func request(target delivery.Target) driver.Request {
	return driver.Request{
		ID: "d1", Pipeline: "shop", Stage: "staging", Environment: "staging-eu", Version: "1.4.2", Digest: "sha256:00",
		Config: map[string]string{"LOG_LEVEL": "info"}, ConfigRevision: "sha256:11", Target: target,
		Secrets: map[string]string{"PASSWORD": "hunter2"}, SecretNames: []string{"PASSWORD"},
	}
}

func TestAFailureSaysWhatItMeans(t *testing.T) {
	_, err := command.New(nil).Deploy(t.Context(), request(commandTarget(self(t, "fail", t.TempDir()), delivery.Command{})))
	require.ErrorContains(t, err, "deploying shop 1.4.2 with the target's deploy command")
	require.ErrorContains(t, err, "ended with exit status 1")
	require.ErrorContains(t, err, `what runs in environment "staging-eu" may be partly changed`)
	require.ErrorContains(t, err, "no luck today")
	require.NotContains(t, err.Error(), "hunter2")

	_, err = command.New(nil).Deploy(t.Context(), request(commandTarget(delivery.Command{Argv: []string{"no-such-program"}}, delivery.Command{})))
	require.ErrorContains(t, err, "install it, or give its path")
	require.ErrorContains(t, err, `nothing was changed in environment "staging-eu"`)

	stalling := self(t, "stall", t.TempDir())
	stalling.Environment[callVariable], _ = listen(t)
	stalling.Timeout = "100ms"
	_, err = command.New(nil).Deploy(t.Context(), request(commandTarget(stalling, delivery.Command{})))
	require.ErrorContains(t, err, "still running after 100ms and was stopped; raise its timeout")
	require.NotErrorIs(t, err, context.DeadlineExceeded)
}

func TestTheCommandsOwnVariablesWin(t *testing.T) {
	dir := t.TempDir()
	deploy := self(t, "deploy", dir)
	deploy.Environment["LOG_LEVEL"] = "the command's own"
	r := request(commandTarget(deploy, delivery.Command{}))
	r.Artifacts = artifacts(t, "software")
	_, err := command.New(nil).Deploy(t.Context(), r)
	require.ErrorContains(t, err, "variable LOG_LEVEL is not what the JSON says")

	deploy = self(t, "deploy", dir)
	deploy.Environment["CD_DEPLOYMENT_ID"] = "not mine to say"
	r.Target = commandTarget(deploy, delivery.Command{})
	_, err = command.New(nil).Deploy(t.Context(), r)
	require.NoError(t, err)
	now, err := readRun(filepath.Join(dir, "shop"))
	require.NoError(t, err)
	require.Equal(t, "d1", now.Deployment)
}

func TestTheReceiptSaysWhatWasDeployed(t *testing.T) {
	r := request(commandTarget(self(t, "deploy", t.TempDir()), delivery.Command{}))
	r.Artifacts = artifacts(t, "software")
	result, err := command.New(nil).Deploy(t.Context(), r)
	require.NoError(t, err)
	require.JSONEq(t, `{"deployment": "d1", "config_revision": "sha256:11"}`, result.Receipt)
}

func TestAnotherKindOfTargetIsRefused(t *testing.T) {
	_, err := command.New(nil).Deploy(t.Context(), request(delivery.Target{}))
	require.Error(t, err)
	_, err = command.New(nil).Observe(t.Context(), request(delivery.Target{}))
	require.Error(t, err)
}

func TestAnEmptySetOfSecretsIsAnObject(t *testing.T) {
	dir := t.TempDir()
	r := request(commandTarget(self(t, "write down", dir), delivery.Command{}))
	r.Secrets, r.SecretNames = nil, nil
	_, err := command.New(nil).Deploy(t.Context(), r)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "shop.json"))
	require.NoError(t, err)
	var told map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &told))
	require.JSONEq(t, `{}`, string(told["secrets"]))
	require.JSONEq(t, `"d1"`, string(told["id"]))
	require.NotContains(t, string(text), "Target")
}
