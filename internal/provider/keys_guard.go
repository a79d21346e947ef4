package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// keysGuard stands before the framework and the fast path. Terraform drops the unknown keys of nested objects before a provider sees them, so
// a misspelt gate would silently be none. The guard finds them in the configuration's files, when an object of the type is created or changed.
type keysGuard struct {
	tfprotov6.ProviderServer
	session func() *session
}

func (p *cdProvider) guardKeys(next tfprotov6.ProviderServer) tfprotov6.ProviderServer {
	return &keysGuard{next, p.session.Load}
}

// PlanResourceChange refuses to create or change an object whose block has a key that Terraform would drop.
func (g *keysGuard) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	resp, err := g.ProviderServer.PlanResourceChange(ctx, req)
	s := g.session()
	if err != nil || s == nil || isNull(resp.PlannedState) || bytes.Equal(resp.PlannedState.MsgPack, req.PriorState.MsgPack) {
		return resp, err
	}
	resp.Diagnostics = append(resp.Diagnostics, s.unknownKeys(req.TypeName, req.Config)...)
	return resp, nil
}

// ApplyResourceChange says so, once, if gates are applied where no files are that could have a misspelt key, as where a saved plan is applied
// elsewhere.
func (g *keysGuard) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	resp, err := g.ProviderServer.ApplyResourceChange(ctx, req)
	s := g.session()
	if err != nil || s == nil || s.host.Configuration == nil || isNull(req.PlannedState) || failed(resp.Diagnostics) || !gatesChange(req) {
		return resp, err
	}
	if _, unread := s.configuration(); errors.Is(unread, configuration.ErrNoFiles) {
		resp.Diagnostics = append(resp.Diagnostics, s.misspelt.unchecked("There are no configuration files here, as where a saved plan is applied elsewhere")...)
	}
	return resp, nil
}

// gatesChange reports whether the gates of a pipeline or a policy change.
func gatesChange(req *tfprotov6.ApplyResourceChangeRequest) bool {
	if req.TypeName != "cd_pipeline" && req.TypeName != "cd_policy" {
		return false
	}
	typ := schemas().ResourceSchemas[req.TypeName].ValueType()
	before, unread := gatesIn(req.PriorState, typ)
	after, unreadable := gatesIn(req.PlannedState, typ)
	return unread != nil || unreadable != nil || !slices.EqualFunc(before, after, tftypes.Value.Equal)
}

// gatesIn lists the gates of a pipeline's stages, or of a policy, that are set.
func gatesIn(state *tfprotov6.DynamicValue, typ tftypes.Type) (found []tftypes.Value, err error) {
	value, err := state.Unmarshal(typ)
	if err != nil {
		return nil, err
	}
	err = tftypes.Walk(value, func(path *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		gates := path.LastStep() == tftypes.AttributeName("gates") && !v.IsNull()
		if gates {
			found = append(found, v)
		}
		return !gates, nil
	})
	return found, err
}

// misspelt remembers what this walk found and said of the files' keys. It is safe for concurrent use.
type misspelt struct {
	mu     sync.Mutex
	byType map[string][]configuration.UnknownKey // what is not said yet
	warned bool                                  // that nothing can be checked
}

// unknownKeys says which keys of an object's blocks are unknown, each once in a walk.
func (s *session) unknownKeys(typ string, config *tfprotov6.DynamicValue) []*tfprotov6.Diagnostic {
	files, err := s.configuration()
	switch {
	case errors.Is(err, configuration.ErrNoFiles):
		return nil
	case err != nil:
		return s.misspelt.unchecked("The files of the configuration cannot be read: " + err.Error())
	}
	m := &s.misspelt
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byType == nil {
		m.byType = map[string][]configuration.UnknownKey{}
	}
	found, looked := m.byType[typ]
	if !looked {
		found = files.UnknownKeys(configuration.Resource, typ, resourceShapes()[typ])
	}
	var said []*tfprotov6.Diagnostic
	var left []configuration.UnknownKey
	object := configuration.Object{Type: typ}
	if len(found) > 0 {
		object.Values = literals(typ, config)
	}
	for _, key := range found {
		if key.Block.MayDeclare(object) {
			said = append(said, unknownKeyDiagnostic(key))
		} else {
			left = append(left, key)
		}
	}
	m.byType[typ] = left
	return said
}

// unchecked warns, once in a walk, that misspelt keys would not be found.
func (m *misspelt) unchecked(why string) []*tfprotov6.Diagnostic {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.warned {
		return nil
	}
	m.warned = true
	return []*tfprotov6.Diagnostic{{Severity: tfprotov6.DiagnosticSeverityWarning, Summary: "Unable to look for misspelt keys",
		Detail: strings.TrimSuffix(why, ".") + ". Terraform drops the unknown keys of nested objects, such as a gate whose name is misspelt. Run terraform-provider-cd lint in the directory of the configuration."}}
}

func unknownKeyDiagnostic(key configuration.UnknownKey) *tfprotov6.Diagnostic {
	d := &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityError, Summary: fmt.Sprintf("Unknown key %q in %s", key.Key, key.Block.Address()), Detail: DescribeUnknownKey(key)}
	if key.Local != "" {
		d.Severity = tfprotov6.DiagnosticSeverityWarning
	}
	root, _, _ := strings.Cut(key.Object, ".")
	d.Attribute = tftypes.NewAttributePath().WithAttributeName(root)
	return d
}

// DescribeUnknownKey says what is wrong with a key, where it stands, and what may have been meant.
func DescribeUnknownKey(key configuration.UnknownKey) string {
	where := fmt.Sprintf("%s:%d", key.File, key.Line)
	if key.Local != "" {
		where += ", in local." + key.Local
	}
	return fmt.Sprintf("%s: %s has no key %q, and Terraform drops it without a word, with all that it says. %sThe keys are: %s.",
		where, key.Object, key.Key, delivery.Suggestion(key.Key, key.Known), strings.Join(key.Known, ", "))
}

// literals are the texts at the top of a configuration, by which the files tell one object from another.
func literals(typ string, config *tfprotov6.DynamicValue) map[string]string {
	schema := schemas().ResourceSchemas[typ]
	found, values := map[string]string{}, map[string]tftypes.Value{}
	value, err := config.Unmarshal(schema.ValueType())
	if err != nil || value.As(&values) != nil {
		return found // any block of the type may declare it
	}
	for name, attribute := range values {
		var text string
		if attribute.Type().Is(tftypes.String) && attribute.IsKnown() && !attribute.IsNull() && attribute.As(&text) == nil {
			found[name] = text
		}
	}
	return found
}

// schemas are those of all resources and data sources.
var schemas = sync.OnceValue(func() *tfprotov6.GetProviderSchemaResponse {
	ctx := context.Background()
	resp, err := providerserver.NewProtocol6(New("", Host{})())().GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return &tfprotov6.GetProviderSchemaResponse{} // the framework returns no error
	}
	return resp
})

var resourceShapes = sync.OnceValue(func() map[string]*configuration.Shape { return shapesOf(schemas().ResourceSchemas) })

// Shapes says which keys the nested objects of resources and data sources have, by type.
func Shapes() (resources, dataSources map[string]*configuration.Shape) {
	return resourceShapes(), shapesOf(schemas().DataSourceSchemas)
}

func shapesOf(all map[string]*tfprotov6.Schema) map[string]*configuration.Shape {
	shapes := map[string]*configuration.Shape{}
	for typ, s := range all {
		shapes[typ] = shapeOf(s.Block.Attributes)
	}
	return shapes
}

func shapeOf(attributes []*tfprotov6.SchemaAttribute) *configuration.Shape {
	shape := &configuration.Shape{Attributes: map[string]*configuration.Shape{}}
	for _, a := range attributes {
		shape.Attributes[a.Name] = nil
		if a.NestedType == nil {
			continue
		}
		shape.Attributes[a.Name] = shapeOf(a.NestedType.Attributes)
		if a.NestedType.Nesting != tfprotov6.SchemaObjectNestingModeSingle {
			shape.Attributes[a.Name] = &configuration.Shape{Elements: shape.Attributes[a.Name]}
		}
	}
	return shape
}
