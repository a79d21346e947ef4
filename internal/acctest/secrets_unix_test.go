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

// sentinel is a secret that appears nowhere else.
const sentinel = "Sentinel-9b41f7d2c8"

// secretsConfiguration deploys to a directory, with a command and with a webhook. All environments get a secret. The hook and the deploy
// command print it, and fail while the file "broken" exists. For the receiver at URL the secret is also the key and the token. It repeats
// everything that it gets in each answer.
const secretsConfiguration = required + `
locals {
  here = abspath(path.module)
  page = "${local.here}/page.html"
}
resource "cd_environment" "directory" {
  name    = "directory"
  tier    = "staging"
  secrets = { PASSWORD = "env:SHOP_PASSWORD" }
  target  = { directory = { path = "${local.here}/srv", after_deploy = { argv = ["/bin/sh", "${local.here}/print.sh", local.here, "hook"] } } }
}
resource "cd_environment" "command" {
  name    = "command"
  tier    = "staging"
  secrets = { PASSWORD = "env:SHOP_PASSWORD" }
  target = { command = {
    deploy  = { argv = ["/bin/sh", "${local.here}/print.sh", local.here, "deploy"] }
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

// printScript prints everything that it gets. A deploy command gets more on standard input than the hook, and writes what observe prints.
const printScript = `
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
	receiver.Echo()
	receiver.Refuse("1.0.0")
	w := newWorkspace(t, strings.ReplaceAll(secretsConfiguration, "URL", receiver.URL), "SHOP_PASSWORD="+sentinel, "TF_LOG=trace")
	w.env = append(w.env, "TF_LOG_PATH="+filepath.Join(w.dir, "terraform.log"))
	w.write("page.html", "hello")
	w.write("print.sh", printScript)
	output := bytes.Buffer{}
	try := func(args ...string) int {
		text, status := w.try(args...)
		output.WriteString(text)
		return status
	}
	for _, broken := range []string{"hook", "deploy"} {
		w.write("attempt-"+broken, "")
		failing := w.write("broken-"+broken, "")
		require.NotZero(t, try("apply"), "the %s fails:\n%s", broken, output.String())
		require.Contains(t, output.String(), "the password is", "the output of the %s is shown, except for the secret", broken)
		require.NoError(t, os.Remove(failing))
	}
	w.write("attempt-webhook", "")
	require.NotZero(t, try("apply"), "the receiver fails:\n%s", output.String())
	require.Regexp(t, `the\s+receiver\s+says\s+that\s+it\s+failed`, output.String())
	receiver.Refuse()
	w.write("attempt-more", "")
	require.Zero(t, try("plan", "-out=saved.plan"), output.String())
	require.Zero(t, try("show", "-json", "saved.plan"), output.String())
	require.Zero(t, try("apply", "saved.plan"), output.String())
	receiver.Alter("webhook", "somebody was here")
	require.Zero(t, try("plan"), output.String())
	require.Regexp(t, `somebody\s+was\s+here`, output.String())
	require.Zero(t, try("apply"), output.String())
	require.Zero(t, try("show", "-json"), output.String())
	w.write("said.txt", output.String())
	exported, err := w.command(filepath.Join(pluginDir(t), "terraform-provider-cd"), "ledger", "export", w.ledger()).Output()
	require.NoError(t, err)
	w.write("exported", string(exported)) // so that a ledger in a database is searched too

	// The secret reached all environments.
	orders := receiver.Orders()
	require.Len(t, orders, 3)
	require.Equal(t, sentinel, orders[2].Secrets["PASSWORD"])
	written, err := os.ReadFile(filepath.Join(w.dir, "srv", "shop", "current", ".secrets.env"))
	require.NoError(t, err)
	require.Contains(t, string(written), sentinel)
	require.FileExists(t, filepath.Join(w.dir, "got"))

	searched := search(t, w.dir, filepath.Join(w.dir, "srv"), filepath.Join(w.dir, "print.sh"))
	files := []string{"exported", "terraform.tfstate", "saved.plan", "terraform.log", "said.txt"}
	if w.setting("CD_LEDGER") == "" {
		files = append(files, ".cd/ledger.db")
	}
	for _, file := range files {
		require.Contains(t, searched, filepath.FromSlash(file))
	}
}

// search requires that no file under dir contains the sentinel, plain or encoded, except for the given ones. It lists the files.
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
