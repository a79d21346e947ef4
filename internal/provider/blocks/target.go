package blocks

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// Target is where and how releases are deployed: exactly one kind.
type Target struct {
	Directory *DirectoryTarget `tfsdk:"directory"`
	Command   *CommandTarget   `tfsdk:"command"`
	Webhook   *WebhookTarget   `tfsdk:"webhook"`
}

// DirectoryTarget deploys into a directory.
type DirectoryTarget struct {
	Path        types.String `tfsdk:"path"`
	AfterDeploy *Command     `tfsdk:"after_deploy"`
	Keep        types.Int64  `tfsdk:"keep"`
}

// CommandTarget deploys with the user's commands.
type CommandTarget struct {
	Deploy  *Command     `tfsdk:"deploy"`
	Observe *Command     `tfsdk:"observe"`
	Place   types.String `tfsdk:"place"`
}

// Command is a program to run.
type Command struct {
	Argv        []string          `tfsdk:"argv"`
	Directory   types.String      `tfsdk:"directory"`
	Environment map[string]string `tfsdk:"environment"`
	Timeout     types.String      `tfsdk:"timeout"`
}

// TargetAttribute describes a target.
func TargetAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Where and how releases are deployed: exactly one kind. If there is no target, Terraform itself deploys: see the guide [Let Terraform deploy](../guides/let-terraform-deploy).",
		Attributes: map[string]schema.Attribute{
			"directory": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Unpacks a release into a directory of this machine, and then switches the link `PATH/PIPELINE/current` to it.",
				Attributes: map[string]schema.Attribute{
					"path": schema.StringAttribute{
						Required:            true,
						MarkdownDescription: "Directory to deploy into, absolute or relative to where Terraform runs.",
					},
					"after_deploy": schema.SingleNestedAttribute{
						Optional:            true,
						MarkdownDescription: "Command that runs in the directory of the new release after `current` has been switched to it. If it fails, the deployment fails.",
						Attributes:          commandAttributes("the new release's directory"),
					},
					"keep": schema.Int64Attribute{
						Optional:            true,
						MarkdownDescription: "Number of old releases to keep in addition to the current one, 1 to 1000. Defaults to 3.",
						Validators:          []validator.Int64{int64validator.AtLeast(1)},
					},
				},
			},
			"command": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Deploys and observes with your own commands. Each command gets the request in environment variables, and as JSON on standard input: see the guide [Target: command](../guides/target-command).",
				Attributes: map[string]schema.Attribute{
					"deploy": schema.SingleNestedAttribute{
						Required:            true,
						MarkdownDescription: "Command that deploys. It must be safe to run twice for one deployment.",
						Attributes:          commandAttributes("where Terraform runs"),
					},
					"observe": schema.SingleNestedAttribute{
						Required:            true,
						MarkdownDescription: "Command that prints what runs, as JSON on standard output.",
						Attributes:          commandAttributes("where Terraform runs"),
					},
					"place": placeAttribute("the commands deploy to"),
				},
			},
			"webhook": webhookAttribute(),
		},
	}
}

// placeAttribute describes the name of where a target deploys to, for targets whose other attributes do not tell.
func placeAttribute(where string) schema.Attribute {
	return schema.StringAttribute{
		Optional: true,
		MarkdownDescription: "Name of the place that " + where + ", such as `\"cluster-1/shop\"`. Environments with the same name here are the same place: " +
			"a pipeline may deploy to it through one environment only, and the plan compares what pipelines ask before they deploy there. Without it, nothing is concluded.",
		Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
	}
}

// commandAttributes describe a command; where says in which directory it runs by default.
func commandAttributes(where string) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"argv": schema.ListAttribute{
			Required: true, ElementType: types.StringType,
			MarkdownDescription: "Program and arguments. They are not passed through a shell.",
		},
		"directory": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Working directory. Defaults to " + where + ".",
		},
		"environment": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Additional environment variables. They override configuration and secrets of the same name. Do not put secrets here: these values are stored.",
		},
		"timeout": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Maximum run time, such as `\"30s\"`. Defaults to `\"10m\"`.",
		},
	}
}

// ToSpec returns the declaration.
func (m *Target) ToSpec() *delivery.Target {
	if m == nil {
		return nil
	}
	t := &delivery.Target{}
	if d := m.Directory; d != nil {
		t.Directory = &delivery.DirectoryTarget{Path: d.Path.ValueString(), Keep: int(d.Keep.ValueInt64())}
		if d.AfterDeploy != nil {
			hook := d.AfterDeploy.ToSpec()
			t.Directory.AfterDeploy = &hook
		}
	}
	if c := m.Command; c != nil {
		t.Command = &delivery.CommandTarget{Deploy: c.Deploy.ToSpec(), Observe: c.Observe.ToSpec(), Place: c.Place.ValueString()}
	}
	t.Webhook = m.Webhook.ToSpec()
	return t
}

// ToSpec accepts nil for a required command that is missing. Validation reports it.
func (m *Command) ToSpec() delivery.Command {
	if m == nil {
		return delivery.Command{}
	}
	return delivery.Command{
		Argv:        m.Argv,
		Directory:   m.Directory.ValueString(),
		Environment: tf.NilIfEmpty(m.Environment),
		Timeout:     delivery.Duration(m.Timeout.ValueString()),
	}
}

// TargetFrom returns the model of a target as it is read back.
func TargetFrom(t *delivery.Target, prior *Target) *Target {
	if t == nil {
		return nil
	}
	prior = tf.PriorOr(prior)
	m := &Target{}
	if d := t.Directory; d != nil {
		was := tf.PriorOr(prior.Directory)
		m.Directory = &DirectoryTarget{Path: tf.StringOr(d.Path, was.Path), Keep: tf.IntOr(d.Keep, was.Keep)}
		if d.AfterDeploy != nil {
			m.Directory.AfterDeploy = commandFrom(*d.AfterDeploy, was.AfterDeploy)
		}
	}
	if c := t.Command; c != nil {
		was := tf.PriorOr(prior.Command)
		m.Command = &CommandTarget{Deploy: commandFrom(c.Deploy, was.Deploy), Observe: commandFrom(c.Observe, was.Observe), Place: tf.StringOr(c.Place, was.Place)}
	}
	m.Webhook = webhookTargetFrom(t.Webhook, prior.Webhook)
	return m
}

func commandFrom(c delivery.Command, prior *Command) *Command {
	prior = tf.PriorOr(prior)
	return &Command{
		Argv:        tf.ListOr(c.Argv, prior.Argv),
		Directory:   tf.StringOr(c.Directory, prior.Directory),
		Environment: tf.MapOr(maps.Clone(c.Environment), prior.Environment),
		Timeout:     tf.StringOr(c.Timeout, prior.Timeout),
	}
}
