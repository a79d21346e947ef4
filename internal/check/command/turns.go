package command

import (
	"context"
	"path/filepath"
	"sync"
)

// turns lets one check at a time use a report file. Environments of a stage are verified at the same time, by the same command in
// the same directory: one would remove, or take for its own, what the other has just written.
type turns struct {
	mu    sync.Mutex
	files map[string]*turn
}

type turn struct {
	free chan struct{} // holds a value while nobody uses the file
	used int           // by whom it is used and who waits for it
}

// take waits for the file, and returns what gives it back. The error is ctx's.
func (t *turns) take(ctx context.Context, f *reportFile) (give func(), err error) {
	path := filepath.Join(f.directory, f.name)
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	mine := t.join(path)
	select {
	case <-mine.free:
		return func() { mine.free <- struct{}{}; t.leave(path) }, nil
	case <-ctx.Done():
		t.leave(path)
		return nil, ctx.Err()
	}
}

func (t *turns) join(path string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.files == nil {
		t.files = map[string]*turn{}
	}
	mine, ok := t.files[path]
	if !ok {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.files[path] = mine
	}
	mine.used++
	return mine
}

func (t *turns) leave(path string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.files[path].used--; t.files[path].used == 0 {
		delete(t.files, path)
	}
}
