// Command donothing is a Terraform provider on the same framework as ours whose one resource does nothing.
// It is the floor that the benchmark in ../bench compares with: what Terraform, the plugin protocol
// and the framework cost before a provider has done any work.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

func main() {
	opts := providerserver.ServeOpts{Address: "registry.terraform.io/delivery-as-code/donothing"}
	newProvider := func() provider.Provider { return nothingProvider{} }
	if err := providerserver.Serve(context.Background(), newProvider, opts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type nothingProvider struct{}

func (nothingProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "donothing"
}

func (nothingProvider) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

func (nothingProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}

func (nothingProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return thing{} }}
}

func (nothingProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }
