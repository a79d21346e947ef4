package observe

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestHide(t *testing.T) {
	secrets := map[string]string{"SHORT": "abc", "LONG": "abcdef", "LINE": "two\nlines\n", "EMPTY": ""}
	for text, want := range map[string]string{
		"nothing to hide":         "nothing to hide",
		"abc and abcdef":          "*** and ***",
		"xabcdefx":                "x***x",
		"two\nlines\n":            "***",
		"quoted: \"two\\nlines\"": "quoted: \"***\"",
		"two\nlines and more":     "*** and more",
	} {
		require.Equal(t, want, Confidential{Secrets: secrets}.Hide(text), "%q", text)
	}
	plain := errors.New("nothing in it")
	require.Same(t, plain, Confidential{Secrets: secrets}.HideError(plain))
	require.NoError(t, Confidential{Secrets: secrets}.HideError(nil))
}

func TestResolveSecret(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	t.Setenv("SHOP_TOKEN", "from the environment")
	t.Setenv("SHOP_EMPTY", "")
	for reference, want := range map[string]string{
		"env:SHOP_TOKEN":                       "from the environment",
		"env:SHOP_EMPTY":                       "",
		"file:" + write("plain", "of a file"):  "of a file",
		"file:" + write("lines", "a\nb\r\n\n"): "a\nb",
	} {
		value, err := ResolveSecret(t.Context(), reference)
		require.NoError(t, err)
		require.Equal(t, want, value)
	}
	for reference, words := range map[string]string{
		"env:SHOP_NO_SUCH":      "environment variable SHOP_NO_SUCH is not set",
		"file:" + dir + "/none": "the secret's file cannot be read",
		"file:" + dir:           "the secret's file cannot be read",
		"vault:x":               "is not a secret reference; write env:NAME or file:PATH",
		"file:" + write("big", strings.Repeat("s", maxSecretBytes+1)): "is larger than 65536 bytes",
	} {
		_, err := ResolveSecret(t.Context(), reference)
		require.ErrorContains(t, err, words)
		require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err))
	}
}
