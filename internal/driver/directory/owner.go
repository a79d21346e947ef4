package directory

import (
	"context"
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
	freshName  = ownerName + ".new" // what becomes the owner's file
	claimName  = ".cd-ledger.lock"  // locked while a directory gets an owner
)

// owner says which ledger deploys below a target's directory. Two ledgers in one place would undo each other's deployments, past each
// other's gates and freezes.
type owner struct {
	Ledger string `json:"ledger"`
}

// claim makes the request's ledger the owner of the target's directory, if nobody is yet, or one whose ledger this one replaces. Others may do
// the same at the same time: all but the first find its owner.
func claim(ctx context.Context, target *os.Root, at string, r driver.Request) (err error) {
	if r.Ledger == "" {
		return nil
	}
	if mine, err := owned(target, at, r); mine || err != nil {
		return err
	}
	lock, err := lockFile(ctx, target, at, claimName, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if mine, err := owned(target, at, r); mine || err != nil {
		return err // another process was faster
	}
	text, err := json.Marshal(owner{r.Ledger})
	if err != nil {
		return fmt.Errorf("write the owner: %w", err)
	}
	if err := target.Remove(freshName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("remove", filepath.Join(at, freshName), err)
	}
	// Other users deploy to the same directory, and read it.
	if err := writeNew(target, freshName, 0o644, append(text, '\n')); err != nil {
		return failed("write", filepath.Join(at, freshName), err)
	}
	return failed("write", filepath.Join(at, ownerName), target.Rename(freshName, ownerName))
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

// owned reports whether the directory is the request's ledger's. An error says that it is another one's. It is neither while nobody owns it.
func owned(target *os.Root, at string, r driver.Request) (bool, error) {
	found, err := ownerOf(target, at)
	switch {
	case err != nil:
		return false, err
	case found == r.Ledger:
		return true, nil
	case found != "" && !slices.Contains(r.Replaced, found):
		return false, ownedBy(found, at, r)
	}
	return false, nil
}

// ownedBy is why a request is refused in the directory of another ledger.
func ownedBy(ledger, at string, r driver.Request) error {
	this := "this is ledger " + r.Ledger
	if r.Ledger == "" {
		this = "this one is new"
	}
	return fmt.Errorf("%s belongs to ledger %s, and %s: both would deploy there past each other. Use that ledger, or another directory. To take this one over, remove %s",
		at, shortened(ledger), this, filepath.Join(at, ownerName))
}

// foreign is why what runs below a target's directory says nothing about the request's ledger; nil if it does.
func foreign(r driver.Request) error {
	at, _, err := locationOf(r)
	if err != nil {
		return err
	}
	target, err := os.OpenRoot(at)
	if err != nil {
		return failed("open the directory", at, err)
	}
	defer target.Close()
	_, err = owned(target, at, r)
	return err
}

// Claimed implements driver.Claimer. A plan may run where the directory does not exist, or as a user who may not read it; the deployment
// looks again.
func (d *directoryDriver) Claimed(ctx context.Context, r driver.Request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := foreign(r)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
