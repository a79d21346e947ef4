package blocks

import (
	"cmp"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// Window is a recurring time.
type Window struct {
	Days     []string     `tfsdk:"days"`
	Start    types.String `tfsdk:"start"`
	End      types.String `tfsdk:"end"`
	TimeZone types.String `tfsdk:"time_zone"`
}

func windowsAttribute() schema.Attribute {
	return schema.MapNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Recurring times at which a release may enter, by name. At least one of them must be open.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"days": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Days of the week, `mon` to `sun`. For a window past midnight, this is the day on which it starts. Defaults to every day.",
			},
			"start": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "When it opens, such as `\"09:00\"`, in the local time of `time_zone`. Defaults to `\"00:00\"`.",
			},
			"end": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "When it closes, such as `\"16:00\"`. At that time it is already closed. If it is before `start`, it is on the next day. Defaults to `\"24:00\"`.",
			},
			"time_zone": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "IANA time zone, such as `\"Europe/Berlin\"`. Defaults to `\"UTC\"`.",
			},
		}},
	}
}

// week is the order in which days are sent, so that the order of the configuration changes no digest.
var week = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// inWeekOrder puts unknown days first. Validation reports them, and an empty list, which is kept as one.
func inWeekOrder(days []string) []string {
	days = slices.Clone(days)
	slices.SortFunc(days, func(a, b string) int {
		return cmp.Or(cmp.Compare(slices.Index(week, a), slices.Index(week, b)), cmp.Compare(a, b))
	})
	return days
}

// ToSpec returns the declaration.
func (m Window) ToSpec() schedule.Window {
	return schedule.Window{Days: inWeekOrder(m.Days), Start: m.Start.ValueString(), End: m.End.ValueString(), TimeZone: m.TimeZone.ValueString()}
}

func windowFrom(w schedule.Window, prior Window) Window {
	return Window{
		Days:     tf.ListOr(slices.Clone(w.Days), prior.Days),
		Start:    tf.StringOr(w.Start, prior.Start),
		End:      tf.StringOr(w.End, prior.End),
		TimeZone: tf.StringOr(w.TimeZone, prior.TimeZone),
	}
}
