package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	require.InDelta(t, 2.0, median([]float64{3, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{4, 1, 3, 2}), 0)
	all := []costs{
		{apply: cost{1, 9}, plan: cost{30, 7}},
		{apply: cost{2, 8}, plan: cost{10, 5}},
		{apply: cost{3, 7}, plan: cost{20, 6}},
	}
	require.Equal(t, costs{apply: cost{2, 8}, plan: cost{20, 6}}, medians(all))
}

func TestConfigurationGivesEachResourceABlock(t *testing.T) {
	text := configuration(ours, 12, "http://127.0.0.1:1/1")
	require.Equal(t, 12, strings.Count(text, `resource "cd_environment"`))
	require.Contains(t, text, `address = "http://127.0.0.1:1/1"`)
}

func TestFleetGivesEachServiceItsResources(t *testing.T) {
	f := fleet{services: 7}
	text := f.configuration("http://127.0.0.1:1/1", "/srv", "sha256:0")
	require.Equal(t, f.resources(), strings.Count(text, "\nresource "))
	require.NotContains(t, text, "%!")
	require.Equal(t, f.resources(), strings.Count(configuration(quiet, f.resources(), ""), "\nresource "))
}

func TestContentsAreOfTheirApprovals(t *testing.T) {
	require.Equal(t, map[string]string{"service-0001": "0123456789ab", "line": "ba9876543210"}, contents(`
│   with cd_approval.service-0001,
│   content = "0123456789ab"
│   with cd_approval.another,
│ something else is wrong
│   with cd_approval.line,
│   content = "ba9876543210"
│   content = "000000000000"
`))
}

func TestStatesKeepWhatWasWritten(t *testing.T) {
	server, err := serveStates(context.Background())
	require.NoError(t, err)
	url := server.fresh()
	require.NotEqual(t, url, server.fresh())
	require.Equal(t, http.StatusNotFound, request(t, http.MethodGet, url, "").status)
	require.Equal(t, http.StatusOK, request(t, http.MethodPost, url, `{"serial":1}`).status)
	require.Equal(t, answer{http.StatusOK, `{"serial":1}`}, request(t, http.MethodGet, url, ""))
	require.NoError(t, server.close())
}

type answer struct {
	status int
	body   string
}

func request(t *testing.T, method, url, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return answer{resp.StatusCode, string(text)}
}
