package driver

import (
	"maps"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/process"
)

// DeployProgram is a program of the user's that takes part in deploying: it gets the values of the secrets too.
func (r Request) DeployProgram(c delivery.Command) (process.Spec, error) {
	secrets := map[string]string{} // never null in the JSON
	maps.Copy(secrets, r.Secrets)
	return r.program(c, secrets, struct {
		Request
		Secrets map[string]string `json:"secrets"`
	}{r, secrets})
}

// ObserveProgram is a program of the user's that looks at what runs. It gets the names of the secrets only.
func (r Request) ObserveProgram(c delivery.Command) (process.Spec, error) {
	return r.program(c, nil, r)
}

func (r Request) program(c delivery.Command, secrets map[string]string, input any) (process.Spec, error) {
	spec, err := process.Program{
		Command: c,
		About: process.About{
			Deployment: r.ID, Pipeline: r.Pipeline, Stage: r.Stage, Environment: r.Environment, Version: r.Version, Digest: r.Digest,
			ConfigRevision: r.ConfigRevision,
		},
		Config: r.Config, Secrets: secrets, Input: input,
	}.Spec()
	spec.Mask = r.Mask()
	return spec, err
}
