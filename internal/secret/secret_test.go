package secret_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
)

func TestLocal(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	largest := strings.Repeat("s", secret.MaxBytes)
	linked := filepath.Join(dir, "linked")
	require.NoError(t, os.Symlink(write("target", "behind a link"), linked))
	t.Setenv("SHOP_TOKEN", "from the environment")
	t.Setenv("SHOP_LARGEST", largest)
	for reference, want := range map[string]string{
		"env:SHOP_TOKEN":                                "from the environment",
		"env:SHOP_LARGEST":                              largest,
		"file:" + write("plain", "of a file"):           "of a file",
		"file:" + write("lines", "a\nb c\r\n\n"):        "a\nb c",
		"file:" + write("spaces", " of a file \n"):      " of a file ",
		"file:" + write("four", "four"):                 "four",
		"file:" + write("largest", largest):             largest,
		"file:" + write("largest line", largest+"\r\n"): largest,
		"file:" + linked:                                "behind a link",
	} {
		value, err := secret.Resolve(t.Context(), secret.Local{}, reference)
		require.NoError(t, err)
		require.Equal(t, want, value)
	}

	t.Setenv("SHOP_EMPTY", "")
	t.Setenv("SHOP_SHORT", "abc")
	t.Setenv("SHOP_LARGE", largest+"s")
	for reference, words := range map[string]string{
		"env:SHOP_NO_SUCH":                          "environment variable SHOP_NO_SUCH is not set where Terraform runs",
		"env:SHOP_EMPTY":                            "env:SHOP_EMPTY is empty. Set it to the secret's value",
		"env:SHOP_SHORT":                            "env:SHOP_SHORT is shorter than 4 characters, so it could not be masked in output. Use a longer secret",
		"env:SHOP_LARGE":                            "env:SHOP_LARGE is larger than 65536 bytes, the most that a secret may have",
		"file:" + write("blank", " \n\n"):           "blank is empty",
		"file:" + write("short", " \täöü \n"):       "short is shorter than 4 characters",
		"file:" + write("large", largest+"s"):       "large is larger than 65536 bytes",
		"file:" + write("more", largest+"\rs"):      "more is larger than 65536 bytes",
		"file:" + write("huge", largest+largest):    "huge is larger than 65536 bytes",
		"file:" + filepath.Join(dir, "none"):        "the secret's file cannot be read",
		"file:" + dir:                               "the secret's file cannot be read",
		"vault:x":                                   `"vault:x" is not a secret reference; write env:NAME or file:PATH`,
		"nothing":                                   `"nothing" is not a secret reference`,
		"file:" + filepath.Join(linked, "not here"): "the secret's file cannot be read",
	} {
		value, err := secret.Resolve(t.Context(), secret.Local{}, reference)
		require.ErrorContains(t, err, words)
		require.Empty(t, value)
	}
}

// vault is a resolver whose values are what they are.
type vault struct {
	value string
	err   error
}

func (v vault) Resolve(context.Context, string) (string, error) { return v.value, v.err }

func TestWhatCannotBeMaskedIsRefusedWhereverItComesFrom(t *testing.T) {
	for value, words := range map[string]string{"": "is empty", "abc": "could not be masked", "  abc  ": "could not be masked"} {
		_, err := secret.Resolve(t.Context(), vault{value: value}, "vault:shop")
		require.ErrorContains(t, err, words)
		require.ErrorContains(t, err, "vault:shop")
	}
	broken := errors.New("the vault is sealed")
	_, err := secret.Resolve(t.Context(), vault{value: "a value all the same", err: broken}, "vault:shop")
	require.ErrorIs(t, err, broken)
}
