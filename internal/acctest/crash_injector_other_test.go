//go:build !unix

package acctest_test

// serveCrashing does nothing: a process cannot kill itself at once here.
func serveCrashing() (served bool, err error) { return false, nil }
