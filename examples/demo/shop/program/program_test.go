//go:build unix

package program

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The tests start this very test binary as the shop: with this variable set it is the program, not the tests.
const asShop = "SHOP_TEST_VERSION"

func TestMain(m *testing.M) {
	if version := os.Getenv(asShop); version != "" {
		os.Exit(Main(version, threeEach))
	}
	os.Exit(m.Run())
}

func threeEach(_ string, cups int) (int, error) { return 3 * cups, nil }

func TestConfigRefusesWhatItCannotUse(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"no port":          {},
		"port too high":    {"PORT": "70000"},
		"unknown currency": {"PORT": "8080", "CURRENCY": "XYZ"},
		"unknown level":    {"PORT": "8080", "LOG_LEVEL": "loud"},
	} {
		_, err := configFrom(func(key string) string { return env[key] })
		require.Error(t, err, name)
	}
}

func TestHandlerAnswers(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.txt")
	require.NoError(t, os.WriteFile(page, []byte("{{.Greeting}} {{.Version}} {{.Currency}}"), 0o600))
	server := httptest.NewServer(handler(config{greeting: "Hi", currency: "EUR"}, "1.2.3", threeEach, page))
	defer server.Close()
	for path, want := range map[string]string{
		"/":                "Hi 1.2.3 EUR",
		"/version":         "1.2.3\n",
		"/checkout?cups=7": "0.21 EUR\n",
		"/healthz":         `{"status":"ok","version":"1.2.3","pid":` + strconv.Itoa(os.Getpid()) + `}`,
	} {
		status, body := fetch(t, server.URL+path)
		require.Equal(t, http.StatusOK, status, path)
		require.Equal(t, want, body, path)
	}
	status, _ := fetch(t, server.URL+"/checkout?cups=many")
	require.Equal(t, http.StatusBadRequest, status)
}

func TestRestartReplacesTheRunningVersionAndStopLeavesNothing(t *testing.T) {
	env := newShopEnv(t)
	require.Contains(t, env.shop(t, "1.0.0", "restart"), "shop 1.0.0 answers")
	first := env.pid(t)
	require.Contains(t, env.shop(t, "1.1.0", "restart"), "shop 1.1.0 answers")
	require.NotEqual(t, first, env.pid(t))
	require.Contains(t, env.shop(t, "1.1.0", "restart"), "shop 1.1.0 answers", "the same version again")

	require.Contains(t, env.shop(t, "1.0.0", "stop"), "stopped")
	require.Zero(t, env.pid(t))
	require.Empty(t, env.shop(t, "1.0.0", "stop"), "nothing left to stop")
}

func TestStalePIDFileStopsNobody(t *testing.T) {
	env := newShopEnv(t)
	bystander := exec.Command("sleep", "600")
	require.NoError(t, bystander.Start())
	defer func() { _ = bystander.Wait() }()
	require.NoError(t, os.WriteFile(env.cfg.pidFile(), []byte(strconv.Itoa(bystander.Process.Pid)), 0o600))

	env.shop(t, "1.0.0", "stop")
	require.NoError(t, bystander.Process.Signal(syscall.Signal(0)), "still alive")
	require.NoError(t, bystander.Process.Kill())
}

func TestAKilledShopIsStartedAgain(t *testing.T) {
	env := newShopEnv(t)
	env.shop(t, "1.0.0", "restart")
	require.NoError(t, syscall.Kill(env.pid(t), syscall.SIGKILL))
	require.Contains(t, env.shop(t, "1.0.0", "restart"), "shop 1.0.0 answers")
}

func TestStartOnATakenPortSaysWhy(t *testing.T) {
	env := newShopEnv(t)
	listener, err := net.Listen("tcp", env.cfg.address())
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	out, err := env.command("1.0.0", "restart").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "address already in use")
}

type shopEnv struct{ cfg config }

func newShopEnv(t *testing.T) shopEnv {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address, ok := listener.Addr().(*net.TCPAddr)
	require.True(t, ok)
	require.NoError(t, listener.Close())
	env := shopEnv{cfg: config{port: address.Port, runDir: t.TempDir()}}
	t.Cleanup(func() {
		require.NoError(t, stopRunning(context.Background(), env.cfg, io.Discard))
	})
	return env
}

func (e shopEnv) command(version, mode string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], mode)
	cmd.Env = append(os.Environ(), asShop+"="+version, "PORT="+strconv.Itoa(e.cfg.port), "RUN_DIR="+e.cfg.runDir,
		"GORACE=atexit_sleep_ms=0") // else each process of a race build takes a second to end
	// If the background shop kept the pipe open, the output would never end: the caller of the hook must not hang.
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func (e shopEnv) shop(t *testing.T, version, mode string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := e.command(version, mode)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), stderr.String())
	return stdout.String()
}

func (e shopEnv) pid(t *testing.T) int {
	t.Helper()
	pid, err := runningPID(e.cfg.pidFile())
	require.NoError(t, err)
	return pid
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, string(body)
}
