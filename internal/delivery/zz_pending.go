package delivery

import "time"

// Stand-ins until window.go and expression.go are here: whoever writes those deletes the matching half of this file, now.

type Window struct{}

func (w Window) validate(problems) {}

func windowsGate(map[string]Window, time.Time) GateResult { return GateResult{} }

type Expression struct{}

func (e Expression) validate(problems) {}

type expressionInput struct {
	Now         time.Time
	Pipeline    PipelineSpec
	Stage       Stage
	Environment EnvironmentSpec
	Config      map[string]string
	Release     Release
	Previous    *Release
}

func expressionsGate(string, Expression, []expressionInput) GateResult { return GateResult{} }
