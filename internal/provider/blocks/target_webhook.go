package blocks

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// WebhookTarget deploys through a receiver over HTTP.
type WebhookTarget struct {
	URL          types.String      `tfsdk:"url"`
	StatusURL    types.String      `tfsdk:"status_url"`
	ObserveURL   types.String      `tfsdk:"observe_url"`
	Headers      map[string]string `tfsdk:"headers"`
	Secret       types.String      `tfsdk:"secret"`
	Token        types.String      `tfsdk:"token"`
	SendSecrets  types.Bool        `tfsdk:"send_secrets"`
	Timeout      types.String      `tfsdk:"timeout"`
	PollInterval types.String      `tfsdk:"poll_interval"`
	Place        types.String      `tfsdk:"place"`
}

func webhookAttribute() schema.Attribute {
	text := func(description string) schema.Attribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description}
	}
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Deploys through your own HTTP receiver. The deployment is sent in a signed POST request with its id as `Idempotency-Key`, " +
			"and its status is polled until it has finished. The guide \"Target: webhook\" says what a receiver must do.",
		Attributes: map[string]schema.Attribute{
			"url": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "URL to which deployments are sent: `https`, without credentials. `http` is allowed only for this machine, " +
					"such as `http://127.0.0.1:8080/deployments`.",
			},
			"status_url": text("URL to poll for the status of a deployment. `{id}` stands for its id. It must be on the host of `url`. " +
				"Without it, the receiver returns the URL when it accepts a deployment. With it, the next apply after a crash asks for the deployment before it sends anything again."),
			"observe_url": text("URL to ask what runs. `pipeline`, `environment`, `version`, `deployment` and `receipt` are added as query parameters. " +
				"It must be on the host of `url`. Without it, drift is not detected."),
			"headers": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Additional headers for each request. Do not put secrets here: these values are stored.",
			},
			"secret": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "Reference (`env:NAME` or `file:PATH`) to the key that signs requests (HMAC-SHA256). " +
					"The value is read when deploying and when asking what runs, and never stored or logged.",
			},
			"token": text("Reference (`env:NAME` or `file:PATH`) to a bearer token, sent as `Authorization` with each request."),
			"send_secrets": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Sends the values of the environment's `secrets` with the deployment, instead of their names only. Defaults to `false`.",
			},
			"timeout": text("Maximum time of a whole deployment, `\"1s\"` to `\"24h\"`. Defaults to `\"10m\"`."),
			"poll_interval": text("Time before the first poll of an accepted deployment, at least `\"100ms\"`; " +
				"the time then increases up to 30 seconds. Defaults to `\"2s\"`."),
			"place": placeAttribute("the receiver deploys to"),
		},
	}
}

// ToSpec returns the declaration.
func (m *WebhookTarget) ToSpec() *delivery.WebhookTarget {
	if m == nil {
		return nil
	}
	return &delivery.WebhookTarget{
		URL:          m.URL.ValueString(),
		StatusURL:    m.StatusURL.ValueString(),
		ObserveURL:   m.ObserveURL.ValueString(),
		Headers:      tf.NilIfEmpty(m.Headers),
		Secret:       m.Secret.ValueString(),
		Token:        m.Token.ValueString(),
		SendSecrets:  m.SendSecrets.ValueBool(),
		Timeout:      delivery.Duration(m.Timeout.ValueString()),
		PollInterval: delivery.Duration(m.PollInterval.ValueString()),
		Place:        m.Place.ValueString(),
	}
}

func webhookTargetFrom(w *delivery.WebhookTarget, prior *WebhookTarget) *WebhookTarget {
	if w == nil {
		return nil
	}
	prior = tf.PriorOr(prior)
	return &WebhookTarget{
		URL:          tf.StringOr(w.URL, prior.URL),
		StatusURL:    tf.StringOr(w.StatusURL, prior.StatusURL),
		ObserveURL:   tf.StringOr(w.ObserveURL, prior.ObserveURL),
		Headers:      tf.MapOr(maps.Clone(w.Headers), prior.Headers),
		Secret:       tf.StringOr(w.Secret, prior.Secret),
		Token:        tf.StringOr(w.Token, prior.Token),
		SendSecrets:  tf.BoolOr(w.SendSecrets, prior.SendSecrets),
		Timeout:      tf.StringOr(w.Timeout, prior.Timeout),
		PollInterval: tf.StringOr(w.PollInterval, prior.PollInterval),
		Place:        tf.StringOr(w.Place, prior.Place),
	}
}
