package delivery

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	thisLedger  = "0123456789abcdef0123456789abcdef"
	otherLedger = "fedcba9876543210fedcba9876543210"
)

// historyOf is a ledger with n events, the hash of each told by the name of the history.
func historyOf(id, name string, n int64, page int64) LedgerPage {
	p := LedgerPage{First: page*LedgerPageSize + 1}
	p.Newest = positionIn(id, name, n)
	for seq := p.First; seq <= n && seq < p.First+LedgerPageSize; seq++ {
		p.Hashes = append(p.Hashes, positionIn(id, name, seq).Hash)
	}
	return p
}

func positionIn(id, name string, seq int64) LedgerPosition {
	if seq == 0 {
		return LedgerPosition{Ledger: id}
	}
	return LedgerPosition{Ledger: id, Seq: seq, Hash: "sha256:" + strings.Repeat("0", 48) + fmt.Sprintf("%x%08d", name, seq)}
}

func TestOnlyThePositionsOfTheSameHistoryAreRecognized(t *testing.T) {
	page := historyOf(thisLedger, "main", 10, 0)
	require.NoError(t, page.Recognize(positionIn(thisLedger, "main", 10)))
	require.NoError(t, page.Recognize(positionIn(thisLedger, "main", 1)))
	require.NoError(t, page.Recognize(LedgerPosition{Ledger: thisLedger}))
	for says, kept := range map[string]LedgerPosition{
		"this is another ledger: the state was written with ledger " + otherLedger + ", and this is ledger " + thisLedger: positionIn(otherLedger, "main", 3),
		"this is an older copy of the ledger: it ends with event 10, and the state was written after event 11":            positionIn(thisLedger, "main", 11),
		"this ledger has another history: its event 9 is not the one":                                                     positionIn(thisLedger, "fork", 9),
	} {
		err := page.Recognize(kept)
		require.ErrorContains(t, err, says)
		require.Equal(t, CodeConflict, CodeOf(err))
		require.ErrorContains(t, err, "ledger adopt "+kept.String()+" LEDGER")
	}
	require.ErrorContains(t, LedgerPage{First: 1}.Recognize(positionIn(thisLedger, "main", 3)), "there is no ledger here")
	require.ErrorContains(t, LedgerPage{First: 1}.Recognize(LedgerPosition{Ledger: thisLedger}), "ledger adopt "+thisLedger+" 0 - LEDGER")
}

// The history of a ledger forks, loses its end, is replaced by another one, and adopts what was lost: exactly the positions that it holds,
// or adopted, are recognized.
func TestPositionsAreRecognizedAsTheHistorySays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ids, names := rapid.SampledFrom([]string{thisLedger, otherLedger}), rapid.SampledFrom([]string{"main", "fork"})
		length := rapid.Int64Range(0, 3*LedgerPageSize)
		kept := positionIn(ids.Draw(rt, "ledger"), names.Draw(rt, "history"), length.Draw(rt, "position"))
		n := length.Draw(rt, "length")
		page := historyOf(thisLedger, "main", n, LedgerPageOf(kept.Seq))
		held := kept.Ledger == thisLedger && kept.Seq <= n && kept == positionIn(thisLedger, "main", kept.Seq)
		require.Equal(rt, held, page.Recognize(kept) == nil)
		adopted := positionIn(ids.Draw(rt, "adopted ledger"), names.Draw(rt, "adopted history"), length.Draw(rt, "adopted up to"))
		page.Adopted = []LedgerPosition{adopted}
		covered := kept.Ledger == adopted.Ledger && (kept.Seq < adopted.Seq || kept == adopted)
		require.Equal(rt, held || covered, page.Recognize(kept) == nil)
		require.Equal(rt, adopted.Ledger == otherLedger, page.Replaces(otherLedger))
		require.Contains(rt, page.IDs(), adopted.Ledger)

		words := strings.Fields(kept.String())
		again, err := LedgerPositionOf(words[0], words[1], words[2])
		require.NoError(rt, err)
		require.Equal(rt, kept, again)
	})
}

func TestWhatIsNoPositionIsRefused(t *testing.T) {
	hash := positionIn(thisLedger, "main", 1).Hash
	for says, words := range map[string][3]string{
		"is not the number":        {thisLedger, "seven", hash},
		`"-1" is not the number`:   {thisLedger, "-1", hash},
		"is not the id":            {"LEDGER", "7", hash},
		"is not the hash":          {thisLedger, "7", "sha256:12"},
		"is not the hash of event": {thisLedger, "7", "-"},
		"the hash of event 0":      {thisLedger, "0", hash},
	} {
		_, err := LedgerPositionOf(words[0], words[1], words[2])
		require.ErrorContains(t, err, says)
		require.Equal(t, CodeInvalid, CodeOf(err))
	}
}

func TestOnlyItsLastEventMovesALedger(t *testing.T) {
	require.Nil(t, Event{Kind: EventEnvironmentDeclared}.Move())
	moved := Event{Kind: EventLedgerSealed, Data: []byte(`{"to":"b.db"}`)}.Move()
	require.Equal(t, &LedgerMove{To: "b.db"}, moved)
	l := Ledger{Moved: moved}
	require.ErrorContains(t, l.Takes(EventEnvironmentDeclared), "it was moved to b.db")
	require.Error(t, l.Takes(EventLedgerAdopted))
	require.NoError(t, l.Takes(EventLedgerOpened))
	require.NoError(t, Ledger{}.Takes(EventEnvironmentDeclared))
	require.NotNil(t, Event{Kind: EventLedgerSealed, Data: []byte(`{`)}.Move(), "it is sealed, whatever it says")
}
