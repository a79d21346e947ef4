package planned

import (
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"
)

// listening is a provider that remembers what it was asked.
type listening struct {
	tfprotov6.ProviderServer
	asked chan Data
}

func (l listening) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	l.asked <- From(ctx)
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: req.PriorState}, nil
}

// message writes a protobuf message by hand, as a newer Terraform sends it.
type message []byte

func (m message) bytes(number protowire.Number, value []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(slices.Clip(m), number, protowire.BytesType), value)
}

func (m message) bool(number protowire.Number) message {
	return protowire.AppendVarint(protowire.AppendTag(slices.Clip(m), number, protowire.VarintType), 1)
}

// raw sends bytes as they are.
type raw struct{}

func (raw) Name() string { return "proto" }
func (raw) Marshal(v any) ([]byte, error) {
	return v.(message), nil //nolint:errcheck // our own messages
}
func (raw) Unmarshal([]byte, any) error { return nil }

// TestRequests sends requests over the wire, as different versions of Terraform do.
func TestRequests(t *testing.T) {
	t.Setenv("TF_LOG_SDK", "off")
	deferral := message{}.bool(1)
	stores := deferral.bool(fieldStorePlannedPrivate)
	request := message{}.bytes(1, []byte("cd_release")).bytes(5, []byte("prior"))
	for name, c := range map[string]struct {
		request message
		want    Data
	}{
		"nothing":                            {request, Data{}},
		"an older Terraform":                 {request.bytes(fieldClientCapabilities, deferral), Data{}},
		"a plan":                             {request.bytes(fieldClientCapabilities, stores), Data{Stored: true}},
		"an apply":                           {request.bytes(fieldClientCapabilities, stores).bytes(fieldPlannedPrivate, []byte("kept")), Data{Stored: true, Kept: []byte("kept")}},
		"fields of later versions":           {request.bytes(fieldClientCapabilities, stores.bool(17)).bytes(23, []byte("later")).bytes(fieldPlannedPrivate, []byte("kept")), Data{Stored: true, Kept: []byte("kept")}},
		"the last of several":                {request.bytes(fieldPlannedPrivate, []byte("first")).bytes(fieldPlannedPrivate, []byte("last")), Data{Kept: []byte("last")}},
		"another type than the protocol has": {request.bytes(fieldClientCapabilities, deferral.bytes(fieldStorePlannedPrivate, []byte("x"))).bool(fieldPlannedPrivate), Data{}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan Data, 1)
			connection := serve(t, listening{asked: asked}, grpc.ChainUnaryInterceptor(intercept))
			var answer message
			require.NoError(t, connection.Invoke(t.Context(), "/tfplugin6.Provider/PlanResourceChange", c.request, &answer, grpc.ForceCodec(raw{})))
			require.Equal(t, c.want, <-asked)
		})
	}
}

// serve serves a provider as the library does, and returns a connection to it.
func serve(t *testing.T, provider tfprotov6.ProviderServer, options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	require.NoError(t, err)
	server := grpc.NewServer(options...)
	plugin := &tf6server.GRPCProviderPlugin{GRPCProvider: func() tfprotov6.ProviderServer { return provider }, Name: "registry.terraform.io/delivery-as-code/cd"}
	require.NoError(t, plugin.GRPCServer(nil, server))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	connection, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, connection.Close())
		server.Stop()
		require.NoError(t, <-served)
	})
	return connection
}

// TestServeInDebugMode attaches as a running Terraform does.
func TestServeInDebugMode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Setenv("TF_LOG_SDK", "off")
	asked, said, done := make(chan Data, 1), make(chan string, 1), make(chan error, 1)
	go func() {
		done <- serveDebug(ctx, "registry.terraform.io/delivery-as-code/cd", serving("registry.terraform.io/delivery-as-code/cd", func() tfprotov6.ProviderServer { return listening{asked: asked} }), func(text string) { said <- text })
	}()
	var text string
	select {
	case text = <-said:
	case err := <-done:
		t.Fatal("it ended: ", err)
	case <-time.After(10 * time.Second):
		t.Fatal("it says nothing")
	}
	address := socketIn(t, text)
	connection, err := grpc.NewClient("unix:"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	var answer message
	request := message{}.bytes(1, []byte("cd_release")).bytes(fieldPlannedPrivate, []byte("kept"))
	require.NoError(t, connection.Invoke(t.Context(), "/tfplugin6.Provider/PlanResourceChange", request, &answer, grpc.ForceCodec(raw{})))
	require.Equal(t, Data{Kept: []byte("kept")}, <-asked)
	require.NoError(t, connection.Close())
	cancel()
	require.NoError(t, <-done)
	require.NoFileExists(t, address)
}

// socketIn finds the address of the socket in what is said.
func socketIn(t *testing.T, text string) string {
	t.Helper()
	_, value, ok := strings.Cut(text, "TF_REATTACH_PROVIDERS='")
	require.True(t, ok, text)
	value, _, _ = strings.Cut(value, "'")
	var attach map[string]struct {
		Protocol        string
		ProtocolVersion int
		Addr            struct{ Network, String string }
	}
	require.NoError(t, json.Unmarshal([]byte(value), &attach))
	require.Len(t, attach, 1)
	for _, how := range attach {
		require.Equal(t, "grpc", how.Protocol)
		require.Equal(t, 6, how.ProtocolVersion)
		return how.Addr.String
	}
	return ""
}
