package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestTestReportModelRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := testReportModel{
			Pipeline: types.StringValue("shop"),
			Version:  types.StringValue("1.4.2"),
			Suite:    types.StringValue("unit"),
			Stage:    drawOptional(t, "stage"),
			JUnit:    types.StringValue(rapid.String().Draw(t, "junit")),
		}
		request := written.toSpec()
		recorded := delivery.TestReport{ID: "r1", Spec: request.Spec, Digest: textDigest(request.JUnit),
			Counts: delivery.TestCounts{Tests: 5, Failures: 1, Errors: 2, Skipped: 1, Duration: 1250 * time.Millisecond}}
		read := testReportModelFrom(recorded, written)
		require.Equal(t, written.JUnit, read.JUnit, "the text stays as long as it is the one recorded")
		require.Equal(t, written.Stage, read.Stage)
		require.Equal(t, request, read.toSpec())
		require.Equal(t, "1.25s", read.Duration.ValueString())
		require.True(t, written.isOf(read))
		require.Equal(t, read, testReportModelFrom(recorded, read))

		imported := testReportModelFrom(recorded, testReportModel{})
		require.True(t, imported.JUnit.IsNull() || request.JUnit == "", "the ledger has no text")
		require.True(t, written.isOf(imported))
		kept := written
		kept.keep(imported)
		require.Equal(t, read, kept)

		recorded.Digest = textDigest(request.JUnit + " ")
		require.True(t, testReportModelFrom(recorded, written).JUnit.IsNull(), "it is another text")
		require.False(t, written.isOf(testReportModelFrom(recorded, written)))
	})
}
