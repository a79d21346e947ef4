package provider_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

// written plans and applies a shop whose files the test writes itself, because Terraform has dropped what the provider never sees.
func written(t *testing.T, s shop, read func() (*configuration.Configuration, error)) *walks {
	t.Helper()
	w := newWalks(t, s)
	host := s.Host()
	host.Configuration = read
	w.server = provider.Server("test", host)
	w.dir = ""
	return w
}

func TestUnknownKeysOfTheFiles(t *testing.T) {
	s := newShop(t)
	dir := t.TempDir()
	write := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600))
	}
	w := written(t, s, func() (*configuration.Configuration, error) { return configuration.Read(dir, "") })
	all := s.declare(order{version: "1.0.0"})

	// Another block of the type is not this one if it states another name.
	write("resource \"cd_environment\" \"a\" {\n  name   = \"staging\"\n  target = { directories = {} }\n}\nresource \"cd_environment\" \"b\" {\n  name   = \"another\"\n  target = { directry = {} }\n}\n")
	plan := w.refreshAndPlan(all...)
	require.Equal(t, []string{`AttributeName("target"): Unknown key "directories" in cd_environment.a: main.tf:3: target has no key "directories", and Terraform drops it without a word, with all that it says. ` +
		`Did you mean "directory"? The keys are: command, directory, webhook.`}, said(plan["staging"].diagnostics))
	require.Empty(t, plan["production"].diagnostics)

	// Each is said once, though it may be of both.
	write("resource \"cd_environment\" \"each\" {\n  name   = each.key\n  parity = { alow = {} }\n}\n")
	plan = w.refreshAndPlan(all...)
	require.True(t, plan["staging"].failed())
	require.False(t, plan["production"].failed())

	// What stays as it is may have one.
	write("")
	w.apply(all...)
	write("resource \"cd_environment\" \"each\" {\n  name   = each.key\n  parity = { alow = {} }\n}\n")
	for name, o := range w.refreshAndPlan(all...) {
		require.False(t, o.failed(), "%s: %s", name, o.said())
	}
}

// TestWhatCannotBeCheckedIsSaidOnce plans with files that cannot be read, and applies where no files are.
func TestWhatCannotBeCheckedIsSaidOnce(t *testing.T) {
	unchecked := func(outcomes map[string]outcome) (found []string) {
		for _, o := range outcomes {
			for _, text := range said(o.diagnostics) {
				if detail, ok := strings.CutPrefix(text, ": Unable to look for misspelt keys: "); ok {
					found = append(found, detail)
				}
			}
		}
		return found
	}
	const advice = ". Terraform drops the unknown keys of nested objects, such as a gate whose name is misspelt. Run terraform-provider-cd lint in the directory of the configuration."
	t.Run("files that cannot be read", func(t *testing.T) {
		s := newShop(t)
		w := written(t, s, func() (*configuration.Configuration, error) { return nil, errors.New("main.tf is a directory") })
		require.Equal(t, []string{"The files of the configuration cannot be read: main.tf is a directory" + advice}, unchecked(w.refreshAndPlan(s.declare(order{version: "1.0.0"})...)))
	})
	t.Run("no files", func(t *testing.T) {
		s := newShop(t)
		w := written(t, s, func() (*configuration.Configuration, error) { return nil, configuration.ErrNoFiles })
		all := append(s.declare(order{version: "1.0.0"}), policyOf(map[string]any{"parity": map[string]any{}}))
		require.Empty(t, unchecked(w.refreshAndPlan(all...)), "every plan has files, or it would not be one")
		require.Equal(t, []string{"There are no configuration files here, as where a saved plan is applied elsewhere" + advice}, unchecked(w.apply(all...)))
	})
}
