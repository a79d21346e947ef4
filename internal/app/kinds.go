package app

import (
	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	checkcommand "github.com/delivery-as-code/terraform-provider-cd/internal/check/command"
	checkhttp "github.com/delivery-as-code/terraform-provider-cd/internal/check/http"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	commanddriver "github.com/delivery-as-code/terraform-provider-cd/internal/driver/command"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/directory"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/webhook"
)

// drivers lists the kinds of targets, by the name that the JSON and the Terraform attribute have too.
func drivers(killNow <-chan struct{}) map[string]driver.Driver {
	return map[string]driver.Driver{
		"directory": directory.New(directory.Options{KillNow: killNow}),
		"command":   commanddriver.New(killNow),
		"webhook":   webhook.New(webhook.Options{}),
	}
}

// checkers lists the kinds of checks, by the name that the JSON and the Terraform attribute have too.
func checkers(killNow <-chan struct{}) map[string]check.Checker {
	return map[string]check.Checker{
		"http":    checkhttp.New(check.Sleep),
		"command": checkcommand.New(check.Sleep, killNow),
	}
}
