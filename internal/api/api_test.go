package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestCodesAndStatuses(t *testing.T) {
	for _, code := range []delivery.Code{delivery.CodeInvalid, delivery.CodeConflict, delivery.CodeForbidden, delivery.CodeUnavailable, delivery.CodeInternal} {
		require.True(t, api.Known(code))
		require.Equal(t, code, api.CodeOf(api.StatusOf(code)))
	}
	require.Equal(t, http.StatusNotFound, api.StatusOf(delivery.CodeNotFound))
	require.False(t, api.Known("teapot"))
	require.Equal(t, http.StatusInternalServerError, api.StatusOf("teapot"))
}

// A stranger's 404 must not take objects out of a user's state.
func TestAStatusAloneNeverSaysNotFound(t *testing.T) {
	for status := range 600 {
		require.NotEqual(t, delivery.CodeNotFound, api.CodeOf(status))
		require.True(t, api.Known(api.CodeOf(status)))
	}
}

// What proxies and other web servers say without an envelope of ours.
func TestWhatAStatusAloneSays(t *testing.T) {
	for code, statuses := range map[delivery.Code][]int{
		delivery.CodeInvalid:     {400, 404, 405, 413, 422},
		delivery.CodeForbidden:   {401, 403},
		delivery.CodeUnavailable: {429, 502, 503, 504},
		delivery.CodeConflict:    {409},
		delivery.CodeInternal:    {418, 500, 501},
	} {
		for _, status := range statuses {
			require.Equal(t, code, api.CodeOf(status), status)
		}
	}
}

func TestFill(t *testing.T) {
	require.Equal(t, "/v1/approvals/shop%2F1.0%2Fproduction%2Falice@example.com", api.Fill(api.PathApproval, "shop/1.0/production/alice@example.com"))
	require.Equal(t, "/v1/pipelines/a%20b%3F%23%25/releases/1+2", api.Fill(api.PathRelease, "a b?#%", "1+2"))
	require.Equal(t, "/v1/environments/%2E%2E", api.Fill(api.PathEnvironment, ".."))
	require.Equal(t, "/v1/environments/%2E", api.Fill(api.PathEnvironment, "."))
	require.Equal(t, "/v1/environments", api.Fill(api.PathEnvironments))
	require.Panics(t, func() { api.Fill(api.PathRelease, "one") })
	require.Panics(t, func() { api.Fill(api.PathEvents, "one") })
}

func TestNewProblem(t *testing.T) {
	p := api.NewProblem(delivery.Errors{{Code: delivery.CodeConflict, Field: "name", Message: "is taken"}, {Code: delivery.CodeInvalid, Message: "and more"}})
	require.Equal(t, http.StatusConflict, p.GetStatus())
	require.Equal(t, "name: is taken\nand more", p.Error())
	require.Equal(t, api.ContentTypeProblem, p.ContentType("application/json"))
}
