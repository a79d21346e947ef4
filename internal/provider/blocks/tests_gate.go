package blocks

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// TestsGate is the gate of one suite.
type TestsGate struct {
	MinTests    types.Int64  `tfsdk:"min_tests"`
	MaxFailures types.Int64  `tfsdk:"max_failures"`
	MaxAge      types.String `tfsdk:"max_age"`
}

func testsGateAttribute() schema.Attribute {
	return schema.MapNestedAttribute{
		Optional: true,
		MarkdownDescription: "Reports of test suites about exactly this release, by suite. All must pass. A report comes from a `cd_test_report`, " +
			"or from a `verify` command that names its `junit` file.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"min_tests": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Minimum number of tests that ran, without skipped tests. Defaults to 1. A report without any test never passes.",
			},
			"max_failures": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(0),
				MarkdownDescription: "Maximum number of failures and errors together. Defaults to 0.",
			},
			"max_age": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Maximum age of the report, such as `\"24h\"`. Without it, a report of any age counts.",
			},
		}},
	}
}

// ToSpec returns the declaration.
func (m TestsGate) ToSpec() delivery.TestsGate {
	gate := delivery.TestsGate{MaxFailures: int(m.MaxFailures.ValueInt64()), MaxAge: delivery.Duration(m.MaxAge.ValueString())}
	if !m.MinTests.IsNull() {
		least := int(m.MinTests.ValueInt64())
		gate.MinTests = &least
	}
	return gate
}

func testsGateFrom(g delivery.TestsGate, prior TestsGate) TestsGate {
	m := TestsGate{MaxFailures: types.Int64Value(int64(g.MaxFailures)), MaxAge: tf.StringOr(g.MaxAge, prior.MaxAge)}
	if g.MinTests != nil {
		m.MinTests = types.Int64Value(int64(*g.MinTests))
	}
	return m
}
