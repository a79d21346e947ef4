package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// ledgers makes ledgers of each kind. A PostgreSQL server is started for the first that is asked for; it keeps what is committed as
// one in earnest does, and ends with this process, however that ends.
type ledgers struct {
	dir     string
	count   int
	cluster *pgtest.Cluster
}

const (
	sqlite   = "SQLite"
	postgres = "PostgreSQL"
)

// address gives that of a ledger of a kind which is not made yet.
func (l *ledgers) address(kind string) (address string, err error) {
	l.count++
	if kind == sqlite {
		return filepath.Join(l.dir, fmt.Sprintf("ledger-%d.db", l.count)), nil
	}
	if l.cluster == nil {
		progress("starting PostgreSQL")
		if l.cluster, err = pgtest.Begin(); err != nil {
			return "", fmt.Errorf("%w; -sqlite-only leaves PostgreSQL out", err)
		}
	}
	return l.cluster.Schema()
}

// close ends the server and removes what it kept. SQLite's files go with their directory.
func (l *ledgers) close() error {
	if l.cluster == nil {
		return nil
	}
	return l.cluster.End()
}

// fill makes a ledger that holds a past.
func (l *ledgers) fill(ctx context.Context, kind, address string, p past) error {
	if kind == sqlite {
		return p.fill(ctx, address)
	}
	// The rule that an event is appended to the end of the chain looks at each row; what is written is such a chain. Statistics are
	// made at once because a server in earnest makes them by itself.
	made, err := sqlstore.Open(ctx, address)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		made.Close,
		func() error {
			return pgtest.Run(ctx, address, `ALTER TABLE events DISABLE TRIGGER events_are_a_chain`)
		},
		func() error { return p.fill(ctx, address) },
		func() error {
			return pgtest.Run(ctx, address, `ALTER TABLE events ENABLE TRIGGER events_are_a_chain; ANALYZE`)
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
