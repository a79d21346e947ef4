package delivery

import "time"

// Stand-in until expression.go is here: whoever writes it deletes this file.

type Expression struct{ Condition, Message string }

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
