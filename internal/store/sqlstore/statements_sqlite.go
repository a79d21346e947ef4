package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
)

// maxStatements is how many statements a connection keeps prepared. There are fewer texts than that.
const maxStatements = 256

// statementCache gives connections that keep what they prepared: parsing the text of a query takes SQLite as long as answering it. The
// driver for PostgreSQL does so unasked.
type statementCache struct{ driver.Connector }

// Connect implements driver.Connector.
func (p statementCache) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &preparedConn{sqliteConn: conn.(sqliteConn), statements: map[string]*preparedStatement{}}, nil //nolint:errcheck,forcetypeassert // the driver has these: it is pinned, and each test opens a ledger
}

// sqliteConn is what the driver's connections can do and database/sql makes use of.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// preparedConn is one connection with its prepared statements. As any connection, it serves one caller at a time.
type preparedConn struct {
	sqliteConn
	statements map[string]*preparedStatement
}

type preparedStatement struct {
	stmt sqliteStatement
	busy bool // its rows are being read
}

type sqliteStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// QueryContext implements driver.QueryerContext. A query made while its rows are being read is prepared apart.
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := s.stmt.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &preparedRows{rows, s}, nil
}

// ExecContext implements driver.ExecerContext.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	return s.stmt.ExecContext(ctx, args)
}

// prepared returns the statement of a text; nil when it is in use, or too many are kept.
func (c *preparedConn) prepared(ctx context.Context, query string) (*preparedStatement, error) {
	if s, ok := c.statements[query]; ok {
		if s.busy {
			return nil, nil //nolint:nilnil // neither a statement nor a failure
		}
		return s, nil
	}
	if len(c.statements) >= maxStatements {
		return nil, nil //nolint:nilnil // as above
	}
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &preparedStatement{stmt: stmt.(sqliteStatement)} //nolint:errcheck,forcetypeassert // as above
	c.statements[query] = s
	return s, nil
}

// Close ends the statements, and the connection.
func (c *preparedConn) Close() error {
	var all error
	for _, s := range c.statements {
		all = errors.Join(all, s.stmt.Close())
	}
	return errors.Join(all, c.sqliteConn.Close())
}

// preparedRows frees their statement when they are closed.
type preparedRows struct {
	driver.Rows
	statement *preparedStatement
}

// Close implements driver.Rows.
func (r *preparedRows) Close() error {
	r.statement.busy = false
	return r.Rows.Close()
}
