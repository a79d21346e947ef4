package junit

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// GoogleTest and others only count the tests that are disabled: the cases do not say so. They must not count as tests that ran.
func TestDisabledTestsThatNoCaseTellsOf(t *testing.T) {
	for text, skipped := range map[string]int{
		`<testsuite disabled="2"><testcase/><testcase/><testcase/></testsuite>`:                                               2,
		`<testsuite skipped="1" disabled="1"><testcase/><testcase/><testcase/></testsuite>`:                                   2,
		`<testsuite disabled="1" ignored="1"><testcase/><testcase/><testcase/></testsuite>`:                                   2,
		`<testsuite disabled="2"><testcase><skipped/></testcase><testcase/><testcase/></testsuite>`:                           2,
		`<testsuite disabled="9"><testcase/><testcase/><testcase/></testsuite>`:                                               3,
		`<testsuites disabled="2"><testsuite><testcase/><testcase/><testcase/></testsuite></testsuites>`:                      2,
		`<testsuite disabled="2"><testsuite><testcase/></testsuite><testsuite><testcase/><testcase/></testsuite></testsuite>`: 2,
		`<testsuite><testcase/><testcase/><testcase/></testsuite><testsuite disabled="2"/>`:                                   0,
	} {
		counts, err := Parse([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, delivery.TestCounts{Tests: 3, Skipped: skipped}, counts, text)
	}
}
