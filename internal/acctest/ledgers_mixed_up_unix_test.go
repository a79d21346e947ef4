//go:build unix

package acctest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/ledger"
)

// oneStage is a pipeline whose releases are deployed to a directory at once.
func oneStage(dir, version string) string {
	return required + strings.NewReplacer("DIR", filepath.ToSlash(dir), "VERSION", version).Replace(`
resource "cd_environment" "lab" {
  name   = "lab"
  tier   = "testing"
  target = { directory = { path = "DIR/srv" } }
}
resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "lab", environments = [cd_environment.lab.name], promotion = "automatic" }]
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "VERSION"
  artifacts = { page = { uri = "DIR/VERSION.html", digest = "sha256:${filesha256("DIR/VERSION.html")}" } }
  source    = { revision = "3f2c", author = "dave@example.com" }
}
`)
}

// deployedPage is what runs in the workspace's directory.
func (w *workspace) deployedPage() string {
	w.t.Helper()
	pages, err := filepath.Glob(filepath.Join(w.dir, "srv", "shop", "current", "*.html"))
	require.NoError(w.t, err)
	require.Len(w.t, pages, 1)
	text, err := os.ReadFile(pages[0])
	require.NoError(w.t, err)
	return string(text)
}

// releases writes the artifacts of some versions.
func (w *workspace) releases(versions ...string) {
	w.t.Helper()
	for _, version := range versions {
		w.write(version+".html", version)
	}
}

// use sets the workspace's ledger.
func (w *workspace) use(ledger string) { w.env = []string{"CD_LEDGER=" + ledger} }

// declareFreeze makes an event in a ledger, past the workspace.
func declareFreeze(t *testing.T, address, name string) {
	t.Helper()
	_, err := acctest.NewAt(t, address).Client(mallory).PutFreeze(t.Context(), delivery.FreezeSpec{Name: name, Reason: "r", Tiers: []delivery.Tier{delivery.TierOther}, StartsAt: "2020-01-01T00:00:00Z", EndsAt: "2020-01-02T00:00:00Z"})
	require.NoError(t, err)
}

// TestAnotherLedgerStopsEverything applies with one ledger, and then uses others: a lost one, a restored backup, a backup that was continued,
// and that of another team. Each command stops before it acts, and says what to do. What it says works.
func TestAnotherLedgerStopsEverything(t *testing.T) {
	t.Parallel()
	acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
		quiet := func(string, int64, int64) {}
		address := func() string { return acctest.NewOn(t, kindOf(h)).Ledger }
		w := newWorkspace(t, "")
		w.releases("1.0.0", "1.1.0", "1.2.0")
		w.use(h.Ledger)
		w.write("main.tf", oneStage(w.dir, "1.0.0"))
		w.run("apply")
		restored, forked, lost, foreign := address(), address(), address(), address()
		for _, backup := range []string{restored, forked} {
			_, err := ledger.Copy(t.Context(), h.Ledger, backup, quiet)
			require.NoError(t, err)
		}
		w.write("main.tf", oneStage(w.dir, "1.1.0"))
		w.run("apply")
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"} {
			declareFreeze(t, forked, name)
		}
		declareFreeze(t, foreign, "a")

		w.write("main.tf", oneStage(w.dir, "1.2.0"))
		w.run("plan", "-out=next.plan")
		w.run("plan", "-destroy", "-out=destroy.plan")
		for _, c := range []struct{ ledger, says string }{
			{lost, "there is no ledger here, and the state was written with ledger "},
			{restored, "this is an older copy of the ledger: it ends with event "},
			{forked, "this ledger has another history: its event "},
			{foreign, "this is another ledger: the state was written with ledger "},
		} {
			w.use(c.ledger)
			before := countEvents(t, c.ledger)
			commands := [][]string{{"apply"}, {"apply", "next.plan"}, {"apply", "destroy.plan"}}
			if c.ledger == restored {
				commands = append(commands, []string{"plan"}, []string{"destroy"}, []string{"apply", "-refresh=false"})
			}
			for _, command := range commands {
				output, status := w.try(command...)
				require.Equal(t, 1, status, "%v\n%s", command, output)
				require.Contains(t, unwrapped(output), "Unable to use this ledger", command)
				require.Contains(t, unwrapped(output), c.says, command)
				require.Contains(t, unwrapped(output), "run: terraform-provider-cd ledger adopt ", command)
			}
			require.Equal(t, before, countEvents(t, c.ledger), "nothing was recorded")
			require.Equal(t, "1.1.0", w.deployedPage(), "nothing was deployed")
		}

		w.use(restored)
		output, _ := w.try("plan")
		highest := delivery.LedgerPosition{}
		for _, words := range regexp.MustCompile(`adopt (\w+) (\d+) (sha256:\w+) LEDGER`).FindAllStringSubmatch(unwrapped(output), -1) {
			position, err := delivery.LedgerPositionOf(words[1], words[2], words[3])
			require.NoError(t, err)
			if position.Seq > highest.Seq {
				highest = position
			}
		}
		require.Zero(t, w.ledgerTool("adopt", highest.Ledger, strings.Fields(highest.String())[1], highest.Hash, restored))
		w.run("apply")
		require.Equal(t, "1.2.0", w.deployedPage())
		w.requireEmptyPlan()
	})
}

// ledgerTool runs a command for ledgers, and returns its exit status.
func (w *workspace) ledgerTool(args ...string) int {
	w.t.Helper()
	output, err := w.command(filepath.Join(pluginDir(w.t), "terraform-provider-cd"), append([]string{"ledger"}, args...)...).CombinedOutput()
	w.t.Logf("%s", output)
	return exitStatus(w.t, err)
}

// countEvents counts what a ledger has recorded; -1 if there is none.
func countEvents(t *testing.T, address string) int64 {
	t.Helper()
	found, err := ledger.Verify(t.Context(), address, "", func(string, int64, int64) {})
	if delivery.IsNotFound(err) {
		return -1
	}
	require.NoError(t, err)
	return found.Events
}

// kindOf is the kind of a harness's ledger.
func kindOf(h *acctest.Harness) string {
	if onPostgres(h) {
		return "postgres"
	}
	return "sqlite"
}

// TestADirectoryOfAnotherLedgerIsRefusedInThePlan: a state that is lost together with its ledger, or a second configuration, would deploy past
// the gates of the ledger that owns the directory.
func TestADirectoryOfAnotherLedgerIsRefusedInThePlan(t *testing.T) {
	t.Parallel()
	acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
		owner, other := newWorkspace(t, ""), newWorkspace(t, "")
		owner.releases("1.0.0", "1.1.0")
		owner.use(filepath.Join(owner.dir, "ledger.db"))
		owner.write("main.tf", oneStage(owner.dir, "1.0.0"))
		owner.run("apply")

		other.use(h.Ledger)
		other.write("main.tf", oneStage(owner.dir, "1.1.0"))
		for _, command := range []string{"plan", "apply"} {
			output, status := other.try(command)
			require.Equal(t, 1, status, output)
			require.Contains(t, unwrapped(output), "1.1.0 cannot be deployed to lab: "+filepath.Join(owner.dir, "srv")+" belongs to ledger ")
			require.Contains(t, unwrapped(output), "and this one is new: both would deploy there past each other. Use that ledger, or another directory.")
			require.EqualValues(t, -1, countEvents(t, h.Ledger), "a refused plan makes no ledger")
		}
		declareFreeze(t, h.Ledger, "a")
		output, status := other.try("plan")
		require.Equal(t, 1, status, output)
		require.Contains(t, unwrapped(output), "and this is ledger ")
		require.Equal(t, "1.0.0", owner.deployedPage())
		owner.requireEmptyPlan()
	})
}

// TestAPlanCreatesNothing: neither a file, nor a directory, nor a table.
func TestAPlanCreatesNothing(t *testing.T) {
	t.Parallel()
	acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
		w := newWorkspace(t, "")
		address := h.Ledger
		if !onPostgres(h) {
			address = filepath.Join(w.dir, "missing", "ledger.db")
		}
		w.use(address)
		w.releases("1.0.0")
		w.write("main.tf", oneStage(w.dir, "1.0.0"))
		require.Contains(t, w.run("plan", "-out=first.plan"), "lab: deploy 1.0.0")
		require.NoDirExists(t, filepath.Join(w.dir, "missing"))
		require.NoDirExists(t, filepath.Join(w.dir, "srv"))
		if onPostgres(h) {
			tables := 0
			require.NoError(t, openDatabase(t, h).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pg_catalog.pg_class WHERE relnamespace = current_schema()::regnamespace`).Scan(&tables))
			require.Zero(t, tables)
		}
		w.run("apply", "first.plan")
		require.Equal(t, "1.0.0", w.deployedPage())
		w.requireEmptyPlan()
	})
}

// TestAMisspeltAddressIsNoFile: an address that is meant for a database, written otherwise, is refused, and shows no password.
func TestAMisspeltAddressIsNoFile(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, "")
	w.releases("1.0.0")
	w.write("main.tf", oneStage(w.dir, "1.0.0"))
	before := filesIn(t, w.dir)
	for _, address := range []string{"host=127.0.0.1 user=u password=hunter2 dbname=db", "postgres:/u:hunter2@h/db", "u:hunter2@db.example.com/cd"} {
		w.use(address)
		for _, command := range []string{"plan", "apply"} {
			output, status := w.try(command)
			require.Equal(t, 1, status, output)
			require.Contains(t, unwrapped(output), "the ledger's address cannot be used: ")
			require.Contains(t, unwrapped(output), "Write a path such as .cd/ledger.db, or a PostgreSQL URL such as ")
			require.NotContains(t, output, "hunter2")
		}
	}
	require.Equal(t, before, filesIn(t, w.dir))
}

// filesIn lists everything below a directory.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	found := []string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		found = append(found, path)
		return err
	}))
	return found
}
