// Command schemadump prints the provider's schema in the format of `terraform providers schema -json`.
//
// The documentation is generated from it rather than from an installed Terraform, which would leave out whatever that
// version does not know yet, and would need the provider built and installed first.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

// providerName is the key under which readers look for the schema: the name without its registry.
const providerName = "cd"

func main() {
	// Schemas are answered before anything is opened, so there is no control plane to give.
	server := providerserver.NewProtocol6(provider.New("dev", provider.Host{})())()
	if err := dump(context.Background(), os.Stdout, server); err != nil {
		fmt.Fprintln(os.Stderr, "schemadump:", err)
		os.Exit(1)
	}
}

// dump writes one JSON document, or an error that quotes the provider's own diagnostics.
func dump(ctx context.Context, out io.Writer, server tfprotov6.ProviderServer) error {
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return fmt.Errorf("get the provider's schema: %w", err)
	}
	if err := refused(schemas.Diagnostics); err != nil {
		return fmt.Errorf("get the provider's schema: %w", err)
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return fmt.Errorf("get the identity schemas: %w", err)
	}
	if err := refused(identities.Diagnostics); err != nil {
		return fmt.Errorf("get the identity schemas: %w", err)
	}

	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document{
		FormatVersion: "1.0",
		Providers:     map[string]providerSchemas{providerName: convert(schemas, identities)},
	})
}

// refused treats warnings as errors too: a schema that warns is not one to publish.
func refused(diagnostics []*tfprotov6.Diagnostic) error {
	if len(diagnostics) == 0 {
		return nil
	}
	d := diagnostics[0]
	return fmt.Errorf("%d diagnostics, first: %s: %s (%s)", len(diagnostics), d.Summary, d.Detail, d.Attribute)
}
