package directory

import "path/filepath"

// Resolve returns the one name of a directory, which need not exist yet: absolute, clean, and without the symbolic links of the part that
// exists. A path that cannot be resolved is only made absolute and clean.
func Resolve(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	existing, rest := absolute, ""
	for {
		if resolved, err := filepath.EvalSymlinks(existing); err == nil {
			return filepath.Join(resolved, rest)
		}
		parent := filepath.Dir(existing)
		if parent == existing {
			return absolute
		}
		existing, rest = parent, filepath.Join(filepath.Base(existing), rest)
	}
}
