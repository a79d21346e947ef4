package directory

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

func TestEveryChangeIsSeen(t *testing.T) {
	write := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, release string) {
			require.NoError(t, os.WriteFile(filepath.Join(release, name), []byte(text), 0o600))
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, release string) { require.NoError(t, os.RemoveAll(filepath.Join(release, name))) }
	}
	chmod := func(name string, mode fs.FileMode) func(*testing.T, string) {
		return func(t *testing.T, release string) { require.NoError(t, os.Chmod(filepath.Join(release, name), mode)) }
	}
	relink := func(name, to string) func(*testing.T, string) {
		return func(t *testing.T, release string) {
			require.NoError(t, os.RemoveAll(filepath.Join(release, name)))
			require.NoError(t, os.Symlink(to, filepath.Join(release, name)))
		}
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, release string)
		want   []string
	}{
		"nothing": {func(*testing.T, string) {}, nil},
		"files that were added": {func(t *testing.T, release string) {
			write("bin/shop.pid", "1")(t, release)
			write("shop.log", "started")(t, release)
		}, nil},
		"a longer file": {write("page.txt", "hello!"), []string{"file page.txt was changed"}},
		"the same size and time": {func(t *testing.T, release string) {
			file := filepath.Join(release, "page.txt")
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, []byte("HELLO"), 0o644))
			require.NoError(t, os.Chtimes(file, time.Time{}, info.ModTime()))
		}, []string{"file page.txt was changed"}},
		"a file gone":            {remove("page.txt"), []string{"file page.txt is missing"}},
		"a directory gone":       {remove("bin"), []string{"directory bin is missing", "file bin/shop is missing"}},
		"an empty one gone":      {remove("empty"), []string{"directory empty is missing"}},
		"a link gone":            {remove("run"), []string{"link run is missing"}},
		"a link elsewhere":       {relink("run", "page.txt"), []string{"link run points to page.txt; deployed was bin/shop"}},
		"a file become a link":   {relink("page.txt", "bin/shop"), []string{"page.txt is a link; deployed was a file"}},
		"a directory become one": {relink("bin", "/bin"), []string{"bin is a link; deployed was a directory", "file bin/shop cannot be read: path escapes from parent"}},
		"not executable":         {chmod("bin/shop", 0o644), []string{"file bin/shop has mode 0644; deployed was 0755"}},
		"setuid":                 {chmod("bin/shop", 0o755|fs.ModeSetuid), []string{"file bin/shop has mode 4755; deployed was 0755"}},
		"writable by all":        {chmod("page.txt", 0o666), []string{"file page.txt has mode 0666; deployed was 0644"}},
		"another value":          {write(".env", "LOG_LEVEL=\"debug\"\nPORT=9090\n"), []string{`.env: PORT is "9090"; deployed was "8080"`}},
		"a key more and less":    {write(".env", "PORT=8080\nTOKEN=hunter2\n"), []string{".env: LOG_LEVEL is missing", ".env: TOKEN was added"}},
		"a comment":              {write(".env", "# mine\nLOG_LEVEL=\"debug\"\nPORT=\"8080\"\n"), []string{".env was changed, though its values are the same"}},
		"a broken .env":          {write(".env", "hunter2"), []string{".env was changed: line 1 is no KEY=\"value\""}},
		"no .env":                {remove(".env"), []string{".env is missing"}},
		"an open .env":           {chmod(".env", 0o644), []string{".env has mode 0644; deployed was 0600"}},
		"a linked .env":          {relink(".env", "/etc/hostname"), []string{".env is no longer a regular file"}},
		"a secret gone":          {write(".secrets.env", "OTHER=hunter2"), []string{".secrets.env: OTHER was added", ".secrets.env: PASSWORD is missing"}},
		"broken secrets":         {write(".secrets.env", "PASSWORD='hunter2"), []string{".secrets.env was changed: the value in line 1 has a quote without its end"}},
		"no secrets":             {remove(".secrets.env"), []string{".secrets.env is missing"}},
		"open secrets":           {chmod(".secrets.env", 0o604), []string{".secrets.env has mode 0604; deployed was 0600"}},
		"no manifest":            {remove(".cd-manifest.json"), []string{"the manifest .cd-manifest.json is missing or broken: no such file or directory"}},
		"an empty manifest":      {write(".cd-manifest.json", ""), []string{"the manifest .cd-manifest.json is missing or broken: it is no manifest: unexpected end of JSON input"}},
		"a manifest to match": {func(t *testing.T, release string) {
			write("page.txt", "Hello")(t, release)
			require.NoError(t, os.Chmod(filepath.Join(release, "page.txt"), 0o644))
			text := read(t, release, ".cd-manifest.json")
			was, now := sha256Of([]byte("hello")), sha256Of([]byte("Hello"))
			require.Contains(t, text, was[7:])
			write(".cd-manifest.json", strings.ReplaceAll(text, was[7:], now[7:]))(t, release)
		}, []string{"the manifest .cd-manifest.json was changed"}},
		"a manifest that points out": {write(".cd-manifest.json", `{"about":{"version":"1.0.0"},"entries":[{"path":"../../../x","kind":"file"}]}`),
			[]string{"file ../../../x cannot be read: path escapes from parent", "the manifest .cd-manifest.json was changed"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := deployed(t, New(Options{}), requestTo(t.TempDir(), "d1", "1.0.0", artifactFile(t, "shop.tgz", tarGz(t,
				packed{name: "bin/shop", text: "program", mode: 0o755}, packed{name: "page.txt", text: "hello"},
				packed{name: "empty", directory: true, mode: 0o755}, packed{name: "run", link: "bin/shop"}))))
			c.change(t, filepath.Join(r.Target.Directory.Path, "shop", "current"))
			seen, err := New(Options{}).Observe(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, delivery.Observation{Running: true, Version: "1.0.0", Differences: c.want}, seen)
			text, err := json.Marshal(seen)
			require.NoError(t, err)
			require.NotContains(t, string(text), "hunter2")

			healed := r
			healed.ID, healed.Secrets = "d2", map[string]string{"PASSWORD": "x"}
			healed = deployed(t, New(Options{}), healed)
			seen, err = New(Options{}).Observe(t.Context(), healed)
			require.NoError(t, err)
			require.Equal(t, delivery.Observation{Running: true, Version: "1.0.0"}, seen)
		})
	}
}

// Someone may have written a secret into .env, which holds none: that it was changed is shown, and the secret is not, nor the part of it that is
// left where a long value is cut.
func TestASecretInTheConfigurationIsNotShown(t *testing.T) {
	const secret = "tr0ub4dor&3"
	r := deployed(t, New(Options{}), requestTo(t.TempDir(), "d1", "1.0.0", artifactFile(t, "shop.tgz", tarGz(t, packed{name: "page.txt", text: "hello"}))))
	r.Hidden = []string{secret}
	file := filepath.Join(r.Target.Directory.Path, "shop", "current", ".env")
	long := strings.Repeat("x", maxShown-len("***"))
	for value, shown := range map[string]string{secret: "***", long + secret: long + "***"} {
		require.NoError(t, os.WriteFile(file, []byte("LOG_LEVEL=\""+value+"\"\nPORT=\"8080\"\n"), 0o600))
		seen, err := New(Options{}).Observe(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, []string{fmt.Sprintf(".env: LOG_LEVEL is %q; deployed was \"debug\"", shown)}, seen.Differences)
	}
}

func TestWhereCurrentPoints(t *testing.T) {
	target := t.TempDir()
	d := New(Options{})
	artifacts := artifactDirectory(t, map[string]string{"x": "1"})
	deployed(t, d, requestTo(target, "d1", "1.0", artifacts))
	r := deployed(t, d, requestTo(target, "d2", "2.0", artifacts))
	shop := filepath.Join(target, "shop")
	require.NoError(t, os.Mkdir(filepath.Join(shop, "releases", "mine"), 0o755))
	for to, want := range map[string]delivery.Observation{
		"releases/2.0-d2":                         {Running: true, Version: "2.0"},
		"./releases//2.0-d2/":                     {Running: true, Version: "2.0"},
		filepath.Join(shop, "releases", "2.0-d2"): {Running: true, Version: "2.0"},
		"releases/1.0-d1": {Running: true, Version: "1.0", Differences: []string{
			"current points to version 1.0 of deployment d1, not to version 2.0 of deployment d2"}},
		"releases/mine": {Running: true, Differences: []string{"current points to releases/mine, not to 2.0-d2"}},
		"/opt/shop":     {Running: true, Differences: []string{"current points to /opt/shop, which is no release; deployed was 2.0-d2"}},
		"releases/gone": {Differences: []string{"current points to releases/gone, which does not exist"}},
		"":              {Differences: []string{filepath.Join(shop, "current") + " does not exist"}},
	} {
		t.Run(to, func(t *testing.T) {
			require.NoError(t, os.RemoveAll(filepath.Join(shop, "current")))
			if to != "" {
				require.NoError(t, os.Symlink(to, filepath.Join(shop, "current")))
			}
			seen, err := d.Observe(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, want, seen)
		})
	}
	require.NoError(t, os.RemoveAll(shop))
	seen, err := d.Observe(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, delivery.Observation{Differences: []string{shop + " does not exist"}}, seen)
	require.NoError(t, os.RemoveAll(target))
	seen, err = d.Observe(t.Context(), r)
	require.NoError(t, err)
	require.False(t, seen.Running)
	require.NoDirExists(t, target, "observing creates nothing")
}

func TestPlacesThatCannotBeLookedAt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	good := requestTo(file, "d1", "1", nil)
	good.Receipt = receipt{"1-d1", "sha256:x"}.String()
	for name, change := range map[string]func(*driver.Request){
		"a file":            func(*driver.Request) {},
		"no receipt":        func(r *driver.Request) { r.Receipt = "" },
		"a foreign receipt": func(r *driver.Request) { r.Receipt = `{"image":"x"}` },
		"no target":         func(r *driver.Request) { r.Target = delivery.Target{} },
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			change(&r)
			seen, err := New(Options{}).Observe(t.Context(), r)
			require.NoError(t, err)
			require.NotEmpty(t, seen.Unknown)
			require.False(t, seen.Drifted())
		})
	}
}

func TestManyDifferencesAreCut(t *testing.T) {
	files := map[string]string{}
	for i := range 150 {
		files[fmt.Sprintf("f%03d", i)] = "x"
	}
	d := New(Options{})
	r := deployed(t, d, requestTo(t.TempDir(), "d1", "1", artifactDirectory(t, files)))
	for name := range files {
		require.NoError(t, os.Remove(filepath.Join(r.Target.Directory.Path, "shop", "current", name)))
	}
	seen, err := d.Observe(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, seen.Differences, 101)
	require.True(t, slices.IsSorted(seen.Differences))
	require.Equal(t, "… and 50 more", seen.Differences[100])
}

func TestDigestOfADirectory(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bin", "shop"), []byte("hello"), 0o711))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bin-1"), []byte("<a>"), 0o600))
	require.NoError(t, os.Symlink("bin/shop", filepath.Join(dir, "run")))
	hello := "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	listing := `{"path":"bin","kind":"directory"}` + "\n" +
		`{"path":"bin-1","kind":"file","mode":"0644","size":3,"sha256":"` + sha256Of([]byte("<a>"))[7:] + `"}` + "\n" +
		`{"path":"bin/shop","kind":"file","mode":"0755","size":5,"sha256":"` + hello + `"}` + "\n" +
		`{"path":"run","kind":"link","link":"bin/shop"}` + "\n"
	got, err := Digest(dir)
	require.NoError(t, err)
	require.Equal(t, sha256Of([]byte(listing)), got)

	require.NoError(t, os.Symlink("../elsewhere", filepath.Join(dir, "out")))
	_, err = Digest(dir)
	require.ErrorContains(t, err, "leads out of the release")
	_, err = Digest(filepath.Join(dir, "nothing"))
	require.ErrorContains(t, err, "cannot read")
}
