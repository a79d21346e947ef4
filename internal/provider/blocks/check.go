package blocks

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// Check asks whether something outside the ledger is in order: exactly one kind.
type Check struct {
	HTTP    *HTTPCheck    `tfsdk:"http"`
	Command *CommandCheck `tfsdk:"command"`
}

// HTTPCheck asks an address.
type HTTPCheck struct {
	URL          types.String `tfsdk:"url"`
	ExpectStatus types.Int64  `tfsdk:"expect_status"`
	Attempts     types.Int64  `tfsdk:"attempts"`
	Interval     types.String `tfsdk:"interval"`
	Timeout      types.String `tfsdk:"timeout"`
}

// CommandCheck runs a command.
type CommandCheck struct {
	Command

	JUnit    types.String `tfsdk:"junit"`
	Attempts types.Int64  `tfsdk:"attempts"`
	Interval types.String `tfsdk:"interval"`
}

// ChecksAttribute describes a map of checks by name.
func ChecksAttribute(description string) schema.Attribute {
	return schema.MapNestedAttribute{
		Optional:            true,
		MarkdownDescription: description,
		NestedObject:        schema.NestedAttributeObject{Attributes: checkAttributes()},
	}
}

func checkAttributes() map[string]schema.Attribute {
	command := commandAttributes("where Terraform runs")
	maps.Copy(command, attemptAttributes())
	command["junit"] = schema.StringAttribute{
		Optional: true,
		MarkdownDescription: "JUnit file that the command writes: an absolute path, or a path inside the command's directory. The check then passes only if tests ran and none failed. " +
			"After a deployment, the report counts as evidence for `tests` gates, as the suite with the check's name.",
	}
	http := map[string]schema.Attribute{
		"url": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "URL to request, http or https.",
		},
		"expect_status": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "Status that passes. Defaults to 200.",
			Validators:          []validator.Int64{int64validator.AtLeast(1)},
		},
		"timeout": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Maximum time of one attempt, such as `\"5s\"`. Defaults to `\"10s\"`.",
		},
	}
	maps.Copy(http, attemptAttributes())
	return map[string]schema.Attribute{
		"http": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Passes if the URL answers with the expected status. A check has exactly one kind.",
			Attributes:          http,
		},
		"command": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Passes if the command exits with status 0. A check has exactly one kind.",
			Attributes:          command,
		},
	}
}

func attemptAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"attempts": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "Maximum number of attempts, 1 to 1000. Defaults to 1.",
			Validators:          []validator.Int64{int64validator.AtLeast(1)},
		},
		"interval": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Time between attempts, such as `\"3s\"`. Defaults to `\"1s\"`.",
		},
	}
}

// ToSpec returns the declaration.
func (m Check) ToSpec() delivery.Check {
	var c delivery.Check
	if h := m.HTTP; h != nil {
		c.HTTP = &delivery.HTTPCheck{
			URL:          h.URL.ValueString(),
			ExpectStatus: int(h.ExpectStatus.ValueInt64()),
			Attempts:     int(h.Attempts.ValueInt64()),
			Interval:     delivery.Duration(h.Interval.ValueString()),
			Timeout:      delivery.Duration(h.Timeout.ValueString()),
		}
	}
	if run := m.Command; run != nil {
		c.Command = &delivery.CommandCheck{
			Command:  run.ToSpec(),
			JUnit:    run.JUnit.ValueString(),
			Attempts: int(run.Attempts.ValueInt64()),
			Interval: delivery.Duration(run.Interval.ValueString()),
		}
	}
	return c
}

// CheckFrom returns the model of a check as it is read back.
func CheckFrom(c delivery.Check, prior Check) Check {
	var m Check
	if h := c.HTTP; h != nil {
		was := tf.PriorOr(prior.HTTP)
		m.HTTP = &HTTPCheck{
			URL:          tf.StringOr(h.URL, was.URL),
			ExpectStatus: tf.IntOr(h.ExpectStatus, was.ExpectStatus),
			Attempts:     tf.IntOr(h.Attempts, was.Attempts),
			Interval:     tf.StringOr(h.Interval, was.Interval),
			Timeout:      tf.StringOr(h.Timeout, was.Timeout),
		}
	}
	if run := c.Command; run != nil {
		was := tf.PriorOr(prior.Command)
		m.Command = &CommandCheck{
			Command:  *commandFrom(run.Command, &was.Command),
			JUnit:    tf.StringOr(run.JUnit, was.JUnit),
			Attempts: tf.IntOr(run.Attempts, was.Attempts),
			Interval: tf.StringOr(run.Interval, was.Interval),
		}
	}
	return m
}
