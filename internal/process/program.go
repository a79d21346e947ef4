package process

import (
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Program is a program of the user's, and what it is run for. Whatever runs one (to deploy, to observe, after a deployment, to check)
// describes it so, and thus gives it the same things under the same names.
type Program struct {
	Command delivery.Command
	About   About
	Config  map[string]string // effective configuration
	Secrets map[string]string // only for programs that get them
	Input   any               // written to standard input, as JSON
}

// About is what every program is told in the variables that Variables lists. What does not apply is empty.
type About struct {
	Deployment, Pipeline, Stage, Environment, Version, Digest, ConfigRevision, Check string
}

// Variable is one of the variables that every program gets.
type Variable struct {
	Name, Meaning string
	value         func(About) string
}

// Variables are the variables that every program gets, set to "" where there is nothing to say. The guide "Programs that you provide"
// shows this table.
var Variables = []Variable{
	{"CD_DEPLOYMENT_ID", "Id of the deployment. Empty for a gate, which is asked before there is one", func(a About) string { return a.Deployment }},
	{"CD_PIPELINE", "Name of the pipeline", func(a About) string { return a.Pipeline }},
	{"CD_STAGE", "Name of the stage", func(a About) string { return a.Stage }},
	{"CD_ENVIRONMENT", "Name of the environment. Empty for a gate, which is asked once for its stage", func(a About) string { return a.Environment }},
	{"CD_VERSION", "Version of the release", func(a About) string { return a.Version }},
	{"CD_DIGEST", "Digest of the release. Those of its artifacts are in the JSON", func(a About) string { return a.Digest }},
	{"CD_CONFIG_REVISION", "Hash of the effective configuration. Empty for a gate", func(a About) string { return a.ConfigRevision }},
	{"CD_CHECK", "Name of the check. Empty for a program that is none", func(a About) string { return a.Check }},
}

// Spec says how to run the program. Of two variables of one name, what the ledger says wins over what the command says about itself,
// and that over secrets and configuration.
func (p Program) Spec() (Spec, error) {
	env := map[string]string{}
	for _, layer := range []map[string]string{p.Config, p.Secrets, p.Command.Environment} {
		maps.Copy(env, layer)
	}
	for _, variable := range Variables {
		env[variable.Name] = variable.value(p.About)
	}
	stdin, err := json.Marshal(p.Input)
	if err != nil {
		return Spec{}, fmt.Errorf("describing it as JSON: %w", err)
	}
	return Spec{
		Argv: p.Command.Argv, Dir: p.Command.Directory, Env: env, Stdin: stdin,
		Timeout: p.Command.Timeout.Or(delivery.DefaultCommandTimeout),
	}, nil
}

// inherited names what a program gets of this process's environment: what programs need to find their files, to speak the
// user's language and to reach the network. Everything else stays here, above all credentials: a program gets those that the
// configuration gives it.
var inherited = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TMP", "TEMP", "TZ", "LANG", "LANGUAGE", "TERM",
	"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	// Windows
	"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERNAME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH",
	"APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "COMMONPROGRAMFILES",
	"NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "OS",
}

// Inherited reports whether programs get the variable of this process's environment.
func Inherited(name string) bool {
	if runtime.GOOS == "windows" {
		name = strings.ToUpper(name) // names there are the same in any case
	}
	return strings.HasPrefix(name, "LC_") || slices.Contains(inherited, name)
}

// environment is what the program sees: the inherited part of the parent's, then its own, sorted.
func environment(parent []string, own map[string]string) []string {
	var result []string
	for _, variable := range parent {
		if name, _, ok := strings.Cut(variable, "="); ok && Inherited(name) {
			result = append(result, variable)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		result = append(result, name+"="+own[name]) // of two, os/exec takes the last
	}
	return result
}
