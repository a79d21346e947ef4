package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

const (
	// postgresReaders is small: many runners share a server, and each of them lives for seconds.
	postgresReaders = 4
	// postgresIdle gives connections back during a long deployment.
	postgresIdle = 30 * time.Second
	// slack is how much longer than a writer waits for its turn a server may be silent before it is given up.
	slack = 5 * time.Second
	// connectTimeout bounds one attempt to connect, unless the URL says otherwise.
	connectTimeout = 10 * time.Second
	// oldestPostgres is the first major version that can tell what became of a transaction by its 64-bit number.
	oldestPostgres = 13
	// upgradeLock is the key of the advisory lock under which the schema is made or upgraded: a random number, so that no other program uses it.
	upgradeLock = "7094214370932461"
)

// postgresDialect is a schema in a PostgreSQL database: the first of the search path. Its name has no password in it.
func postgresDialect(address string) (d dialect, name string, err error) {
	config, err := postgresConfig(address)
	if err != nil {
		return dialect{}, "", err
	}
	hidden := secretReplacer(address, config)
	return dialect{
		goose:      goose.DialectPostgres,
		migrations: embedded(postgresMigrations, "migrations/postgres"),
		connect: func(use use, timeout time.Duration) (*sql.DB, error) {
			limited := config.Copy()
			if use != forUpgrading && use != forReadingAll {
				limited.DialFunc = withSilenceLimit(limited.DialFunc, timeout+slack)
			}
			return stdlib.OpenDB(*limited), nil
		},
		readers:     postgresReaders,
		batch:       500, // of at most ten columns, so far below the 65,535 arguments that it takes
		idle:        postgresIdle,
		spoils:      true,
		readOptions: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		// Writers take turns, so each statement may, and has to, see all that was committed before the turn came.
		writeOptions: &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		lockWriters:  lockWritersPostgres,
		committed:    committedPostgres,
		clock:        "COALESCE(CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint), CAST($2 AS bigint))",
		now:          "CASE WHEN " + withoutJIT + " = 'off' THEN CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint) END",
		elements: func(placeholder string) string {
			return "SELECT element FROM json_array_elements_text(CAST(CAST(" + placeholder + " AS text) AS json)) AS list (element)"
		},
		tables:       tablesPostgres,
		prepare:      preparePostgres,
		beginUpgrade: []string{`BEGIN ISOLATION LEVEL READ COMMITTED`, `SET LOCAL lock_timeout = '30s'`, `SELECT pg_advisory_xact_lock(` + upgradeLock + `)`},
		diagnose: func(err error) diagnosis {
			d := diagnosePostgres(err, config.User)
			d.message = hidden.Replace(d.message)
			return d
		},
	}, displayName(config), nil
}

// withoutJIT turns the compiler of statements off until the end of a transaction. The first statement of each has it. Our statements find a few
// rows by index, and many of them have many parts: to compile one would take a quarter of a second, and the server does that once it has
// counted the rows of a ledger that is no longer small.
const withoutJIT = `set_config('jit', 'off', true)`

// lockWritersPostgres locks a table that exists for nothing else. The lock is fair, is gone with its transaction, and is refused to
// a role that may only read. A writer that hangs would block all others, so the server ends its transaction after a
// while; and what is committed survives a loss of power, whatever the database is set to.
func lockWritersPostgres(ctx context.Context, tx *sql.Tx, timeout time.Duration) (receipt string, err error) {
	const statement = `SELECT pg_current_xact_id()::text, concat(
			` + withoutJIT + `,
			set_config('lock_timeout', $1, true),
			set_config('statement_timeout', $2, true),
			set_config('idle_in_transaction_session_timeout', $2, true),
			set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true));
		LOCK TABLE ledger_turn IN EXCLUSIVE MODE`
	settings := ""
	err = tx.QueryRowContext(ctx, statement, pgx.QueryExecModeSimpleProtocol, milliseconds(timeout), milliseconds(maxSilence)).Scan(&receipt, &settings)
	return receipt, err
}

// milliseconds writes a timeout as PostgreSQL's settings take it. Zero would mean none.
func milliseconds(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) }

// maxSilence is how long a write transaction may run one statement, or none, in PostgreSQL.
const maxSilence = 30 * time.Second

func committedPostgres(ctx context.Context, db *sql.DB, receipt string) (kept, decided bool, err error) {
	var status string
	err = db.QueryRowContext(ctx, `SELECT COALESCE(pg_xact_status(CAST(CAST($1 AS text) AS xid8)), '')`, receipt).Scan(&status)
	return status == "committed", status != "in progress", err
}

// tablesPostgres counts in the schema where tables would be made: a database may hold others, of other programs.
func tablesPostgres(ctx context.Context, db rowQuerier, name string) (all, named int, err error) {
	err = db.QueryRowContext(ctx, `SELECT COUNT(*), COUNT(*) FILTER (WHERE tablename = $1) FROM pg_catalog.pg_tables WHERE schemaname = current_schema()`, name).Scan(&all, &named)
	return all, named, err
}

// unsuitable is why a ledger cannot be kept in a database, or not by this role.
type unsuitable struct {
	code  delivery.Code
	words string
}

// Error implements error.
func (u unsuitable) Error() string { return u.words }

// preparePostgres refuses a server on which the ledger could not be kept, before anything is tried.
func preparePostgres(ctx context.Context, write *sql.DB) error {
	var (
		version                int
		encoding, schema, role string
		may                    bool
	)
	err := write.QueryRowContext(ctx, `SELECT CAST(current_setting('server_version_num') AS integer), current_setting('server_encoding'),
		COALESCE(current_schema(), ''), COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false), current_user::text`).Scan(&version, &encoding, &schema, &may, &role)
	switch {
	case err != nil:
		return err
	case version/10000 < oldestPostgres:
		return unsuitable{delivery.CodeInvalid, fmt.Sprintf("the server is PostgreSQL %d, and a ledger needs %d or later", version/10000, oldestPostgres)}
	case encoding != "UTF8":
		return unsuitable{delivery.CodeInvalid, fmt.Sprintf("the database's encoding is %s, and a ledger needs UTF8; create it again with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)}
	case schema == "":
		return unsuitable{delivery.CodeInvalid, fmt.Sprintf("no schema of the search path exists that the role %s may use; make one and grant its use, as in %s", role, guide)}
	case !may:
		return unsuitable{delivery.CodeForbidden, fmt.Sprintf("the role %s may not make or change tables in the schema %s; run terraform-provider-cd ledger init once as the role that owns it, as in %s", role, schema, guide)}
	}
	return nil
}
