package changeset

import (
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// GateUse is a stage that a promotion or a release of this plan is about to enter: its gates were evaluated with what was planned so far.
type GateUse struct {
	By                       string // the resource type
	Entry                    string // the stage that a promotion enters; empty for a release
	Pipeline, Version, Stage string
	Gates                    []string
}

// AddGateUses notes the stages that a promotion, or a release, has not passed yet, in place of those noted of it before. entry is as in
// GateUse.
func (c *Collector) AddGateUses(by, entry, pipeline, version string, stages []delivery.StageDecision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gateUses = slices.DeleteFunc(c.gateUses, func(use GateUse) bool {
		return use.By == by && use.Entry == entry && use.Pipeline == pipeline && use.Version == version
	})
	for _, s := range stages {
		if s.Satisfied() {
			continue
		}
		gates := []string{}
		for _, g := range s.Gates {
			gates = append(gates, g.Name)
		}
		c.gateUses = append(c.gateUses, GateUse{by, entry, pipeline, version, s.Stage, gates})
	}
}

// GateUsesBefore lists the evaluations of a gate that came before evidence for it was planned. Without a stage, it lists those of any stage.
func (c *Collector) GateUsesBefore(pipeline, version, stage string, isAbout func(gate string) bool) []GateUse {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := []GateUse{}
	for _, use := range c.gateUses {
		if use.Pipeline == pipeline && use.Version == version && (stage == "" || use.Stage == stage) && slices.ContainsFunc(use.Gates, isAbout) {
			found = append(found, use)
		}
	}
	return found
}
