package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// guide is where the roles are explained.
const guide = `the guide "A ledger on PostgreSQL"`

func diagnosePostgres(err error, role string) diagnosis {
	if err == nil {
		return diagnosis{}
	}
	var ours unsuitable
	if errors.As(err, &ours) {
		return diagnosis{code: ours.code, message: ours.words}
	}
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		return diagnoseState(refusal, role)
	}
	detail := strings.Join(strings.Fields(err.Error()), " ")
	if words := diagnoseTLS(err, detail); words != "" {
		return diagnosis{code: delivery.CodeInvalid, message: words}
	}
	var (
		unreached *pgconn.ConnectError
		network   *net.OpError
	)
	switch {
	case errors.As(err, &unreached) && strings.Contains(detail, "ValidateConnect failed"):
		return diagnosis{code: delivery.CodeUnavailable, lost: true, message: fmt.Sprintf("no server of the URL is one that target_session_attrs asks for (%s); see which one may be written now, or change target_session_attrs", detail)}
	case errors.As(err, &unreached):
		return diagnosis{code: delivery.CodeUnavailable, lost: true, message: fmt.Sprintf("the server cannot be reached (%s); see that it runs and can be reached from here, then try again", detail)}
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, pgconn.ErrConnClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.As(err, &network), pgconn.SafeToRetry(err), pgconn.Timeout(err) && !errors.Is(err, context.Canceled):
		return diagnosis{code: delivery.CodeUnavailable, lost: true, message: fmt.Sprintf("the connection to the server was lost (%s); try again", detail)}
	}
	return diagnosis{code: delivery.CodeInternal, message: detail}
}

// diagnoseState reads the codes of PostgreSQL: their first two characters are the class.
func diagnoseState(refusal *pgconn.PgError, role string) diagnosis {
	unavailable := func(words string) diagnosis { return diagnosis{code: delivery.CodeUnavailable, message: words} }
	again := func(words string) diagnosis {
		return diagnosis{code: delivery.CodeUnavailable, conflict: true, message: words}
	}
	detail := refusal.Message
	switch refusal.Code {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return again("other transactions were in the way again and again (" + detail + "); try again")
	case "55P03": // lock_not_available
		return again("another process is writing to it and does not finish; see which one in pg_stat_activity (its application_name is " + applicationName + "), then try again")
	case "57P03": // cannot_connect_now
		return again("the server is starting or stopping (" + detail + "); try again in a moment")
	case "53300": // too_many_connections
		return again("the server has no connection left (" + detail + "); let other clients finish, or raise max_connections")
	case "57P01", "57P02", "57P05", "25P03", "25P04": // the server ended the connection
		return diagnosis{code: delivery.CodeUnavailable, lost: true, message: "the server closed the connection (" + detail + "); try again"}
	case "57014": // query_canceled
		return unavailable("the server stopped a statement (" + detail + "); see what keeps it busy, then try again")
	case "53100", "53200": // disk_full, out_of_memory
		return unavailable("the server cannot go on (" + detail + "); give it what it lacks, then try again")
	case "25P02": // in_failed_sql_transaction
		return diagnosis{code: delivery.CodeInternal, aborted: true, message: detail}
	case "42501": // insufficient_privilege
		return diagnosis{code: delivery.CodeForbidden, message: fmt.Sprintf("the role %s may not do this (%s); use a role that may, as in %s", role, detail, guide)}
	case "25006": // read_only_sql_transaction
		return diagnosis{code: delivery.CodeForbidden, message: fmt.Sprintf("it can only be read (%s): the server is a standby, or the role %s only reads; use the primary server and a role that may write, as in %s", detail, role, guide)}
	case "28000", "28P01": // invalid_authorization_specification, invalid_password
		return diagnosis{code: delivery.CodeForbidden, message: "the server rejected this user (" + detail + "); " + loginAdvice(detail)}
	case "3D000": // invalid_catalog_name
		return diagnosis{code: delivery.CodeInvalid, message: detail + "; make it with CREATE DATABASE, or correct the URL"}
	case "42P01": // undefined_table
		return diagnosis{code: delivery.CodeInternal, noTable: true, message: detail}
	case "0A000": // feature_not_supported
		// A statement was prepared before another process upgraded the schema.
		return diagnosis{code: delivery.CodeInternal, conflict: strings.Contains(detail, "cached plan"), message: detail}
	case "42704", "55P02": // undefined_object, cant_change_runtime_param
		if strings.Contains(detail, "parameter") {
			return diagnosis{code: delivery.CodeInvalid, message: "a setting of the URL is neither known here nor to the server (" + detail + "); remove it"}
		}
	case "26000", "42P05": // invalid_sql_statement_name, duplicate_prepared_statement
		return diagnosis{code: delivery.CodeInvalid, message: "a pooler gave the server connection to another client (" + detail + "); add default_query_exec_mode=exec to the URL"}
	case "08P01": // protocol_violation
		if strings.Contains(detail, "startup parameter") {
			return diagnosis{code: delivery.CodeInvalid, message: "a pooler does not take a setting of the URL or the environment (" + detail + "); set it for the role or the database at the server instead"}
		}
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return diagnosis{code: delivery.CodeInternal, message: "it is damaged (" + detail + "); restore it from a backup"}
	}
	switch refusal.Code[:min(2, len(refusal.Code))] {
	case "08": // connection exceptions
		return diagnosis{code: delivery.CodeUnavailable, lost: true, message: "the connection to the server was lost (" + detail + "); try again"}
	case "23": // integrity constraint violations
		return diagnosis{code: delivery.CodeConflict, message: "a rule of the ledger forbids it (" + detail + ")"}
	}
	return diagnosis{code: delivery.CodeInternal, message: detail + " (SQLSTATE " + refusal.Code + ")"}
}
