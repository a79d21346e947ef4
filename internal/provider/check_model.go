package provider

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

type checkModel struct {
	HTTP    *httpCheckModel    `tfsdk:"http"`
	Command *commandCheckModel `tfsdk:"command"`
}

type httpCheckModel struct {
	URL          types.String `tfsdk:"url"`
	ExpectStatus types.Int64  `tfsdk:"expect_status"`
	Attempts     types.Int64  `tfsdk:"attempts"`
	Interval     types.String `tfsdk:"interval"`
	Timeout      types.String `tfsdk:"timeout"`
}

type commandCheckModel struct {
	commandModel

	JUnit    types.String `tfsdk:"junit"`
	Attempts types.Int64  `tfsdk:"attempts"`
	Interval types.String `tfsdk:"interval"`
}

// checksAttribute describes a map of checks by name.
func checksAttribute(description string) schema.Attribute {
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
		MarkdownDescription: "A JUnit file that the command writes: an absolute path, or one inside the command's directory. The check then passes only when tests ran and none failed, " +
			"and after a deployment the report counts as evidence for `tests` gates, as the suite of the check's name.",
	}
	http := map[string]schema.Attribute{
		"url": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "The address to ask, http or https.",
		},
		"expect_status": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "The status that passes. Defaults to 200.",
			Validators:          []validator.Int64{int64validator.AtLeast(1)},
		},
		"timeout": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "How long one attempt may take, such as `\"5s\"`. Defaults to `\"10s\"`.",
		},
	}
	maps.Copy(http, attemptAttributes())
	return map[string]schema.Attribute{
		"http": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Passes when an address answers with the expected status. A check is of exactly one kind.",
			Attributes:          http,
		},
		"command": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Passes when a command ends with status 0. A check is of exactly one kind.",
			Attributes:          command,
		},
	}
}

func attemptAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"attempts": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "How often it is tried until it passes, 1 to 1000. Defaults to 1.",
			Validators:          []validator.Int64{int64validator.AtLeast(1)},
		},
		"interval": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "The pause between attempts, such as `\"3s\"`. Defaults to `\"1s\"`.",
		},
	}
}

func (m checkModel) toSpec() delivery.Check {
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
			Command:  run.toSpec(),
			JUnit:    run.JUnit.ValueString(),
			Attempts: int(run.Attempts.ValueInt64()),
			Interval: delivery.Duration(run.Interval.ValueString()),
		}
	}
	return c
}

func checkModelFrom(c delivery.Check, prior checkModel) checkModel {
	var m checkModel
	if h := c.HTTP; h != nil {
		was := priorOr(prior.HTTP)
		m.HTTP = &httpCheckModel{
			URL:          stringOr(h.URL, was.URL),
			ExpectStatus: intOr(h.ExpectStatus, was.ExpectStatus),
			Attempts:     intOr(h.Attempts, was.Attempts),
			Interval:     stringOr(h.Interval, was.Interval),
			Timeout:      stringOr(h.Timeout, was.Timeout),
		}
	}
	if run := c.Command; run != nil {
		was := priorOr(prior.Command)
		m.Command = &commandCheckModel{
			commandModel: *commandModelFrom(run.Command, &was.commandModel),
			JUnit:        stringOr(run.JUnit, was.JUnit),
			Attempts:     intOr(run.Attempts, was.Attempts),
			Interval:     stringOr(run.Interval, was.Interval),
		}
	}
	return m
}
