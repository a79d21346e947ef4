package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// ServerOver is Server with something between the fast path and the framework.
func ServerOver(host Host, between func(framework tfprotov6.ProviderServer) tfprotov6.ProviderServer) tfprotov6.ProviderServer {
	p := &cdProvider{version: "test", host: host}
	return p.guardLedger(p.fastPath(between(providerserver.NewProtocol6(p)())))
}

// FrameworkServer is Server without the fast path.
func FrameworkServer(host Host) tfprotov6.ProviderServer {
	p := &cdProvider{version: "test", host: host}
	return p.guardLedger(providerserver.NewProtocol6(p)())
}
