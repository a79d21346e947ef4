//go:build !unix

package pgtest

import (
	"errors"
	"testing"
)

const (
	removeAtEnd = "remove"
	keepAtEnd   = "keep"
)

// server is never running here: what keeps it from outliving this process needs Unix.
type server struct{ ended chan struct{} }

var errNotHere = errors.New("PostgreSQL is started by tests and benchmarks on Unix only")

func newCluster(settings []string) (*Cluster, error)          { return nil, errNotHere }
func (c *Cluster) start(atEnd string) error                   { return errNotHere }
func (c *Cluster) stop(how string) error                      { return nil }
func (c *Cluster) own(t testing.TB, name string, text []byte) { t.Fatal(errNotHere) }
