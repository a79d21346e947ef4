package sqlstore

import (
	"cmp"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// dialectOf chooses the database by the ledger's address, which is a path or a URL, and gives the name that messages call it by. It
// touches neither disk nor network. A misspelt address is refused, never taken for the name of a file: an empty ledger would forget every
// gate. Refusals repeat nothing of the address, because any part of it may be the password.
func dialectOf(address string) (d dialect, name string, err error) {
	problem := unclean(address)
	if problem == "" && (strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")) {
		return postgresDialect(address)
	}
	if problem = cmp.Or(problem, notAPath(address)); problem != "" {
		return dialect{}, "", delivery.Errorf(delivery.CodeInvalid, "the ledger's address cannot be used: %s. Write a path such as .cd/ledger.db, or a PostgreSQL URL such as postgres://user@db.example.com:5432/cd with the password in PGPASSWORD or a password file", problem)
	}
	path, err := filepath.Abs(address)
	if err != nil {
		return dialect{}, "", delivery.Errorf(delivery.CodeUnavailable, "the ledger %s cannot be found: %v", address, err)
	}
	return sqliteDialect(path), address, nil
}

// IsPath reports whether an address is the path of a file, and not the URL of a database or a misspelt one.
func IsPath(address string) bool { return unclean(address) == "" && notAPath(address) == "" }

// Place is how other ledgers name the one at an address: the absolute path of a file, or a URL without what is secret.
func Place(address string) (string, error) {
	d, name, err := dialectOf(address)
	if d.file != "" {
		name = d.file
	}
	return name, err
}

var (
	// keyword is a setting of PostgreSQL's other notation ("host=db dbname=cd"), or of another driver's ("Server=db;Database=cd").
	keyword = regexp.MustCompile(`(?i)(^|[\s;&?])(host|hostaddr|server|data source|port|dbname|database|initial catalog|user|user id|uid|username|password|pwd|passfile|service|sslmode|connect_timeout|application_name|options)\s*=`)
	// credentials are those of a URL: a colon and later an @, before any slash or backslash.
	credentials = regexp.MustCompile(`:[^/\\]*@`)
	// userAtHost is the start of a URL whose scheme is missing.
	userAtHost = regexp.MustCompile(`^(//)?[^/\\]+@[^/\\]+/`)
	// driveLetter is how a path begins on Windows.
	driveLetter = regexp.MustCompile(`^[A-Za-z]:[/\\]`)
	// schemeWithoutColon is a URL that lost its colon.
	schemeWithoutColon = regexp.MustCompile(`(?i)^(postgres|postgresql|pgsql|pg|psql|sqlite|sqlite3|file|https?)//`)
)

// unclean says what no address has in it, be it a path or a URL. It is empty if there is nothing of that.
func unclean(address string) string {
	switch {
	case address == "":
		return "it is empty, and the ledger needs a path or a URL"
	case strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "it has a line break or another control character in it"
	case strings.TrimSpace(address) != address:
		return "it begins or ends with a space"
	}
	return ""
}

// notAPath says why an address is not the path of a file. It is empty if the address is one.
func notAPath(address string) string {
	first, _, _ := strings.Cut(strings.ReplaceAll(address, `\`, "/"), "/")
	switch {
	case keyword.MatchString(address):
		return "it lists settings as keyword=value, and only a URL names a database here"
	case strings.Contains(address, "://"), schemeWithoutColon.MatchString(address):
		return "it is a URL of an unknown kind; a database's begins with postgres:// in small letters, and a file is named by its path alone"
	case driveLetter.MatchString(address):
		return ""
	case credentials.MatchString(address), userAtHost.MatchString(address):
		return "it looks like a URL without postgres:// at its start; a path whose first part has an @ in it begins with ./"
	case strings.Contains(first, ":"):
		return "it looks like a misspelt URL; a path whose first part has a colon in it begins with ./"
	}
	return ""
}
