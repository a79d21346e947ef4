package command_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// The test's own binary is the user's program: run with these variables it deploys to a directory, or looks at one.
const (
	modeVariable  = "CD_TEST_MODE"
	placeVariable = "CD_TEST_PLACE"
	callVariable  = "CD_TEST_CALL"
	toldVariable  = "CD_TEST_TOLD" // a file with what it is to tell
)

func TestMain(m *testing.M) {
	mode := os.Getenv(modeVariable)
	if mode == "" {
		os.Exit(m.Run())
	}
	if err := program(mode); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is what the program remembers of what runs.
type run struct {
	Deployment     string            `json:"deployment"`
	Version        string            `json:"version"`
	ConfigRevision string            `json:"config_revision"`
	Deployed       string            `json:"deployed"` // the software as it came
	Config         map[string]string `json:"config"`
	Secrets        map[string]string `json:"secrets"`
}

// order is what the program reads from standard input.
type order struct {
	driver.Request
	Secrets map[string]string `json:"secrets"`
}

func program(mode string) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	place := filepath.Join(os.Getenv(placeVariable), o.Pipeline)
	switch mode {
	case "deploy":
		return deployTo(place, o)
	case "observe":
		return observeAt(place, o)
	case "fail":
		fmt.Println(strings.Join(os.Environ(), "\n"))
		fmt.Fprintf(os.Stderr, "%s\nno luck today\n", text)
		return errors.New("giving up")
	case "write down":
		return os.WriteFile(place+".json", text, 0o600)
	case "tell", "tell as an answer", "tell as an error":
		return tell(mode)
	case "stall":
		return stall()
	}
	return fmt.Errorf("unknown mode %q", mode)
}

// tell repeats the text on both streams, and fails; or in the answer to observe, or in the error only.
func tell(mode string) error {
	text, err := os.ReadFile(os.Getenv(toldVariable))
	if err != nil {
		return err
	}
	switch mode {
	case "tell as an answer":
		fmt.Fprint(os.Stderr, string(text))
		lines := strings.Split(string(text), "\n")
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"running": true, "version": lines[0], "config_revision": lines[1],
			"deployment": lines[2], "differences": lines})
	case "tell":
		fmt.Print(string(text))
	}
	return errors.New(string(text))
}

func deployTo(place string, o order) error {
	before, err := readRun(place)
	if err != nil {
		return err
	}
	if before.Deployment == os.Getenv("CD_DEPLOYMENT_ID") {
		return nil
	}
	software, err := os.ReadFile(o.Artifacts["app"].URI)
	if err != nil {
		return err
	}
	now := run{os.Getenv("CD_DEPLOYMENT_ID"), os.Getenv("CD_VERSION"), os.Getenv("CD_CONFIG_REVISION"), string(software), nil, nil}
	if now.Config, err = fromEnvironment(o.Config); err != nil {
		return err
	}
	if now.Secrets, err = fromEnvironment(o.Secrets); err != nil {
		return err
	}
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return errors.Join(
		os.MkdirAll(place, 0o700),
		os.WriteFile(filepath.Join(place, "software"), software, 0o600),
		os.WriteFile(filepath.Join(place, "run.json"), text, 0o600),
		count(place+".starts"),
	)
}

// fromEnvironment checks that the variables are what the JSON says.
func fromEnvironment(told map[string]string) (map[string]string, error) {
	found := map[string]string{}
	for name, value := range told {
		var ok bool
		if found[name], ok = os.LookupEnv(name); !ok || found[name] != value {
			return nil, fmt.Errorf("variable %s is not what the JSON says", name)
		}
	}
	return found, nil
}

func observeAt(place string, o order) error {
	for _, name := range o.SecretNames {
		if _, ok := os.LookupEnv(name); ok || o.Secrets != nil {
			return fmt.Errorf("the observer was told secret %s", name)
		}
	}
	now, err := readRun(place)
	if err != nil {
		return err
	}
	differences := []string{}
	software, err := os.ReadFile(filepath.Join(place, "software"))
	if err == nil && string(software) != now.Deployed {
		differences = append(differences, "the software was changed")
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"running": err == nil, "version": now.Version, "config_revision": now.ConfigRevision, "deployment": now.Deployment,
		"differences": differences, "of no interest": true,
	})
}

// stall tells the test that it runs, and waits until the test ends.
func stall() error {
	connection, err := net.Dial("tcp", os.Getenv(callVariable))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, connection)
	return err
}

func readRun(place string) (run, error) {
	var r run
	text, err := os.ReadFile(filepath.Join(place, "run.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	err = json.Unmarshal(text, &r)
	return r, err
}

func count(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString("x")
	return errors.Join(err, file.Close())
}

func commandTarget(deploy, observe delivery.Command) delivery.Target {
	return delivery.Target{Command: &delivery.CommandTarget{Deploy: deploy, Observe: observe}}
}
