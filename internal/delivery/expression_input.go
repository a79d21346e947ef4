package delivery

// expressionInputs gives what expressions may speak of, once for each environment to be deployed to.
func (w World) expressionInputs(in entering) []expressionInput {
	inputs := make([]expressionInput, 0, len(in.environments))
	for _, name := range in.environments {
		input := expressionInput{Now: w.Now, Pipeline: w.Pipeline, Stage: in.stage, Environment: w.Environments[name],
			Config: overlaid(w.Environments[name].Config, in.stage.Config), Release: in.release}
		if standing := w.Current(name); standing != nil {
			previous, ok := w.Releases[standing.Content.Version]
			if !ok { // never "nothing runs": a condition may be laxer then
				previous = Release{Digest: standing.Content.ReleaseDigest, Spec: ReleaseSpec{Pipeline: w.Pipeline.Name,
					Version: standing.Content.Version, Artifacts: standing.Content.Artifacts}}
			}
			input.Previous = &previous
		}
		inputs = append(inputs, input)
	}
	return inputs
}
