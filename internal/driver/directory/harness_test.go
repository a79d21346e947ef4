package directory

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/drivertest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact/redacttest"
)

// roleVariable makes the test binary play a hook, or a process that dies in the middle of a deployment.
const roleVariable = "DIRECTORY_TEST_ROLE"

func TestMain(m *testing.M) {
	role, argument, _ := strings.Cut(os.Getenv(roleVariable), "=")
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role, argument); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(role, argument string) error {
	switch role {
	case "note": // adds a line to a file
		return note(argument)
	case "fail": // prints all it knows
		fmt.Println(strings.Join(os.Environ(), "\n"))
		return errors.New("the hook fails")
	case "tell": // prints a file
		text, err := os.ReadFile(argument)
		fmt.Print(string(text))
		return errors.Join(err, errors.New(string(text)))
	case "stall": // says that it runs, then hangs
		conn, err := net.Dial("tcp", argument)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, conn)
		return errors.Join(err, errors.New("nobody ended the hook"))
	case "deploy":
		return deployAndDie(argument)
	case "claim":
		return claimAtOnce(argument)
	}
	return fmt.Errorf("no role %q", role)
}

func note(file string) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, filepath.Base(dir), os.Getenv("CD_PIPELINE"), os.Getenv("CD_STAGE"), os.Getenv("CD_ENVIRONMENT"),
		os.Getenv("CD_VERSION"), os.Getenv("CD_DEPLOYMENT_ID"))
	return errors.Join(err, f.Close())
}

func notes(t testing.TB, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func hookAs(t testing.TB, role string) *delivery.Command {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return &delivery.Command{Argv: []string{self}, Environment: roleEnvironment(role)}
}

// roleEnvironment makes the test binary play a role; the race detector's pause at its end would cost a second each time.
func roleEnvironment(role string) map[string]string {
	return map[string]string{roleVariable: role, "GORACE": "atexit_sleep_ms=0"}
}

// stallingHook is a hook that hangs; the channel is closed once it runs.
func stallingHook(t *testing.T) (hook *delivery.Command, runs <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	started := make(chan struct{})
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		t.Cleanup(func() {
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		})
		close(started)
	}()
	return hookAs(t, "stall="+listener.Addr().String()), started
}

// packed is a file or directory to pack; link makes it a link.
type packed struct {
	name, text, link string
	mode             fs.FileMode
	directory        bool
}

func tarGz(t testing.TB, files ...packed) []byte {
	t.Helper()
	var text bytes.Buffer
	zipped := gzip.NewWriter(&text)
	tape := tar.NewWriter(zipped)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: int64(f.mode), Size: int64(len(f.text)), Typeflag: tar.TypeReg, Linkname: f.link}
		if f.mode == 0 {
			header.Mode = 0o644
		}
		switch {
		case f.link != "":
			header.Typeflag = tar.TypeSymlink
		case f.directory:
			header.Typeflag = tar.TypeDir
		}
		require.NoError(t, tape.WriteHeader(header))
		_, err := io.WriteString(tape, f.text)
		require.NoError(t, err)
	}
	require.NoError(t, errors.Join(tape.Close(), zipped.Close()))
	return text.Bytes()
}

func zipped(t testing.TB, files ...packed) []byte {
	t.Helper()
	var text bytes.Buffer
	archive := zip.NewWriter(&text)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		mode, content := f.mode, f.text
		if mode == 0 {
			mode = 0o644
		}
		switch {
		case f.link != "":
			mode, content = fs.ModeSymlink|0o777, f.link
		case f.directory:
			header.Name, mode = strings.TrimSuffix(f.name, "/")+"/", fs.ModeDir|0o755
		}
		header.SetMode(mode)
		w, err := archive.CreateHeader(header)
		require.NoError(t, err)
		_, err = io.WriteString(w, content)
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return text.Bytes()
}

// artifactFile writes a file and names it as an artifact with the right digest.
func artifactFile(t testing.TB, name string, content []byte) map[string]delivery.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o644))
	return artifactAt(t, path)
}

func artifactAt(t testing.TB, path string) map[string]delivery.Artifact {
	t.Helper()
	digest, err := Digest(path)
	require.NoError(t, err)
	return map[string]delivery.Artifact{"app": {URI: path, Digest: digest}}
}

func artifactDirectory(t testing.TB, files map[string]string) map[string]delivery.Artifact {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return artifactAt(t, dir)
}

// requestTo is a deployment of the artifacts to a directory target.
func requestTo(target string, id, version string, artifacts map[string]delivery.Artifact) driver.Request {
	return driver.Request{
		ID: id, Pipeline: "shop", Stage: "staging", Environment: "staging-eu", Version: version,
		Digest: "sha256:release-" + version, ConfigRevision: "sha256:config", Artifacts: artifacts,
		Config:  map[string]string{"LOG_LEVEL": "debug", "PORT": "8080"},
		Secrets: map[string]string{"PASSWORD": "tr0ub4dor&3"}, SecretNames: []string{"PASSWORD"},
		Target: delivery.Target{Directory: &delivery.DirectoryTarget{Path: target}},
	}
}

// deployed deploys and returns the request as Observe gets it.
func deployed(t testing.TB, d driver.Driver, r driver.Request) driver.Request {
	t.Helper()
	result, err := d.Deploy(t.Context(), r)
	require.NoError(t, err)
	r.Receipt, r.Secrets = result.Receipt, nil
	return r
}

func read(t testing.TB, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(t, err)
	return string(text)
}

func names(t testing.TB, parts ...string) []string {
	t.Helper()
	found, err := os.ReadDir(filepath.Join(parts...))
	require.NoError(t, err)
	all := []string{}
	for _, f := range found {
		all = append(all, f.Name())
	}
	return all
}

// sourced reads variables as a program started by a POSIX shell does.
func sourced(t *testing.T, file string) map[string]string {
	t.Helper()
	values := map[string]string{}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return values
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `set -a; . "$0"; exec /usr/bin/env -0`, file)
	cmd.Env = []string{}
	out, err := cmd.Output()
	require.NoError(t, err)
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		key, value, _ := strings.Cut(line, "=")
		if key != "PWD" && key != "_" && key != "SHLVL" && key != "OLDPWD" {
			values[key] = value
		}
	}
	return values
}

func TestConformance(t *testing.T) {
	for kind, pack := range map[string]func(t *testing.T, content string) map[string]delivery.Artifact{
		"directory": func(t *testing.T, content string) map[string]delivery.Artifact {
			return artifactDirectory(t, map[string]string{"content.txt": content, "sub/dir/other.txt": "x"})
		},
		"tar.gz": func(t *testing.T, content string) map[string]delivery.Artifact {
			return artifactFile(t, "app.tar.gz", tarGz(t, packed{name: "content.txt", text: content}, packed{name: "run", link: "content.txt"}))
		},
		"zip": func(t *testing.T, content string) map[string]delivery.Artifact {
			return artifactFile(t, "app.ZIP", zipped(t, packed{name: "content.txt", text: content}, packed{name: "run", link: "content.txt"}))
		},
		"single file": func(t *testing.T, content string) map[string]delivery.Artifact {
			return artifactFile(t, "content.txt", []byte(content))
		},
	} {
		t.Run(kind, func(t *testing.T) {
			drivertest.Exercise(t, func(t *testing.T) drivertest.Fixture { return openFixture(t, pack) })
		})
	}
}

func openFixture(t *testing.T, pack func(*testing.T, string) map[string]delivery.Artifact) drivertest.Fixture {
	t.Helper()
	target := filepath.Join(t.TempDir(), "srv")
	started := filepath.Join(t.TempDir(), "started")
	with := func(hook *delivery.Command) delivery.Target {
		return delivery.Target{Directory: &delivery.DirectoryTarget{Path: target, AfterDeploy: hook}}
	}
	return drivertest.Fixture{
		OneLedger: true,
		Driver:    New(Options{}),
		Target:    with(hookAs(t, "note="+started)),
		Artifacts: pack,
		Running: func(t *testing.T, pipeline string) drivertest.Running {
			current := filepath.Join(target, pipeline, "current")
			var m struct{ About struct{ Version string } }
			require.NoError(t, json.Unmarshal([]byte(read(t, current, ".cd-manifest.json")), &m))
			return drivertest.Running{
				Version: m.About.Version, Content: read(t, current, "content.txt"),
				Config: sourced(t, filepath.Join(current, ".env")), Secrets: sourced(t, filepath.Join(current, ".secrets.env")),
			}
		},
		Alter: func(t *testing.T, pipeline string) {
			require.NoError(t, os.WriteFile(filepath.Join(target, pipeline, "current", "content.txt"), []byte("by hand"), 0o644))
		},
		Remove:  func(t *testing.T, pipeline string) { require.NoError(t, os.RemoveAll(filepath.Join(target, pipeline))) },
		Failing: func(t *testing.T) delivery.Target { return with(hookAs(t, "fail")) },
		Telling: func(t *testing.T, pipeline, text string) []delivery.Target {
			told := filepath.Join(t.TempDir(), "told")
			require.NoError(t, os.WriteFile(told, []byte(text), 0o600))
			env := renderEnv(map[string]string{"LOG_LEVEL": redacttest.Values["QUOTED"], "REGION": text})
			require.NoError(t, os.WriteFile(filepath.Join(target, pipeline, "current", ".env"), env, 0o600))
			return []delivery.Target{with(hookAs(t, "tell="+told))}
		},
		Stalling: func(t *testing.T) (delivery.Target, <-chan struct{}) {
			hook, runs := stallingHook(t)
			return with(hook), runs
		},
		Effects: func(t *testing.T, pipeline string) int {
			count := 0
			for _, line := range notes(t, started) {
				if strings.Contains(line, " "+pipeline+" ") {
					count++
				}
			}
			return count
		},
	}
}

// deployAndDie deploys as a process that is killed when it reaches a step. The argument is the step and the request's file.
func deployAndDie(argument string) error {
	at, file, _ := strings.Cut(argument, ":")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var saved savedRequest
	if err := json.Unmarshal(text, &saved); err != nil {
		return err
	}
	r := saved.Request
	r.Secrets, r.Target = saved.Secrets, saved.Target
	d := newDriver(Options{Limits: saved.Limits})
	d.reached = func(s step) {
		if string(s) == at {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			panic(err)
		}
	}
	limitFileSize(saved.FileSize)
	_, err = d.Deploy(context.Background(), r)
	return err
}

// savedRequest is a request for another process, with the fields that never leave a process otherwise.
type savedRequest struct {
	Request  driver.Request
	Secrets  map[string]string
	Target   delivery.Target
	Limits   Limits
	FileSize uint64 // bytes; zero means no limit
}

// deployInChild runs a deployment in a separate process and returns what it printed.
func deployInChild(t *testing.T, dieAt step, saved savedRequest) (string, error) {
	t.Helper()
	saved.Secrets, saved.Target = saved.Request.Secrets, saved.Request.Target
	text, err := json.Marshal(saved)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "request.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=deploy=%s:%s", roleVariable, dieAt, file), "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
