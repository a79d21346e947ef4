package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// printed matches an approval in the errors of a plan, and the line to copy.
var printed = regexp.MustCompile(`with cd_approval\.([\w-]+),|content = "([0-9a-f]{12})"`)

// decide copies the content of each approval from what a plan prints into a file, named like the approval, from where the configuration reads
// it. A person would copy it into the configuration.
func (w workspace) decide(ctx context.Context) error {
	output, err := w.output(ctx, "plan", "-input=false")
	if err == nil {
		return nil // a release of the provider that asks for no content
	}
	found := contents(output)
	if len(found) == 0 {
		return fmt.Errorf("the plan names no content: %w", err)
	}
	for name, content := range found {
		if err := os.WriteFile(filepath.Join(w.path, "content-"+name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// contents finds the content of each approval, by name, in what a plan prints.
func contents(output string) map[string]string {
	found, name := map[string]string{}, ""
	for _, match := range printed.FindAllStringSubmatch(strings.ReplaceAll(output, "\n", " "), -1) {
		switch {
		case match[1] != "":
			name = match[1]
		case name != "":
			found[name], name = match[2], ""
		}
	}
	return found
}
