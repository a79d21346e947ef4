package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// ledgers creates ledgers of each kind. The first PostgreSQL ledger starts a server. The server is as durable as a production server, and
// ends with this process, however that ends.
type ledgers struct {
	dir     string
	count   int
	cluster *pgtest.Cluster
}

const (
	sqlite   = "SQLite"
	postgres = "PostgreSQL"
)

// address returns the address of a new ledger of a kind.
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

// close ends the server and removes its data. SQLite's files are removed with their directory.
func (l *ledgers) close() error {
	if l.cluster == nil {
		return nil
	}
	return l.cluster.End()
}

// fill creates a ledger with a past.
func (l *ledgers) fill(ctx context.Context, kind, address string, p past) error {
	if kind == sqlite {
		return p.fill(ctx, address)
	}
	// A trigger checks for each event that it is at the end of the chain. It is not needed here, because the events are such a chain.
	// Statistics are collected at once, because a production server would have collected them.
	for _, step := range []func() error{
		func() error { return sqlstore.Make(ctx, address) },
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
