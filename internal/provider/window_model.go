package provider

import (
	"cmp"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

type windowModel struct {
	Days     []string     `tfsdk:"days"`
	Start    types.String `tfsdk:"start"`
	End      types.String `tfsdk:"end"`
	TimeZone types.String `tfsdk:"time_zone"`
}

func windowsAttribute() schema.Attribute {
	return schema.MapNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Recurring times at which a release may enter, by name. One of them has to be open.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"days": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Days of the week, `mon` to `sun`. Where the window runs past midnight, it is the day it starts on. Defaults to every day.",
			},
			"start": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "When it opens, such as `\"09:00\"`, by the clock of `time_zone`. Defaults to `\"00:00\"`.",
			},
			"end": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "When it closes, such as `\"16:00\"`; at that moment it is closed. Before `start`, it is on the next day. Defaults to `\"24:00\"`.",
			},
			"time_zone": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Time zone of the IANA database, such as `\"Europe/Berlin\"`. Defaults to `\"UTC\"`.",
			},
		}},
	}
}

// week is the order in which days are sent, so that the order in which they were written changes no digest.
var week = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// inWeekOrder puts what is no day first; validation then says so.
func inWeekOrder(days []string) []string {
	days = sorted(days)
	slices.SortStableFunc(days, func(a, b string) int { return cmp.Compare(slices.Index(week, a), slices.Index(week, b)) })
	return days
}

func (m windowModel) toSpec() schedule.Window {
	return schedule.Window{Days: inWeekOrder(m.Days), Start: m.Start.ValueString(), End: m.End.ValueString(), TimeZone: m.TimeZone.ValueString()}
}

func windowModelFrom(w schedule.Window, prior windowModel) windowModel {
	return windowModel{
		Days:     listOr(slices.Clone(w.Days), prior.Days),
		Start:    stringOr(w.Start, prior.Start),
		End:      stringOr(w.End, prior.End),
		TimeZone: stringOr(w.TimeZone, prior.TimeZone),
	}
}
