package webhook_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

func TestAReceiptIsKeptUpToItsLimit(t *testing.T) {
	const most = 2 << 10
	deploy := func(size int) (driver.Result, error) {
		address, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, map[string]any{"status": "succeeded", "receipt": strings.Repeat("x", size)})
		})
		return newClock().driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address}))
	}
	result, err := deploy(most)
	require.NoError(t, err)
	require.Contains(t, result.Receipt, strings.Repeat("x", most))
	_, err = deploy(most + 1)
	require.ErrorContains(t, err, "2049 bytes; at most 2048 are kept")
}

func TestWordsAreRepeatedUpToTheirLimit(t *testing.T) {
	const most = 1 << 10
	deploy := func(size int) error {
		address, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, map[string]any{"status": "failed", "message": strings.Repeat("x", size)})
		})
		_, err := newClock().driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address}))
		return err
	}
	whole, over := deploy(most), deploy(most+1)
	require.ErrorContains(t, whole, strings.Repeat("x", most))
	require.NotContains(t, whole.Error(), "…")
	require.ErrorContains(t, over, strings.Repeat("x", most)+"…")
	require.NotContains(t, over.Error(), strings.Repeat("x", most+1))
}

// The limit is on all of an answer before its body: the status line, the headers and the empty line.
func TestHeadersAreReadUpToTheirLimit(t *testing.T) {
	const most = 64 << 10
	deploy := func(size int) error {
		address, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			const begin, end = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Long: ", "\r\n\r\n"
			connection, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			_, err = fmt.Fprint(connection, begin+strings.Repeat("x", size-len(begin)-len(end))+end)
			if err = errors.Join(err, connection.Close()); err != nil {
				panic(err)
			}
		})
		_, err := newClock().driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address}))
		return err
	}
	require.NoError(t, deploy(most))
	require.ErrorContains(t, deploy(most+1), "headers exceeded 65536 bytes")
}

func TestAnAnswerIsReadUpToItsLimit(t *testing.T) {
	observe := func(size int) delivery.Observation {
		const report = `{"running": true, "version": "1.4.2", "deployment": "d1", "config_revision": "sha256:11"}`
		address, _ := answering(t, told(report+strings.Repeat(" ", size-len(report))))
		seen, err := newClock().driver().Observe(t.Context(), plain(delivery.WebhookTarget{URL: address, ObserveURL: address + "/look"}))
		require.NoError(t, err)
		return seen
	}
	require.Equal(t, delivery.Observation{Running: true, Version: "1.4.2"}, observe(driver.MaxReportBytes))
	require.Contains(t, observe(driver.MaxReportBytes+1).Unknown, "larger than 1048576 bytes")
}
