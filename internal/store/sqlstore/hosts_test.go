package sqlstore

import (
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// hosts is an address with other hosts, which are tried in their order.
func hosts(t *testing.T, address string, list ...string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.Host = ""
	for i, host := range list {
		if i > 0 {
			u.Host += ","
		}
		u.Host += host
	}
	return u.String()
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Host
}

func TestSeveralHosts(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).NewProxy(t).Through(t, pgtest.URL(t))
	good, gone := hostOf(t, address), "127.0.0.1:"+strconv.Itoa(pgtest.FreePort(t))
	standby := pgtest.New(t)
	administrator := standby.URL(pgtest.Superuser, "", "postgres")
	standby.Exec(t, administrator, `ALTER ROLE ALL SET default_transaction_read_only = on`)
	readOnly := hostOf(t, standby.NewProxy(t).Through(t, administrator))
	writable := with(t, address, "target_session_attrs", "read-write")

	for name, works := range map[string]string{
		"the first is gone":                  hosts(t, address, gone, good),
		"the last is gone":                   hosts(t, address, good, gone),
		"the first can only be read":         hosts(t, writable, readOnly, good),
		"the first two are gone or readable": hosts(t, writable, gone, readOnly, good),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := record(t.Context(), openLedger(t, works))
			require.NoError(t, err)
		})
	}
	for name, fails := range map[string]struct {
		address string
		code    delivery.Code
		says    string
	}{
		"all are gone":              {hosts(t, address, gone, gone), delivery.CodeUnavailable, "the server cannot be reached"},
		"none can be written":       {hosts(t, writable, gone, readOnly), delivery.CodeUnavailable, "no server of the URL is one that target_session_attrs asks for"},
		"all are named in messages": {hosts(t, writable, gone, readOnly), delivery.CodeUnavailable, "@" + gone + "," + readOnly + "/postgres"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), fails.address)
			require.ErrorContains(t, err, fails.says)
			require.Equal(t, fails.code, delivery.CodeOf(err), "%v", err)
		})
	}
}

// A server that lets nobody talk to it is given up after as long as the URL says.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	mute, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, mute.Close()) })
	address := "postgres://clerk@" + mute.Addr().String() + "/ledger"
	for text, want := range map[string]time.Duration{address: connectTimeout, address + "?connect_timeout=1": time.Second, address + "?connect_timeout=300": 300 * time.Second} {
		config, err := postgresConfig(text)
		require.NoError(t, err)
		require.Equal(t, want, config.ConnectTimeout, text)
	}
	_, err = Open(t.Context(), address+"?connect_timeout=1")
	require.ErrorContains(t, err, "the server cannot be reached")
}
