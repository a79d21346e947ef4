// Package provider is the Terraform provider "cd": a thin client of the control plane's API. Resources, data sources and
// functions are one file per noun. What they share: the session (one per provider configuration) is here; values and diagnostics,
// shared attributes, the change set of a plan and the fast path are in the packages below.
package provider

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/fastpath"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/planned"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// Host is what the program around the provider hands it: the composition root and the environment. The provider itself reads
// neither environment variables nor files.
type Host struct {
	// Open starts the embedded control plane over a ledger, at first use, and returns the way to it. ctx bounds the start only.
	Open func(ctx context.Context, ledger string) (http.RoundTripper, error)
	// Ledger is where the ledger is when the configuration does not say (CD_LEDGER, else DefaultLedger). It may hold a password.
	Ledger string
	// Actor returns who is acting if the configuration does not say. It is called once, before the first request.
	Actor func(ctx context.Context) string
	// Configuration reads the files of the configuration that is planned. It is called at most once per walk, and only if an answer depends
	// on them. nil, or the error configuration.ErrNoFiles, means that there are none here.
	Configuration func() (*configuration.Configuration, error)
}

// DefaultLedger is where the ledger is by default: in the directory of the Terraform configuration.
const DefaultLedger = ".cd/ledger.db"

// New returns a factory of providers, as the plugin server wants it. The zero Host serves schemas only.
func New(version string, host Host) func() provider.Provider {
	return func() provider.Provider { return &cdProvider{version: version, host: host} }
}

// Address is where the provider is published.
const Address = "registry.terraform.io/delivery-as-code/cd"

// Serve answers Terraform until it disconnects. With debug, it prints how a running Terraform attaches to it.
func Serve(version string, host Host, debug bool) error {
	return planned.Serve(Address, func() tfprotov6.ProviderServer { return Server(version, host) }, debug)
}

// Server is the provider as Terraform talks to it.
func Server(version string, host Host) tfprotov6.ProviderServer {
	p := &cdProvider{version: version, host: host}
	return applyWatcher{p.guardLedger(p.guardOrder(p.guardKeys(p.fastPath(providerserver.NewProtocol6(p)())))), p}
}

// fastPath answers what it can, and passes every other request to the framework's server.
func (p *cdProvider) fastPath(framework tfprotov6.ProviderServer) tfprotov6.ProviderServer {
	return fastpath.New(framework, environmentTypes(), func() (fastpath.Session, bool) {
		s := p.session.Load()
		return s, s != nil
	}, func(typeName string) (fastpath.Resource, bool) { return p.session.Load().unchanged(typeName) })
}

// environmentTypes returns the types that the fast path reads and writes.
func environmentTypes() fastpath.Types {
	ctx := context.Background()
	var environment resource.SchemaResponse
	new(environmentResource).Schema(ctx, resource.SchemaRequest{}, &environment)
	return fastpath.Types{
		Environment: environment.Schema.Type().TerraformType(ctx),
		Identity:    tf.NamedIdentity("environment").Schema().Type().TerraformType(ctx),
	}
}

type cdProvider struct {
	version string
	host    Host
	// session is the newest one: a provider is configured again for each walk.
	session atomic.Pointer[session]
}

var _ provider.ProviderWithFunctions = (*cdProvider)(nil)

type providerModel struct {
	Ledger   types.String `tfsdk:"ledger"`
	LedgerID types.String `tfsdk:"ledger_id"`
	Actor    types.String `tfsdk:"actor"`
}

// Metadata names the provider.
func (p *cdProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "cd", p.version
}

// Schema describes the provider block.
func (p *cdProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Delivery pipelines as infrastructure: environments, pipelines, releases and promotions, with gates that a plan evaluates and an apply enforces. You need no server: the provider keeps a ledger in a file or a PostgreSQL database.",
		Attributes: map[string]schema.Attribute{
			"ledger": schema.StringAttribute{
				Optional:            true,
				Sensitive:           true, // a URL may hold a password
				MarkdownDescription: "Location of the ledger: the path of a SQLite file, relative to where Terraform runs, or the URL of a PostgreSQL database that a team shares, for example `postgres://cd_applier@db.example.com/cd?sslmode=verify-full`. Defaults to `CD_LEDGER`, else `" + DefaultLedger + "`. Keep passwords out of the configuration and of plan files: set them in `CD_LEDGER`, `PGPASSWORD` or a password file.",
			},
			"ledger_id": schema.StringAttribute{
				Optional:            true,
				Validators:          []validator.String{stringvalidator.RegexMatches(delivery.LedgerID, "must be the id of a ledger, as `terraform-provider-cd ledger verify` prints it: 32 characters from 0 to 9 and a to f")},
				MarkdownDescription: "The only ledger to use: any other one is refused before anything is done. `terraform-provider-cd ledger verify` prints the id. Without it, the first plan of a new state accepts any ledger; later ones accept the ledger that the state was written with.",
			},
			"actor": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Person or program that acts. It is recorded with every decision. Defaults to `CD_ACTOR`, then to git's `user.email`, then to the operating system's user.",
			},
		},
	}
}

// Configure prepares a session and opens nothing yet: most of the processes that Terraform starts never need the ledger.
func (p *cdProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() || model.Ledger.IsUnknown() || model.LedgerID.IsUnknown() || model.Actor.IsUnknown() || p.host.Open == nil {
		return // resources work without a session: a preview says less, and the apply configures again with known values
	}
	s := newSession(p.host, p.version, model.Ledger.ValueString(), model.Actor.ValueString())
	s.ledgerID = model.LedgerID.ValueString()
	p.session.Store(s)
	resp.ResourceData, resp.DataSourceData = s, s
}

// Resources lists the resources.
func (p *cdProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		newEnvironmentResource,
		newPipelineResource,
		newReleaseResource,
		newPromotionResource,
		newVerificationResource,
		newApprovalResource,
		newFreezeResource,
		newPolicyResource,
		newTestReportResource,
		newOverrideResource,
	}
}

// DataSources lists the data sources.
func (p *cdProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		newEnvironmentDataSource,
		newPipelineDataSource,
		newReleaseDataSource,
		newDeployedDataSource,
		newParityDataSource,
		newReadinessDataSource,
		newApprovalRequestDataSource,
	}
}

// Functions lists the functions.
func (p *cdProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{
		newParityDifferencesFunction,
		newWindowOpenFunction,
		newWindowNextFunction,
	}
}
