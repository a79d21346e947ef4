package configuration_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
)

// Terraform runs a process for each provider configuration. Which one a block belongs to, the files say.
func TestBlocksOfOtherProviderConfigurations(t *testing.T) {
	const (
		bob   = "provider \"cd\" {\n alias = \"bob\"\n ledger = \"bob.db\"\n}\n"
		theF  = "resource \"cd_freeze\" \"f\" {\n provider = cd.bob\n}\n"
		call  = "module \"m\" {\n source = \"./m\"\n"
		plain = "resource \"cd_release\" \"r\" {}\n"
	)
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"none":                     {map[string]string{"main.tf": freezeF + plain}, nil},
		"no release":               {map[string]string{"main.tf": bob + theF}, nil},
		"an alias":                 {map[string]string{"main.tf": bob + theF + plain}, []string{"cd_freeze.f"}},
		"in JSON":                  {map[string]string{"main.tf": bob + plain, "b.tf.json": `{"resource":{"cd_freeze":{"f":{"provider":"cd.bob"}}}}`}, []string{"cd_freeze.f"}},
		"both of one alias":        {map[string]string{"main.tf": bob + theF + "resource \"cd_release\" \"r\" {\n provider = cd.bob\n}\n"}, nil},
		"the same, written out":    {map[string]string{"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n provider = cd\n}\n"}, nil},
		"a release of either":      {map[string]string{"main.tf": bob + theF + plain + "resource \"cd_release\" \"s\" {\n provider = cd.bob\n}\n"}, []string{"cd_freeze.f"}},
		"an instance":              {map[string]string{"main.tf": bob + plain + "resource \"cd_freeze\" \"f\" {\n provider = cd.bob[each.key]\n}\n"}, []string{"cd_freeze.f"}},
		"inherited by a module":    {map[string]string{manifest: modules("m", "m"), "m/a.tf": freezeF, "main.tf": plain + call + "}\n"}, nil},
		"passed to a module":       {map[string]string{manifest: modules("m", "m"), "m/a.tf": freezeF, "main.tf": bob + plain + call + " providers = {\n  cd = cd.bob\n }\n}\n"}, []string{"module.m.cd_freeze.f"}},
		"passed through a module":  {map[string]string{manifest: modules("m", "m", "m.n", "n"), "n/a.tf": freezeF, "m/a.tf": "module \"n\" {\n source = \"./n\"\n}\n", "main.tf": bob + plain + call + " providers = {\n  cd = cd.bob\n }\n}\n"}, []string{"module.m.module.n.cd_freeze.f"}},
		"renamed for a module":     {map[string]string{manifest: modules("m", "m"), "m/a.tf": "resource \"cd_freeze\" \"f\" {\n provider = cd.mine\n}\n", "main.tf": bob + plain + call + " providers = {\n  cd.mine = cd\n }\n}\n"}, nil},
		"in a module's own":        {map[string]string{manifest: modules("m", "m"), "m/a.tf": "provider \"cd\" {}\n" + freezeF, "main.tf": plain + call + "}\n"}, []string{"module.m.cd_freeze.f"}},
		"a data source":            {map[string]string{"main.tf": bob + plain + "data \"cd_freeze\" \"f\" {\n provider = cd.bob\n}\n"}, nil},
		"an override of the alias": {map[string]string{"a.tf": bob + plain + "resource \"cd_freeze\" \"f\" {}\n", "override.tf": theF}, []string{"cd_freeze.f"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := read(t, c.files)
			var found []string
			for _, b := range files.Elsewhere(release, "cd_freeze") {
				found = append(found, b.Address())
				require.True(t, files.HasSeveralProviders("cd_"))
			}
			require.Equal(t, c.want, found)
		})
	}
}

// TestOrderLooksAtOneProviderConfiguration shows that an object is never declared by a block of another one.
func TestOrderLooksAtOneProviderConfiguration(t *testing.T) {
	files := read(t, map[string]string{"main.tf": freezeF + "resource \"cd_freeze\" \"g\" {\n provider = cd.bob\n}\nresource \"cd_release\" \"r\" {\n depends_on = [cd_freeze.f]\n}\n"})
	require.True(t, files.Order(release, freeze).Fixed, "the other freeze is not in this process")
	elsewhere := files.Elsewhere(release, "cd_freeze")
	require.Len(t, elsewhere, 1)
	order := files.OrderOf(release, elsewhere[0])
	require.False(t, order.Fixed)
	require.Len(t, order.Open, 1)
	require.True(t, read(t, map[string]string{"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n depends_on = [cd_freeze.f]\n}\n"}).Order(release, freeze).Fixed)
	reversed := read(t, map[string]string{"main.tf": "resource \"cd_freeze\" \"f\" {\n depends_on = [cd_release.r]\n}\nresource \"cd_release\" \"r\" {}\n"}).Order(release, freeze)
	require.True(t, reversed.Fixed && reversed.Reversed)
	require.False(t, files.Order(release, freeze).Reversed)
}

func TestProviderSetting(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  configuration.Setting
	}{
		"no block":             {map[string]string{"main.tf": freezeF}, configuration.Setting{Known: true}},
		"not stated":           {map[string]string{"main.tf": "provider \"cd\" {}\n" + freezeF}, configuration.Setting{Known: true}},
		"a literal":            {map[string]string{"main.tf": "provider \"cd\" {\n ledger = \"a.db\"\n}\n" + freezeF}, configuration.Setting{Stated: true, Value: "a.db", Known: true}},
		"in JSON":              {map[string]string{"main.tf": freezeF, "p.tf.json": `{"provider":{"cd":{"ledger":"a.db"}}}`}, configuration.Setting{Stated: true, Value: "a.db", Known: true}},
		"several in JSON":      {map[string]string{"main.tf": freezeF, "p.tf.json": `{"provider":{"cd":[{"ledger":"a.db"},{"alias":"bob","ledger":"b.db"}]}}`}, configuration.Setting{Stated: true, Value: "a.db", Known: true}},
		"a variable":           {map[string]string{"main.tf": "provider \"cd\" {\n ledger = var.x\n}\n" + freezeF}, configuration.Setting{Stated: true}},
		"an alias without one": {map[string]string{"main.tf": "resource \"cd_freeze\" \"f\" {\n provider = cd.bob\n}\n"}, configuration.Setting{Stated: true}},
		"changed by an override": {map[string]string{"main.tf": "provider \"cd\" {\n ledger = \"a.db\"\n}\n" + freezeF, "override.tf": "provider \"cd\" {\n ledger = \"b.db\"\n}\n"},
			configuration.Setting{Stated: true, Value: "b.db", Known: true}},
	} {
		t.Run(name, func(t *testing.T) {
			files := read(t, c.files)
			blocks := files.Blocks(freeze)
			require.Len(t, blocks, 1)
			require.Equal(t, c.want, files.ProviderSetting(blocks[0], "ledger"))
		})
	}
}
