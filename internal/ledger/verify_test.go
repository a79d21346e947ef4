package ledger

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// An exported ledger verifies with nothing but the file, as the database does.
func TestExportVerifiesOffline(t *testing.T) {
	t.Parallel()
	for kind, address := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			source := address(t)
			history(t, source)
			text := exported(t, source)
			require.Equal(t, text, exported(t, source), "the same ledger is the same file")
			inDatabase, err := Verify(t.Context(), source, "", quiet)
			require.NoError(t, err)
			inFile, err := VerifyFile(t.Context(), inDatabase.Name, strings.NewReader(text), inDatabase.Last, quiet)
			require.NoError(t, err)
			require.Equal(t, inDatabase, inFile)
			require.Greater(t, inFile.Rows, int64(10))
		})
	}
}

func TestVerifyFileNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	source := databases["sqlite"](t)
	history(t, source)
	whole := strings.SplitAfter(exported(t, source), "\n")
	whole = whole[:len(whole)-1] // after the last line there is nothing
	firstRow := 0
	for !strings.HasPrefix(whole[firstRow], `{"type":"row"`) {
		firstRow++
	}
	events := firstRow - 1
	anchor := "sha256:" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		edit   func(lines []string) []string
		anchor string
		says   string
		code   delivery.Code
	}{
		"nothing at all":       {func([]string) []string { return nil }, "", "first line is not the header", delivery.CodeInvalid},
		"another file":         {func([]string) []string { return []string{"{\"hello\":\"world\"}\n"} }, "", "is not an exported ledger", delivery.CodeInvalid},
		"no header":            {func(l []string) []string { return l[1:] }, "", "is not an exported ledger", delivery.CodeInvalid},
		"a newer format":       {replaced(0, `"version":1`, `"version":2`), "", "newer release", delivery.CodeInvalid},
		"a newer kind":         {replaced(1, `"kind":"environment.declared"`, `"kind":"environment.painted"`), "", "event 1 (environment.painted staging) was changed", delivery.CodeConflict},
		"an event changed":     {replaced(3, alice, "mallory"), "", "event 3 (environment.declared gone) was changed after it was written", delivery.CodeConflict},
		"an event removed":     {func(l []string) []string { return append(l[:4:4], l[5:]...) }, "", "event 4 is missing: event 5", delivery.CodeConflict},
		"an event twice":       {func(l []string) []string { return append(l[:4:4], l[3:]...) }, "", "event 3 (environment.declared gone) follows event 3", delivery.CodeConflict},
		"events exchanged":     {func(l []string) []string { l[2], l[3] = l[3], l[2]; return l }, "", "event 2 is missing: event 3", delivery.CodeConflict},
		"an event behind rows": {func(l []string) []string { return append(l, l[events]) }, "", "after rows: events come first", delivery.CodeConflict},
		"cut off in events":    {func(l []string) []string { return l[:10] }, "", fmt.Sprintf("ends with event 9, and its header counts %d events", events), delivery.CodeConflict},
		"cut off in a line":    {func(l []string) []string { l[9] = l[9][:20]; return l[:10] }, "", "line 10 is not JSON", delivery.CodeInvalid},
		"cut off in rows":      {func(l []string) []string { return l[:firstRow+1] }, "", "is missing: event", delivery.CodeConflict},
		"a row changed":        {replaced(firstRow, `production`, `productiom`), "", "table environments", delivery.CodeConflict},
		"a row removed":        {func(l []string) []string { return append(l[:firstRow:firstRow], l[firstRow+1:]...) }, "", `environment "production" (table environments) is missing: event 2`, delivery.CodeConflict},
		"a row twice":          {func(l []string) []string { return append(l, l[len(l)-1]) }, "", "it was inserted or duplicated", delivery.CodeConflict},
		"a row of nothing": {func(l []string) []string {
			return append(l, "{\"type\":\"row\",\"table\":\"cookies\",\"values\":{}}\n")
		}, "", `table "cookies"`, delivery.CodeInvalid},
		"a line of nothing": {func(l []string) []string { return append(l, "{\"type\":\"cookie\"}\n") }, "", "neither an event nor a row", delivery.CodeInvalid},
		"a field more":      {replaced(5, `{"type":"event",`, `{"type":"event","mood":"sunny",`), "", "line 6 is not an event", delivery.CodeInvalid},
		"counts changed":    {replaced(0, `"rollouts":`, `"rollouts":1`), "", "rows of table rollouts", delivery.CodeConflict},
		"another anchor":    {func(l []string) []string { return l }, anchor, "no event has the hash", delivery.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Join(c.edit(append([]string{}, whole...)), "")
			_, err := VerifyFile(t.Context(), "it", strings.NewReader(text), c.anchor, quiet)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, c.code, delivery.CodeOf(err), "%v", err)
		})
	}
}

// replaced edits one line, which has to have what is replaced.
func replaced(line int, before, after string) func([]string) []string {
	return func(lines []string) []string {
		if !strings.Contains(lines[line], before) {
			panic("line has no " + before + ": " + lines[line])
		}
		lines[line] = strings.Replace(lines[line], before, after, 1)
		return lines
	}
}

// repeated is a line that goes on without end.
type repeated struct{}

func (repeated) Read(into []byte) (int, error) {
	for i := range into {
		into[i] = ' '
	}
	return len(into), nil
}

func TestTheLongestLine(t *testing.T) {
	t.Parallel()
	const first = `{"type":"ledger","format":"terraform-provider-cd ledger","version":1,"counts":{}}` + "\n"
	for length, says := range map[int64]string{maxLine: "line 2 is not JSON", maxLine + 1: "is longer than any line"} {
		_, err := VerifyFile(t.Context(), "it", io.MultiReader(strings.NewReader(first), io.LimitReader(repeated{}, length)), "", quiet)
		require.ErrorContains(t, err, says)
	}
}

func TestOnlyALedgerOfThisReleaseIsLookedAt(t *testing.T) {
	t.Parallel()
	for version, says := range map[int]string{9999: "newer release", 1: "older release"} {
		address := pgtest.URL(t)
		history(t, address)
		pgtest.Shared(t).Exec(t, address, fmt.Sprintf(`DELETE FROM ledger_schema; INSERT INTO ledger_schema (version_id, is_applied) VALUES (%d, true)`, version))
		_, err := Verify(t.Context(), address, "", quiet)
		require.ErrorContains(t, err, says)
		_, err = Copy(t.Context(), address, databases["sqlite"](t), quiet)
		require.ErrorContains(t, err, says)
	}
	_, err := Verify(t.Context(), pgtest.URL(t), "", quiet)
	require.ErrorContains(t, err, "there is no ledger in postgres://")
}

// A ledger in a database is judged as an exported one is: by its events, by its rows, and by what the events say of them.
func TestVerifyNamesWhatIsWrongInADatabase(t *testing.T) {
	t.Parallel()
	source := pgtest.URL(t)
	history(t, source)
	_, err := Verify(t.Context(), source, "sha256:"+strings.Repeat("0", 64), quiet)
	require.ErrorContains(t, err, "no event has the hash")
	for _, c := range []struct{ edit, says string }{ // one after the other: the first that is wrong is named
		{`DELETE FROM environments WHERE name = 'production'`, `environment "production" (table environments) is missing: event 2`},
		{`UPDATE environments SET document = replace(document, 'staging', 'stagimg')`, "table environments"},
		{`ALTER TABLE events DISABLE TRIGGER USER; UPDATE events SET actor = 'mallory' WHERE seq = 3`, "event 3 (environment.declared gone) was changed after it was written"},
		{`DELETE FROM events WHERE seq = 2`, "event 2 is missing: event 3"},
	} {
		pgtest.Shared(t).Exec(t, source, c.edit)
		_, err := Verify(t.Context(), source, "", quiet)
		require.ErrorContains(t, err, c.says)
		require.Equal(t, delivery.CodeConflict, delivery.CodeOf(err))
	}
}
