// Package planned serves the provider, and hands it what Terraform kept of a plan for its apply. Terraform 1.16 and later keep the private
// data of a planned create or update, and send it with the plan that the apply makes right before the change. The framework and the
// library below it do not know of that yet, so it is read from the request itself.
package planned

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Data is what a request to plan a change says about private data.
type Data struct {
	// Stored is true if this Terraform keeps the private data of the answer for the apply. Only this says so: a version does not, because
	// OpenTofu reports versions of Terraform, and a plan may be made through something in between.
	Stored bool
	// Kept is what it kept of the plan. It is empty in a plan, and in an apply if it kept nothing.
	Kept []byte
}

type contextKey struct{}

// With returns a context with what a request says.
func With(ctx context.Context, data Data) context.Context {
	return context.WithValue(ctx, contextKey{}, data)
}

// From returns what the request of this context says; the zero Data if nothing is known of it.
func From(ctx context.Context) Data {
	data, _ := ctx.Value(contextKey{}).(Data)
	return data
}

// The fields of the protocol, by their numbers in tfplugin6.proto.
const (
	fieldClientCapabilities  protowire.Number = 7 // of PlanResourceChange.Request
	fieldPlannedPrivate      protowire.Number = 9 // of PlanResourceChange.Request
	fieldStorePlannedPrivate protowire.Number = 3 // of ClientCapabilities
)

// intercept reads the request before the library does.
func intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if message, ok := req.(proto.Message); ok && strings.HasSuffix(info.FullMethod, "/PlanResourceChange") {
		ctx = With(ctx, read(message.ProtoReflect()))
	}
	return handler(ctx, req)
}

func read(request protoreflect.Message) Data {
	data := Data{Kept: bytesOf(request, fieldPlannedPrivate)}
	if capabilities := request.Descriptor().Fields().ByNumber(fieldClientCapabilities); capabilities != nil && request.Has(capabilities) {
		data.Stored = boolOf(request.Get(capabilities).Message(), fieldStorePlannedPrivate)
	}
	return data
}

// bytesOf reads a field of bytes, whether the library knows it or not.
func bytesOf(m protoreflect.Message, number protowire.Number) []byte {
	if field := m.Descriptor().Fields().ByNumber(number); field != nil {
		return m.Get(field).Bytes()
	}
	typ, raw := unknownField(m, number)
	if typ != protowire.BytesType {
		return nil
	}
	value, _ := protowire.ConsumeBytes(raw)
	return value
}

// boolOf reads a field that is true or false, whether the library knows it or not.
func boolOf(m protoreflect.Message, number protowire.Number) bool {
	if field := m.Descriptor().Fields().ByNumber(number); field != nil {
		return m.Get(field).Bool()
	}
	typ, raw := unknownField(m, number)
	if typ != protowire.VarintType {
		return false
	}
	value, _ := protowire.ConsumeVarint(raw)
	return value != 0
}

// unknownField returns a field that the library does not know, as it was sent. The last one counts, as protobuf has it.
func unknownField(m protoreflect.Message, number protowire.Number) (typ protowire.Type, raw []byte) {
	typ = -1
	for rest := []byte(m.GetUnknown()); len(rest) > 0; {
		found, foundType, size := protowire.ConsumeTag(rest)
		if size < 0 {
			return -1, nil
		}
		rest = rest[size:]
		if size = protowire.ConsumeFieldValue(found, foundType, rest); size < 0 {
			return -1, nil
		}
		if found == number {
			typ, raw = foundType, rest[:size]
		}
		rest = rest[size:]
	}
	return typ, raw
}
