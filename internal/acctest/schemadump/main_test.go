package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	tfprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

const sampleAddress = "registry.terraform.io/delivery-as-code/cd"

// TestSameAsTerraform compares the dump with what a real Terraform prints about the same provider.
func TestSameAsTerraform(t *testing.T) {
	t.Setenv("TF_LOG_SDK", "off")
	providers := map[string]func() tfprovider.Provider{
		"every construct": func() tfprovider.Provider { return sampleProvider{} },
		"our own":         provider.New("test", provider.Host{}),
	}
	for name, factory := range providers {
		t.Run(name, func(t *testing.T) {
			server := providerserver.NewProtocol6(factory())
			var dumped bytes.Buffer
			require.NoError(t, dump(t.Context(), &dumped, server()))

			ours := onlyProvider(t, dumped.Bytes())
			theirs := onlyProvider(t, terraformSchema(t, server))
			for section := range ours {
				// Terraform prints the sections it knows; identities, actions and lists came after the oldest we support.
				if _, known := theirs[section]; known {
					require.Equal(t, theirs[section], ours[section], section)
				}
			}
			for section := range theirs {
				require.Contains(t, ours, section)
			}
		})
	}
}

func onlyProvider(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var doc struct {
		Providers map[string]map[string]any `json:"provider_schemas"`
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	require.Len(t, doc.Providers, 1)
	for _, schemas := range doc.Providers {
		for section, value := range schemas {
			if section != "functions" {
				dropDeprecationMessages(value)
			}
		}
		return schemas
	}
	return nil
}

// dropDeprecationMessages removes what Terraform prints about blocks and attributes only since 1.14.
func dropDeprecationMessages(value any) {
	object, ok := value.(map[string]any)
	if !ok {
		return
	}
	if _, isText := object["deprecation_message"].(string); isText {
		delete(object, "deprecation_message")
	}
	for _, inner := range object {
		dropDeprecationMessages(inner)
	}
}

// terraformSchema serves the provider from this process and asks Terraform for its schema.
func terraformSchema(t *testing.T, server func() tfprotov6.ProviderServer) []byte {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reattach := make(chan *plugin.ReattachConfig, 1)
	closed := make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- tf6server.Serve(sampleAddress, server, tf6server.WithDebug(ctx, reattach, closed), tf6server.WithoutLogStderrOverride(),
			tf6server.WithGoPluginLogger(hclog.NewNullLogger()))
	}()
	t.Cleanup(func() {
		cancel()
		<-closed
		require.NoError(t, <-served)
	})

	dir := t.TempDir()
	config := "terraform {\n  required_providers {\n    cd = { source = \"delivery-as-code/cd\" }\n  }\n}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600))
	terraform := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if terraform == "" {
		terraform = "terraform"
	}
	cmd := exec.CommandContext(t.Context(), terraform, "providers", "schema", "-json")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull, "CHECKPOINT_DISABLE=1", "TF_REATTACH_PROVIDERS="+reattachText(t, <-reattach))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return out
}

// reattachText writes the answer of a served provider the way Terraform wants to read it.
func reattachText(t *testing.T, c *plugin.ReattachConfig) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{sampleAddress: map[string]any{
		"Protocol": c.Protocol, "ProtocolVersion": c.ProtocolVersion, "Pid": c.Pid, "Test": c.Test,
		"Addr": map[string]string{"Network": c.Addr.Network(), "String": c.Addr.String()},
	}})
	require.NoError(t, err)
	return string(text)
}

func TestRefusesASchemaWithDiagnostics(t *testing.T) {
	err := dump(t.Context(), new(bytes.Buffer), brokenServer{})
	require.ErrorContains(t, err, "invalid schema: two attributes of one name")
}

type brokenServer struct{ tfprotov6.ProviderServer }

func (brokenServer) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{Diagnostics: []*tfprotov6.Diagnostic{
		{Severity: tfprotov6.DiagnosticSeverityError, Summary: "invalid schema", Detail: "two attributes of one name"},
	}}, nil
}
