package sqlstore

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// applicationName is how the server's administrators see who is connected.
const applicationName = "terraform-provider-cd"

// postgresConfig reads the URL, and the variables and files that every PostgreSQL client reads (PGPASSWORD, ~/.pgpass, …).
// A refusal repeats nothing of the URL: in one that is written wrongly, any part may hold the password.
func postgresConfig(address string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(address)
	wrong := ""
	switch parsed, unparsed := url.Parse(address); {
	case unparsed != nil, err == nil && unescaped(parsed):
		wrong = "it is not a URL"
	case err != nil:
		wrong = configProblem(err)
	}
	if wrong != "" {
		return nil, delivery.Errorf(delivery.CodeInvalid, "the ledger's PostgreSQL URL cannot be used: %s; write one such as postgres://user@db.example.com:5432/cd?sslmode=verify-full, write characters that mean something in a URL as %%XX, and better give the password in PGPASSWORD or a password file", wrong)
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = applicationName
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	return config, nil
}

// displayName is the ledger's name in messages: the server and the user, without a password.
func displayName(config *pgx.ConnConfig) string {
	hosts := []string{fmt.Sprintf("%s:%d", config.Host, config.Port)}
	for _, other := range config.Fallbacks { // more hosts, or the same without TLS
		if host := fmt.Sprintf("%s:%d", other.Host, other.Port); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	name := fmt.Sprintf("postgres://%s@%s/%s", config.User, strings.Join(hosts, ","), config.Database)
	if path := config.RuntimeParams["search_path"]; path != "" {
		name += "?search_path=" + path
	}
	return name
}

// unescaped reports whether a # or ? of a password was not escaped in a URL: the rest of the password is then read as a fragment or
// as the name of a setting.
func unescaped(u *url.URL) bool {
	settings, _, _ := strings.Cut(u.RawQuery, "=")
	return u.Fragment != "" || strings.ContainsAny(settings, "@:/")
}

// configProblem says what is wrong with a URL's settings.
func configProblem(err error) string {
	for _, known := range []struct{ contains, message string }{
		{"invalid connect_timeout", "connect_timeout is a number of seconds"},
		{"unknown target_session_attrs", "target_session_attrs is any, read-write, read-only, primary, standby or prefer-standby"},
		{"failed to read service", "the service it names cannot be read from the service file"},
		{"invalid port", "its port is not a number from 1 to 65535"},
	} {
		if strings.Contains(err.Error(), known.contains) {
			return known.message
		}
	}
	if cause := errors.Unwrap(err); cause != nil && strings.Contains(err.Error(), "failed to configure TLS") {
		return "TLS cannot be set up as it says (" + cause.Error() + ")" // names files and modes
	}
	return "one of its settings is wrong"
}

// secretReplacer hides secrets in messages, wherever a message comes from.
func secretReplacer(address string, config *pgx.ConnConfig) *strings.Replacer {
	secrets := []string{address, config.Password}
	if u, err := url.Parse(address); err == nil {
		secrets = append(secrets, u.Query().Get("password"), u.Query().Get("sslpassword"))
		if _, after, found := strings.Cut(u.User.String(), ":"); found {
			secrets = append(secrets, after) // as it is written in a URL
		}
	}
	pairs := []string{}
	for _, secret := range secrets {
		if secret != "" {
			pairs = append(pairs, secret, "(hidden)")
		}
	}
	return strings.NewReplacer(pairs...)
}
