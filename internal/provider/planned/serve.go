package planned

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"google.golang.org/grpc"
)

// maxMessageBytes is how long a request or an answer may be, as in every provider.
const maxMessageBytes = 256 << 20

// attachTimeout is how long starting in debug mode may take.
const attachTimeout = 2 * time.Second

// Serve answers Terraform until it disconnects. With debug, it prints how a running Terraform attaches to it, and ends with Ctrl-C. It does
// what the library's own function does, and reads of each request what the library does not know.
func Serve(address string, server func() tfprotov6.ProviderServer, debug bool) error {
	config := serving(address, server)
	if !debug {
		plugin.Serve(config)
		return nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return serveDebug(ctx, address, config, func(text string) { fmt.Println(text) })
}

// serving says how to serve.
func serving(address string, server func() tfprotov6.ProviderServer) *plugin.ServeConfig {
	return &plugin.ServeConfig{
		// What every provider and Terraform agree upon; it is no secret.
		HandshakeConfig: plugin.HandshakeConfig{ProtocolVersion: 6, MagicCookieKey: "TF_PLUGIN_MAGIC_COOKIE", MagicCookieValue: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"},
		Plugins:         plugin.PluginSet{"provider": &tf6server.GRPCProviderPlugin{GRPCProvider: server, Name: address}},
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(options, grpc.MaxRecvMsgSize(maxMessageBytes), grpc.MaxSendMsgSize(maxMessageBytes), grpc.ChainUnaryInterceptor(intercept))...)
		},
	}
}

// serveDebug serves until the context ends, and says how to attach.
func serveDebug(ctx context.Context, address string, config *plugin.ServeConfig, say func(text string)) error {
	attached, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
	config.Test = &plugin.ServeTestConfig{Context: ctx, ReattachConfigCh: attached, CloseCh: closed}
	go plugin.Serve(config)
	select {
	case how := <-attached:
		text, err := attachText(address, how)
		if err != nil {
			return err
		}
		say(text)
	case <-time.After(attachTimeout):
		return errors.New("the provider did not start in time")
	}
	<-closed
	return nil
}

// attachText says which variable makes Terraform attach.
func attachText(address string, how *plugin.ReattachConfig) (string, error) {
	if how == nil {
		return "", errors.New("the provider did not start")
	}
	value, err := json.Marshal(map[string]any{address: map[string]any{
		"Protocol": how.Protocol, "ProtocolVersion": how.ProtocolVersion, "Pid": how.Pid, "Test": how.Test,
		"Addr": map[string]string{"Network": how.Addr.Network(), "String": how.Addr.String()},
	}})
	if err != nil {
		return "", err
	}
	const variable = "TF_REATTACH_PROVIDERS"
	set := fmt.Sprintf("\t%s='%s'", variable, strings.ReplaceAll(string(value), `'`, `'"'"'`))
	if runtime.GOOS == "windows" {
		set = fmt.Sprintf("\tCommand Prompt:\tset \"%[1]s=%[2]s\"\n\tPowerShell:\t$env:%[1]s='%[3]s'", variable, value, strings.ReplaceAll(string(value), `'`, `''`))
	}
	return "Provider started. To attach Terraform to it, set this environment variable:\n\n" + set + "\n", nil
}
