package app

import (
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	commanddriver "github.com/delivery-as-code/terraform-provider-cd/internal/driver/command"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/directory"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/webhook"
	"github.com/delivery-as-code/terraform-provider-cd/internal/gate"
	commandgate "github.com/delivery-as-code/terraform-provider-cd/internal/gate/command"
	httpgate "github.com/delivery-as-code/terraform-provider-cd/internal/gate/http"
)

// drivers lists the kinds of targets, by the name that the JSON and the Terraform attribute have too.
func drivers(hurry <-chan struct{}) map[string]driver.Driver {
	return map[string]driver.Driver{
		"directory": directory.New(directory.Options{}),
		"command":   commanddriver.New(hurry),
		"webhook":   webhook.New(webhook.Options{}),
	}
}

// checkers lists the kinds of checks, by the name that the JSON and the Terraform attribute have too.
func checkers(hurry <-chan struct{}) map[string]gate.Checker {
	return map[string]gate.Checker{
		"http":    httpgate.New(gate.Sleep),
		"command": commandgate.New(gate.Sleep, hurry),
	}
}
