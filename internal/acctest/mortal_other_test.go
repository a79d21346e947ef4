//go:build !unix

package acctest_test

// serveMortal plays nothing: there is no way to die at once here.
func serveMortal() (played bool, err error) { return false, nil }
