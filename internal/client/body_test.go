package client

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// The longest report that is read (16 MiB) is sent whole, to be recorded as to be previewed, even when each character of it must be
// escaped; tags need not be.
func TestTheLongestReportFitsIntoABody(t *testing.T) {
	for name, piece := range map[string]string{"tags": "<a>&</a>", "quotes": "\"\\\n\t"} {
		t.Run(name, func(t *testing.T) {
			report := delivery.TestReportRequest{JUnit: strings.Repeat(piece, 16<<20/len(piece))}
			body, err := encode(delivery.PreviewRequest[delivery.TestReportRequest]{Subject: report})
			require.NoError(t, err)
			require.LessOrEqual(t, len(body), api.MaxBodyBytes)
		})
	}
}

func TestBodiesAreReadAsTheyWereWritten(t *testing.T) {
	report := delivery.TestReportRequest{JUnit: "<a b=\"c\">&amp;\t\r\n\u2028\\ä</a>"}
	body, err := encode(report)
	require.NoError(t, err)
	var read delivery.TestReportRequest
	require.NoError(t, json.Unmarshal(body, &read))
	require.Equal(t, report, read)
	_, err = encode(func() {})
	require.Error(t, err)
}
