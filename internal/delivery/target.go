package delivery

import (
	"path/filepath"
	"strings"
)

// Target says where and how an environment is deployed. Exactly one kind is set; the JSON key of a kind is also the name of
// its driver and of its Terraform attribute.
type Target struct {
	Directory *DirectoryTarget `json:"directory,omitempty"`
	Command   *CommandTarget   `json:"command,omitempty"`
	Webhook   *WebhookTarget   `json:"webhook,omitempty"`
}

// DirectoryTarget unpacks a release below a directory of this machine and switches a link to it.
type DirectoryTarget struct {
	Path string `json:"path"` // absolute, or relative to where Terraform runs
	// AfterDeploy is a command (argv, no shell) run in the new release's directory once `current` points to it.
	AfterDeploy *Command `json:"after_deploy,omitempty"`
	Keep        int      `json:"keep,omitempty"` // old releases kept beside the current one; 0 means DefaultKeep
}

// DefaultKeep is how many old releases a directory target keeps.
const DefaultKeep = 3

// CommandTarget deploys and observes through the user's own commands.
type CommandTarget struct {
	Deploy  Command `json:"deploy"`
	Observe Command `json:"observe"`
	Place   string  `json:"place,omitempty"` // names where the commands deploy to, see Target.Place
}

// Command is a program to run: argv, never a shell line.
type Command struct {
	Argv        []string          `json:"argv"`
	Directory   string            `json:"directory,omitempty"` // working directory; empty means where Terraform runs (a hook: the release)
	Environment map[string]string `json:"environment,omitempty"`
	Timeout     Duration          `json:"timeout,omitempty"` // default DefaultCommandTimeout
}

// Kind names the target's kind ("directory", "command", "webhook"): the key of its driver. Empty when none is set.
func (t *Target) Kind() string {
	switch {
	case t == nil:
		return ""
	case t.Directory != nil:
		return "directory"
	case t.Command != nil:
		return "command"
	case t.Webhook != nil:
		return "webhook"
	}
	return ""
}

func (t *Target) validate(p problems) {
	kinds := 0
	if t.Directory != nil {
		kinds++
		t.Directory.validate(p.at("directory"))
	}
	if t.Command != nil {
		kinds++
		t.Command.Deploy.validate(p.at("command").at("deploy"))
		t.Command.Observe.validate(p.at("command").at("observe"))
		validatePlace(p.at("command").at("place"), t.Command.Place)
	}
	if t.Webhook != nil {
		kinds++
		t.Webhook.validate(p.at("webhook"))
	}
	if kinds != 1 {
		p.add("set exactly one kind of target: directory, command or webhook")
	}
}

func (d *DirectoryTarget) validate(p problems) {
	switch {
	case strings.TrimSpace(d.Path) == "":
		p.at("path").add("the directory to deploy into is needed")
	case containsNUL(d.Path):
		p.at("path").add("a path cannot hold a NUL byte")
	case filepath.Clean(d.Path) == "/":
		p.at("path").add("the root directory cannot be a target; use a directory for this environment alone")
	}
	if d.AfterDeploy != nil {
		d.AfterDeploy.validate(p.at("after_deploy"))
	}
	if d.Keep < 0 || d.Keep > 1000 {
		p.at("keep").add("%d is not a number of releases to keep; use 1 to 1000", d.Keep)
	}
}

func (c *Command) validate(p problems) {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		p.at("argv").add("a command needs at least the program's name")
	}
	for i, arg := range c.Argv {
		if containsNUL(arg) {
			p.at("argv").index(i).add("an argument cannot hold a NUL byte")
		}
	}
	validateVariables(p.at("environment"), c.Environment)
	if c.Timeout != "" {
		c.Timeout.validate(p.at("timeout"), MinTimeout)
	}
}
