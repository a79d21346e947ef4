package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// The arguments of window_open and window_next. The window is of any type, because an object type would demand every field.

func windowParameters() []function.Parameter {
	return []function.Parameter{
		function.DynamicParameter{
			Name:                "window",
			MarkdownDescription: "An object with any of `days` (`mon` to `sun`; default: every day), `start` (`HH:MM`; default `00:00`), `end` (`HH:MM`, exclusive; default `24:00`) and `time_zone` (an IANA time zone; default `UTC`). You can pass one of the windows of a pipeline.",
		},
		function.StringParameter{
			Name:                "time",
			MarkdownDescription: "Time in RFC 3339 format.",
		},
	}
}

// windowArguments reads and checks both arguments.
func windowArguments(ctx context.Context, req function.RunRequest) (schedule.Window, time.Time, *function.FuncError) {
	var written types.Dynamic
	var moment string
	if failure := req.Arguments.Get(ctx, &written, &moment); failure != nil {
		return schedule.Window{}, time.Time{}, failure
	}
	window, err := windowOf(written.UnderlyingValue())
	if err == nil {
		err = invalidWindow(window)
	}
	if err != nil {
		return window, time.Time{}, function.NewArgumentFuncError(0, err.Error())
	}
	at, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		return window, at, function.NewArgumentFuncError(1, fmt.Sprintf("%q is not a time; write it as RFC 3339, such as \"2027-06-30T09:00:00Z\"", moment))
	}
	return window, at, nil
}

// invalidWindow returns everything that is wrong with a window, one problem a line.
func invalidWindow(window schedule.Window) error {
	var found []error
	window.Validate(func(field, message string, _ ...string) { found = append(found, fmt.Errorf("%s: %s", field, message)) })
	return errors.Join(found...)
}

// windowOf reads an object, or a map, with any of a window's fields. Null is as good as left out.
func windowOf(written attr.Value) (schedule.Window, error) {
	var window schedule.Window
	fields, err := fieldsOf(written)
	if err != nil {
		return window, err
	}
	texts := map[string]*string{"start": &window.Start, "end": &window.End, "time_zone": &window.TimeZone}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text, isText := texts[name]
		var err error
		switch value := fields[name]; {
		case !isText && name != "days":
			err = fmt.Errorf("a window has no %q; it has days, start, end and time_zone", name)
		case value.IsNull():
		case isText:
			*text, err = textFrom(name, value)
		default:
			window.Days, err = daysFrom(value)
		}
		if err != nil {
			return window, err
		}
	}
	return window, nil
}

func fieldsOf(written attr.Value) (map[string]attr.Value, error) {
	switch v := written.(type) {
	case types.Object:
		return v.Attributes(), nil
	case types.Map:
		return v.Elements(), nil
	}
	return nil, errors.New("a window is an object, such as { days = [\"mon\"], start = \"09:00\", end = \"16:00\", time_zone = \"Europe/Berlin\" }")
}

func textFrom(name string, value attr.Value) (string, error) {
	if dynamic, ok := value.(types.Dynamic); ok {
		value = dynamic.UnderlyingValue()
	}
	text, ok := value.(types.String)
	if !ok || text.IsNull() {
		return "", fmt.Errorf("%s is a string", name)
	}
	return text.ValueString(), nil
}

func daysFrom(value attr.Value) ([]string, error) {
	elements, ok := value.(interface{ Elements() []attr.Value })
	if !ok {
		return nil, fmt.Errorf("days is a list, such as [%q, %q]", "mon", "tue")
	}
	days := []string{}
	for _, element := range elements.Elements() {
		day, err := textFrom("each of days", element)
		if err != nil {
			return nil, err
		}
		days = append(days, day)
	}
	return days, nil
}
