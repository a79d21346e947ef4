package configuration

import (
	"slices"
	"strings"
)

// dialect is which program reads the files.
type dialect int

const (
	terraform dialect = iota
	tofu
)

// suffixes are those of configuration files. A .tofu file replaces the .tf file of the same name for OpenTofu; Terraform reads only the latter.
var suffixes = []string{".tf", ".tf.json", ".tofu", ".tofu.json"}

// suffixOf returns the suffix that makes a file part of a configuration; empty if nothing does.
func suffixOf(name string) string {
	for _, suffix := range suffixes {
		if strings.HasSuffix(name, suffix) {
			return suffix
		}
	}
	return ""
}

// files lists the files that the program reads: overrides last, each part by name.
func (d dialect) files(names []string) []string {
	var base, overrides []string
	for _, name := range names {
		suffix := suffixOf(name)
		isTofu := strings.HasPrefix(suffix, ".tofu")
		switch {
		case d == terraform && isTofu:
		case d == tofu && !isTofu && slices.Contains(names, strings.TrimSuffix(name, suffix)+strings.Replace(suffix, ".tf", ".tofu", 1)):
		case isOverride(name):
			overrides = append(overrides, name)
		default:
			base = append(base, name)
		}
	}
	return append(base, overrides...)
}

// isOverride reports whether the blocks of a file change those of other files.
func isOverride(name string) bool {
	stem := strings.TrimSuffix(name, suffixOf(name))
	return stem == "override" || strings.HasSuffix(stem, "_override")
}
