package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

const (
	ownerName  = ".cd-ledger.json"
	ownerBytes = 4 << 10
)

// owner says which ledger deploys below a target's directory. Two ledgers in one place would undo each other's deployments, past each
// other's gates and freezes.
type owner struct {
	Ledger string `json:"ledger"`
}

// claim makes the request's ledger the owner of the target's directory, if nobody is yet, or one whose ledger this one replaces. Deployments of
// other pipelines may do the same at the same time.
func claim(target *os.Root, at string, r driver.Request) error {
	if r.Ledger == "" {
		return nil
	}
	found, err := ownerOf(target, at)
	switch {
	case err != nil:
		return err
	case found == r.Ledger:
		return nil
	case found != "" && !slices.Contains(r.Replaced, found):
		return ownedBy(found, at, r)
	}
	text, err := json.Marshal(owner{r.Ledger})
	if err != nil {
		return fmt.Errorf("write the owner: %w", err)
	}
	fresh := ownerName + "." + r.ID
	if err := target.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("remove", filepath.Join(at, fresh), err)
	}
	// Other users deploy to the same directory, and read it.
	if err := writeNew(target, fresh, 0o644, append(text, '\n')); err != nil {
		return failed("write", filepath.Join(at, fresh), err)
	}
	return failed("write", filepath.Join(at, ownerName), target.Rename(fresh, ownerName))
}

// ownerOf returns the ledger that owns a target's directory; empty if none does yet, or a crash left the file empty.
func ownerOf(target *os.Root, at string) (string, error) {
	text, err := readSmall(target, ownerName, ownerBytes)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 {
		return "", nil
	}
	if err != nil {
		return "", failed("read", filepath.Join(at, ownerName), err)
	}
	var found owner
	if err := json.Unmarshal(text, &found); err != nil || found.Ledger == "" {
		return "", fmt.Errorf("%s does not say which ledger owns this directory: it was changed; remove it, and the next deployment writes it", filepath.Join(at, ownerName))
	}
	return found.Ledger, nil
}

// ownedBy is why a request is refused in the directory of another ledger.
func ownedBy(ledger, at string, r driver.Request) error {
	return fmt.Errorf("%s belongs to ledger %s, and this is ledger %s: both would deploy there past each other. Use that ledger, or another directory. To take this one over, remove %s",
		at, shortened(ledger), r.Ledger, filepath.Join(at, ownerName))
}

// foreign is why what runs below a target's directory says nothing about the request's ledger; nil if it does.
func foreign(r driver.Request) error {
	at, _, err := locationOf(r)
	if err != nil || r.Ledger == "" {
		return err
	}
	target, err := os.OpenRoot(at)
	if err != nil {
		return failed("open the directory", at, err)
	}
	defer target.Close()
	found, err := ownerOf(target, at)
	if err != nil || found == "" || found == r.Ledger || slices.Contains(r.Replaced, found) {
		return err
	}
	return ownedBy(found, at, r)
}
