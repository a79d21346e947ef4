//go:build unix

package acctest_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// sentinel is a secret that stands nowhere else.
const sentinel = "Sentinel-9b41f7d2c8"

// secretive deploys to a directory, through a command and through a webhook. All places get a secret; the hook and the deploy
// command print it, and fail while the file "broken" exists. To the receiver at URL the secret is key and token as well, and it
// repeats in each answer all that it was sent.
const secretive = required + `
locals {
  here = abspath(path.module)
  page = "${local.here}/page.html"
}
resource "cd_environment" "directory" {
  name    = "directory"
  tier    = "staging"
  secrets = { PASSWORD = "env:SHOP_PASSWORD" }
  target  = { directory = { path = "${local.here}/srv", after_deploy = { argv = ["/bin/sh", "${local.here}/tell.sh", local.here, "hook"] } } }
}
resource "cd_environment" "command" {
  name    = "command"
  tier    = "staging"
  secrets = { PASSWORD = "env:SHOP_PASSWORD" }
  target = { command = {
    deploy  = { argv = ["/bin/sh", "${local.here}/tell.sh", local.here, "deploy"] }
    observe = { argv = ["/bin/sh", "-c", "cat $0/observed || true", local.here] }
  } }
}
resource "cd_environment" "webhook" {
  name    = "webhook"
  tier    = "staging"
  secrets = { PASSWORD = "env:SHOP_PASSWORD" }
  target = { webhook = {
    url           = "URL/deploy"
    observe_url   = "URL/running"
    secret        = "env:SHOP_PASSWORD"
    token         = "env:SHOP_PASSWORD"
    send_secrets  = true
    poll_interval = "100ms"
  } }
}
resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    { name = "one", environments = [cd_environment.directory.name], promotion = "automatic" },
    { name = "two", environments = [cd_environment.command.name], promotion = "automatic" },
    { name = "three", environments = [cd_environment.webhook.name], promotion = "automatic" },
  ]
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.0.0"
  artifacts = { page = { uri = local.page, digest = "sha256:${filesha256(local.page)}" } }
  attempt   = length(fileset(local.here, "attempt*"))
}
`

// tell prints all it knows. A deploy command gets more on standard input than the hook, and leaves what observe is to say.
const tell = `
echo "the password is $PASSWORD"
env >&2
if [ "$2" = deploy ]; then
  cat >&2
  [ "$PASSWORD" = "` + sentinel + `" ] && : > "$1/got"
  printf '{"running": true, "version": "%s", "config_revision": "%s"}' "$CD_VERSION" "$CD_CONFIG_REVISION" > "$1/observed"
else
  cat .secrets.env >&2
fi
[ ! -e "$1/broken-$2" ]
`

func TestSecretsStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	receiver := acctest.NewReceiver(t, sentinel)
	receiver.Repeat()
	receiver.Refuse("1.0.0")
	w := newWorkspace(t, strings.ReplaceAll(secretive, "URL", receiver.URL), "SHOP_PASSWORD="+sentinel, "TF_LOG=trace")
	w.env = append(w.env, "TF_LOG_PATH="+filepath.Join(w.dir, "terraform.log"))
	w.write("page.html", "hello")
	w.write("tell.sh", tell)
	said := bytes.Buffer{}
	try := func(args ...string) int {
		text, status := w.try(args...)
		said.WriteString(text)
		return status
	}
	for _, broken := range []string{"hook", "deploy"} {
		w.write("attempt-"+broken, "")
		failing := w.write("broken-"+broken, "")
		require.NotZero(t, try("apply"), "the %s fails:\n%s", broken, said.String())
		require.Contains(t, said.String(), "the password is", "what the %s printed is shown, but for the secret", broken)
		require.NoError(t, os.Remove(failing))
	}
	w.write("attempt-webhook", "")
	require.NotZero(t, try("apply"), "the receiver fails:\n%s", said.String())
	require.Regexp(t, `the\s+receiver\s+says\s+that\s+it\s+failed`, said.String())
	receiver.Refuse()
	w.write("attempt-more", "")
	require.Zero(t, try("plan", "-out=saved.plan"), said.String())
	require.Zero(t, try("show", "-json", "saved.plan"), said.String())
	require.Zero(t, try("apply", "saved.plan"), said.String())
	receiver.Alter("webhook", "somebody was here")
	require.Zero(t, try("plan"), said.String())
	require.Regexp(t, `somebody\s+was\s+here`, said.String())
	require.Zero(t, try("apply"), said.String())
	require.Zero(t, try("show", "-json"), said.String())
	w.write("said.txt", said.String())
	exported, err := w.command(filepath.Join(pluginDir(t), "terraform-provider-cd"), "ledger", "export", w.ledger()).Output()
	require.NoError(t, err)
	w.write("exported", string(exported)) // so that a ledger in a database is searched too

	// The secret reached all places.
	orders := receiver.Orders()
	require.Len(t, orders, 3)
	require.Equal(t, sentinel, orders[2].Secrets["PASSWORD"])
	written, err := os.ReadFile(filepath.Join(w.dir, "srv", "shop", "current", ".secrets.env"))
	require.NoError(t, err)
	require.Contains(t, string(written), sentinel)
	require.FileExists(t, filepath.Join(w.dir, "got"))

	searched := search(t, w.dir, filepath.Join(w.dir, "srv"), filepath.Join(w.dir, "tell.sh"))
	files := []string{"exported", "terraform.tfstate", "saved.plan", "terraform.log", "said.txt"}
	if w.setting("CD_LEDGER") == "" {
		files = append(files, ".cd/ledger.db")
	}
	for _, file := range files {
		require.Contains(t, searched, filepath.FromSlash(file))
	}
}

// search demands that no file below dir holds the sentinel, as it is or encoded, but for those left out. It lists the files.
func search(t *testing.T, dir string, except ...string) []string {
	t.Helper()
	searched := []string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		for _, one := range except {
			if path == one {
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		requireNoSecret(t, path, text)
		if archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text))); err == nil { // a saved plan is one
			for _, file := range archive.File {
				content, err := file.Open()
				require.NoError(t, err)
				text, err := io.ReadAll(content)
				require.NoError(t, err)
				requireNoSecret(t, path+"/"+file.Name, text)
			}
		}
		name, err := filepath.Rel(dir, path)
		searched = append(searched, name)
		return err
	}))
	return searched
}

func requireNoSecret(t *testing.T, where string, text []byte) {
	t.Helper()
	for _, form := range []string{sentinel, base64.StdEncoding.EncodeToString([]byte(sentinel))} {
		at := bytes.Index(text, []byte(form))
		require.Negative(t, at, "%s holds the secret: …%q…", where, text[max(0, at-200):min(len(text), max(0, at)+200)])
	}
}
