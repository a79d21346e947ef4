package directory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestLayout(t *testing.T) {
	target := t.TempDir()
	r := requestTo(target, "d1", "1.0.0", artifactFile(t, "shop.tar.gz", tarGz(t,
		packed{name: "./bin/", directory: true, mode: 0o2777}, packed{name: "./bin/shop", text: "program", mode: 0o4711},
		packed{name: "page.txt", text: "hello", mode: 0o600}, packed{name: "run", link: "bin/shop"})))
	deployed(t, New(Options{}), r)

	shop := filepath.Join(target, "shop")
	require.Equal(t, []string{".lock", "current", "finished", "releases", "staging"}, names(t, shop))
	require.Empty(t, names(t, shop, "staging"))
	link, err := os.Readlink(filepath.Join(shop, "current"))
	require.NoError(t, err)
	require.Equal(t, "releases/1.0.0-d1", filepath.ToSlash(link))
	release := filepath.Join(shop, "releases", "1.0.0-d1")
	require.Equal(t, []string{".cd-manifest.json", ".env", ".secrets.env", "bin", "page.txt", "run"}, names(t, release))
	require.Equal(t, "LOG_LEVEL=\"debug\"\nPORT=\"8080\"\n", read(t, release, ".env"))
	require.Equal(t, "PASSWORD=\"tr0ub4dor&3\"\n", read(t, release, ".secrets.env"))
	require.Equal(t, "program", read(t, release, "run"))
	for name, mode := range map[string]string{
		"bin": "drwxr-xr-x", "bin/shop": "-rwxr-xr-x", "page.txt": "-rw-r--r--", ".env": "-rw-------", ".secrets.env": "-rw-------",
		".": "drwxr-xr-x",
	} {
		info, err := os.Stat(filepath.Join(release, name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().String(), name)
	}
	require.NotContains(t, read(t, release, ".cd-manifest.json"), "tr0ub4dor")
}

func TestSeveralArtifactsGetDirectoriesOfTheirOwn(t *testing.T) {
	target := t.TempDir()
	artifacts := map[string]delivery.Artifact{
		"app":    artifactFile(t, "a.zip", zipped(t, packed{name: ".env", text: "its own"}, packed{name: "x", text: "app"}))["app"],
		"assets": artifactDirectory(t, map[string]string{"x": "assets", "img/logo": "logo"})["app"],
		"schema": artifactFile(t, "schema.sql", []byte("create table"))["app"],
	}
	r := deployed(t, New(Options{}), requestTo(target, "d1", "1", artifacts))
	current := filepath.Join(target, "shop", "current")
	require.Equal(t, "app", read(t, current, "app", "x"))
	require.Equal(t, "its own", read(t, current, "app", ".env"))
	require.Equal(t, "logo", read(t, current, "assets", "img", "logo"))
	require.Equal(t, "create table", read(t, current, "schema", "schema.sql"))
	seen, err := New(Options{}).Observe(t.Context(), r)
	require.NoError(t, err)
	require.False(t, seen.Drifted(), "%v", seen)
}

func TestRelativeTargetPathIsRelativeToTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	r := deployed(t, New(Options{}), requestTo("srv/staging", "d1", "1", artifactDirectory(t, map[string]string{"x": "1"})))
	require.Equal(t, "1", read(t, "srv", "staging", "shop", "current", "x"))
	seen, err := New(Options{}).Observe(t.Context(), r)
	require.NoError(t, err)
	require.False(t, seen.Drifted())
}

func TestFileAddress(t *testing.T) {
	target := t.TempDir()
	artifacts := artifactFile(t, "with space.txt", []byte("hello"))
	a := artifacts["app"]
	a.URI = "file://" + strings.ReplaceAll(filepath.ToSlash(a.URI), " ", "%20")
	deployed(t, New(Options{}), requestTo(target, "d1", "1", map[string]delivery.Artifact{"app": a}))
	require.Equal(t, "hello", read(t, target, "shop", "current", "with space.txt"))
}

func TestOldReleasesAreRemoved(t *testing.T) {
	target := t.TempDir()
	d := New(Options{})
	for i := range 6 {
		r := requestTo(target, fmt.Sprintf("d%d", i), "1", artifactDirectory(t, map[string]string{"x": "1"}))
		r.Target.Directory.Keep = 2
		deployed(t, d, r)
	}
	require.Equal(t, []string{"1-d3", "1-d4", "1-d5"}, names(t, target, "shop", "releases"))
}

func TestPreviousReleaseIsKeptHoweverOld(t *testing.T) {
	target := t.TempDir()
	d := New(Options{})
	deploy := func(id string) {
		r := requestTo(target, id, "1", artifactDirectory(t, map[string]string{"x": "1"}))
		r.Target.Directory.Keep = 1
		deployed(t, d, r)
	}
	deploy("d1")
	deploy("d2")
	require.NoError(t, os.Remove(filepath.Join(target, "shop", "current")))
	require.NoError(t, os.Symlink("releases/1-d1", filepath.Join(target, "shop", "current")))
	deploy("d3")
	require.Equal(t, []string{"1-d1", "1-d3"}, names(t, target, "shop", "releases"))
}

func TestWhatSomeonePutInPlaceOfTheLinkIsMovedAside(t *testing.T) {
	target := t.TempDir()
	d := New(Options{})
	artifacts := artifactDirectory(t, map[string]string{"x": "1"})
	before := deployed(t, d, requestTo(target, "d1", "1", artifacts))
	current := filepath.Join(target, "shop", "current")
	require.NoError(t, os.Remove(current))
	require.NoError(t, os.Mkdir(current, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(current, "mine"), []byte("work"), 0o644))

	seen, err := d.Observe(t.Context(), before)
	require.NoError(t, err)
	require.True(t, seen.Drifted())
	deployed(t, d, requestTo(target, "d2", "1", artifacts))
	require.Equal(t, "1", read(t, current, "x"))
	require.Equal(t, "work", read(t, target, "shop", "current.before-d2", "mine"))
}

func TestARepeatedDeploymentRepairsItsOwnRelease(t *testing.T) {
	target := t.TempDir()
	d := New(Options{})
	r := requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"}))
	first := deployed(t, d, r)
	require.NoError(t, os.WriteFile(filepath.Join(target, "shop", "current", "x"), []byte("2"), 0o644))
	require.Equal(t, first.Receipt, deployed(t, d, r).Receipt)
	require.Equal(t, "1", read(t, target, "shop", "current", "x"))
	require.Empty(t, names(t, target, "shop", "staging"))
}

func TestARepairWhoseHookFailsStaysWhereItWas(t *testing.T) {
	target := t.TempDir()
	d := New(Options{})
	artifacts := artifactDirectory(t, map[string]string{"x": "1"})
	deployed(t, d, requestTo(target, "d1", "1", artifacts))
	r := requestTo(target, "d2", "2", artifacts)
	deployed(t, d, r)
	require.NoError(t, os.WriteFile(filepath.Join(target, "shop", "current", "x"), []byte("2"), 0o644))
	r.Target.Directory.AfterDeploy = hookAs(t, "fail")
	_, err := d.Deploy(t.Context(), r)
	require.ErrorContains(t, err, "current was switched back to releases/2-d2")
}

// filling is a disk that takes so many bytes and no more.
type filling struct {
	io.Writer
	left *int
	err  error
}

func (f filling) Write(p []byte) (int, error) {
	if *f.left -= len(p); *f.left < 0 {
		return 0, &os.PathError{Op: "write", Path: "relative", Err: f.err}
	}
	return f.Writer.Write(p)
}

func TestFullDiskLeavesWhatRuns(t *testing.T) {
	for name, room := range map[string]int{"while the artifact is copied": 100, "while it is unpacked": 70_000} {
		t.Run(name, func(t *testing.T) {
			target := t.TempDir()
			d := newDriver(Options{})
			before := deployed(t, d, requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"})))
			left := room
			d.diskWriter = func(w io.Writer) io.Writer { return filling{w, &left, diskFull} }
			// Hardly compressible, so that the archive alone has more than 60,000 bytes.
			var text bytes.Buffer
			for i := range 4_000 {
				fmt.Fprintln(&text, sha256Of(fmt.Append(nil, i)))
			}
			archive := tarGz(t, packed{name: "big", text: text.String()})
			if room > 100 {
				archive = tarGz(t, packed{name: "big", text: strings.Repeat("a", 200_000)})
			}
			_, err := d.Deploy(t.Context(), requestTo(target, "d2", "2", artifactFile(t, "a.tgz", archive)))
			require.ErrorContains(t, err, "the disk is full: free some space")
			require.ErrorIs(t, err, diskFull)
			require.Empty(t, names(t, target, "shop", "staging"))
			require.Equal(t, []string{"1-d1"}, names(t, target, "shop", "releases"))
			seen, err := d.Observe(t.Context(), before)
			require.NoError(t, err)
			require.Equal(t, delivery.Observation{Running: true, Version: "1"}, seen)
		})
	}
}

func TestLeftoversThatCannotBeRemovedAreLogged(t *testing.T) {
	var log bytes.Buffer
	d := newDriver(Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r := requestTo(t.TempDir(), "d1", "1", artifactDirectory(t, map[string]string{"x": "1"}))
	deployed(t, d, r)
	p, err := openSiteDir(r)
	require.NoError(t, err)
	p.close()
	d.cleanStaging(p)
	d.prune(p, 1)
	require.Contains(t, log.String(), "cannot look for leftovers")
	require.Contains(t, log.String(), "cannot look for old releases")
}

func TestRequestsThatNoPathCanHold(t *testing.T) {
	target := t.TempDir()
	good := requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"}))
	for _, id := range []string{"", "..", "a/b", ".", "../x", `a\b`, "a\x00b"} {
		r := good
		r.ID = id
		_, err := New(Options{}).Deploy(t.Context(), r)
		require.ErrorContains(t, err, "cannot be part of a path")
	}
	r := good
	r.Target = delivery.Target{Command: &delivery.CommandTarget{}}
	_, err := New(Options{}).Deploy(t.Context(), r)
	require.ErrorContains(t, err, "another kind")
	require.Empty(t, names(t, target))
}

func TestTheLockKeepsAnotherDeploymentOut(t *testing.T) {
	target := t.TempDir()
	r := requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"}))
	p, err := makeSiteDir(t.Context(), r)
	require.NoError(t, err)
	defer p.close()
	unlock, err := p.lock(t.Context())
	require.NoError(t, err)

	ended, cancel := context.WithCancel(t.Context())
	d := New(Options{})
	done := make(chan error)
	go func() {
		_, err := d.Deploy(ended, r)
		done <- err
	}()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)

	go func() {
		_, err := d.Deploy(t.Context(), r)
		done <- err
	}()
	require.NoError(t, unlock())
	require.NoError(t, <-done)
}

// While one deployment works in a pipeline's directory, another one does not: it waits, and says so when it is canceled.
func TestASecondDeploymentIntoTheSameDirectoryWaits(t *testing.T) {
	target := t.TempDir()
	hook, runs := stallingHook(t)
	first := requestTo(target, "d1", "1.0", artifactDirectory(t, map[string]string{"x": "1"}))
	first.Target.Directory.AfterDeploy = hook
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := New(Options{}).Deploy(ctx, first)
		ended <- err
	}()
	<-runs

	second := requestTo(target, "d2", "2.0", artifactDirectory(t, map[string]string{"x": "2"}))
	waiting, giveUp := context.WithTimeout(t.Context(), 4*lockPoll)
	defer giveUp()
	_, err := New(Options{}).Deploy(waiting, second)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "another deployment works in "+filepath.Join(target, "shop"))
	require.NoDirExists(t, filepath.Join(target, "shop", "releases", "2.0-d2"), "it did nothing")

	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	deployed(t, New(Options{}), second)
}
