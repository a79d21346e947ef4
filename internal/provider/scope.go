package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// A freeze or a policy that finds nothing is not an error, because it may be declared before what it names. It is not silent either: a
// misspelt name would look like a guard, and guard nothing. What it names may be declared in the same plan, and Terraform may plan that later.
// So the files of the configuration count too.

// warnOfMismatches warns of filters that find nothing. changed is whether this plan changes the freeze or policy.
func (s *session) warnOfMismatches(ctx context.Context, diags *diag.Diagnostics, noun, name string, changed bool, mismatches func(delivery.Scope) []delivery.Mismatch) {
	if s.applying.Load() {
		return
	}
	scope, err := s.scope(ctx, configuration.Object{Type: "cd_" + noun, Values: map[string]string{"name": name}}, changed)
	if err != nil {
		tf.AddErrors(diags, "plan", noun, name, err)
		return
	}
	title := map[string]string{"freeze": "Freeze", "policy": "Policy"}[noun]
	for _, m := range mismatches(scope) {
		summary := fmt.Sprintf("%s %q %s", title, name, m.Problem)
		if at, ok := tf.AttributePath(m.Field); ok {
			diags.AddAttributeWarning(at, summary, m.Detail)
		} else {
			diags.AddWarning(summary, m.Detail)
		}
	}
}

// scope returns what the filters of an object can name. While the object changes, blocks whose name is computed may declare anything,
// unless they come before it. If it does not change, an apply has gone before, and the ledger has what these declare.
func (s *session) scope(ctx context.Context, filter configuration.Object, changed bool) (delivery.Scope, error) {
	environments, err := s.environments.all(ctx, s.readEnvironments)
	if err != nil {
		return delivery.Scope{}, err
	}
	pipelines, err := s.pipelines.all(ctx, s.readPipelines)
	if err != nil {
		return delivery.Scope{}, err
	}
	specs, paths := []delivery.EnvironmentSpec{}, []delivery.PipelineSpec{}
	for _, env := range environments {
		specs = append(specs, env.Spec)
	}
	for _, p := range pipelines {
		paths = append(paths, p.Spec)
	}
	scope := s.changes.Scope(specs, paths)
	switch files, err := s.configuration(); {
	case err == nil:
		addWritten(&scope, files, filter, changed)
	case !errors.Is(err, configuration.ErrNoFiles): // they may declare anything
		scope.MoreEnvironments, scope.MorePipelines = true, true
	}
	return scope, nil
}

// addWritten adds what the configuration's files declare. A name that is no literal may be any, unless Terraform plans its block first.
func addWritten(scope *delivery.Scope, files *configuration.Configuration, filter configuration.Object, changed bool) {
	for _, block := range files.Blocks(configuration.Object{Type: "cd_environment"}) {
		name, literal := block.Literal("name")
		if _, known := scope.Environments[name]; !literal {
			scope.MoreEnvironments = scope.MoreEnvironments || changed && !files.Order(filter, configuration.Object{Type: "cd_environment"}).Fixed
		} else if !known {
			scope.Environments[name] = nil
			if tier, ok := block.Literal("tier"); ok {
				scope.Environments[name] = &delivery.EnvironmentSpec{Name: name, Tier: delivery.Tier(tier)}
			}
		}
	}
	for _, block := range files.Blocks(configuration.Object{Type: "cd_pipeline"}) {
		name, literal := block.Literal("name")
		if _, known := scope.Pipelines[name]; !literal {
			scope.MorePipelines = scope.MorePipelines || changed && !files.Order(filter, configuration.Object{Type: "cd_pipeline"}).Fixed
		} else if !known {
			scope.Pipelines[name] = nil
		}
	}
}

// expectsPolicies reports whether this plan has a policy that is not known yet, or that Terraform has not come to. If the asking resource does
// not change, the ledger has the policies.
func (s *session) expectsPolicies(changed bool) bool {
	if s.applying.Load() || !s.changes.PoliciesKnown() {
		return true
	}
	files, err := s.configuration()
	return changed && err == nil && slices.ContainsFunc(files.Blocks(configuration.Object{Type: "cd_policy"}), func(block configuration.Block) bool {
		name, literal := block.Literal("name")
		return literal && !s.changes.PlansPolicy(name)
	})
}
