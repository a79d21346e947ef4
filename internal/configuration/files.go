package configuration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What is read at most. Real configurations are far below; what is above is refused, never read in part.
const (
	maxFiles     = 10_000
	maxModules   = 2_000
	maxFileBytes = 4 << 20
	maxBytes     = 128 << 20
	maxNesting   = 1_000
)

// ErrNoFiles means that the directory holds no configuration, as where a saved plan is applied elsewhere.
var ErrNoFiles = errors.New("the directory holds no configuration files")

// Read reads the configuration whose root module is in dir. dataDir is where the installed modules are listed, relative to dir or absolute;
// empty means .terraform. The error is ErrNoFiles if the root module has no file, else it names the file that cannot be read or understood.
func Read(dir, dataDir string) (*Configuration, error) {
	l := loader{dir: dir, files: map[string]*file{}, listings: map[string][]string{}}
	installed, err := l.installed(dataDir)
	if err != nil {
		return nil, err
	}
	c := &Configuration{}
	for _, dialect := range []dialect{terraform, tofu} {
		for _, root := range roots(installed) {
			r, err := l.read(dialect, root, installed)
			if err != nil {
				return nil, err
			}
			c.readings = append(c.readings, r)
		}
		if !l.sawTofu {
			break // both programs read the same files
		}
	}
	if l.count == 0 {
		return nil, ErrNoFiles
	}
	return c, nil
}

// loader reads files once and counts them.
type loader struct {
	dir      string
	count    int
	bytes    int64
	sawTofu  bool
	files    map[string]*file
	listings map[string][]string
}

// installed returns the directories of the installed modules by key, as init wrote them: "a.b" is module b in module a.
func (l *loader) installed(dataDir string) (map[string]string, error) {
	if dataDir == "" {
		dataDir = ".terraform"
	}
	if !filepath.IsAbs(dataDir) {
		dataDir = filepath.Join(l.dir, dataDir)
	}
	manifest := filepath.Join(dataDir, "modules", "modules.json")
	text, err := l.text(manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil // a configuration without modules
	}
	if err != nil {
		return nil, err
	}
	var listed struct{ Modules []struct{ Key, Dir string } }
	if err := json.Unmarshal(text, &listed); err != nil {
		return nil, fmt.Errorf("unable to read %s: %w", manifest, err)
	}
	if len(listed.Modules) > maxModules {
		return nil, fmt.Errorf("unable to read %s: %d modules, at most %d", manifest, len(listed.Modules), maxModules)
	}
	found := map[string]string{}
	for _, m := range listed.Modules {
		found[m.Key] = m.Dir
	}
	delete(found, "") // the root module is where the program runs
	return found, nil
}

// roots lists the keys of the modules that can be the root of a plan: the root module, and each module of a run block of terraform test.
func roots(installed map[string]string) []string {
	found := []string{""}
	for key := range installed {
		if key == "test" || !strings.HasPrefix(key, "test.") {
			continue
		}
		parent, _ := cutLast(key)
		if _, ok := installed[parent]; !ok {
			found = append(found, key)
		}
	}
	slices.Sort(found)
	return found
}

func cutLast(key string) (parent, name string) {
	if at := strings.LastIndex(key, "."); at >= 0 {
		return key[:at], key[at+1:]
	}
	return "", key
}

// read reads the module root and every module that it calls.
func (l *loader) read(d dialect, root string, installed map[string]string) (*reading, error) {
	r := &reading{modules: map[string]*module{}}
	if err := l.readModule(r, d, "", root, installed); err != nil {
		return nil, err
	}
	r.build()
	return r, nil
}

func (l *loader) readModule(r *reading, d dialect, path, key string, installed map[string]string) error {
	if len(r.modules) >= maxModules {
		return fmt.Errorf("unable to read the configuration: more than %d modules", maxModules)
	}
	dir := l.dir
	if key != "" {
		if dir = installed[key]; !filepath.IsAbs(dir) {
			dir = filepath.Join(l.dir, dir)
		}
	}
	m, err := l.module(d, path, dir)
	if err != nil {
		return err
	}
	r.modules[path] = m
	for name := range m.calls {
		child := join(key, name)
		if _, ok := installed[child]; !ok {
			return fmt.Errorf("unable to read module %s: it is not installed; run terraform init", join(path, name))
		}
		if err := l.readModule(r, d, join(path, name), child, installed); err != nil {
			return err
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// module reads the files of one directory.
func (l *loader) module(d dialect, path, dir string) (*module, error) {
	names, err := l.list(dir)
	if err != nil {
		return nil, err
	}
	m := newModule(path)
	for _, name := range d.files(names) {
		f, err := l.file(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		m.add(f, isOverride(name))
	}
	return m, nil
}

// list returns the names of the configuration files of a directory, in order.
func (l *loader) list(dir string) ([]string, error) {
	if names, ok := l.listings[dir]; ok {
		return names, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || suffixOf(name) == "" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") {
			continue
		}
		l.sawTofu = l.sawTofu || strings.HasPrefix(suffixOf(name), ".tofu")
		names = append(names, name)
	}
	l.listings[dir] = names
	return names, nil
}

func (l *loader) file(path string) (*file, error) {
	if f, ok := l.files[path]; ok {
		return f, nil
	}
	text, err := l.text(path)
	if err != nil {
		return nil, err
	}
	shown := path
	if relative, err := filepath.Rel(l.dir, path); err == nil {
		shown = filepath.ToSlash(relative)
	}
	f, err := parse(shown, text)
	if err != nil {
		return nil, err
	}
	l.files[path] = f
	l.count++
	return f, nil
}

// text reads one regular file within the limits.
func (l *loader) text(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("unable to read %s: it is not a regular file", path)
	case info.Size() > maxFileBytes:
		return nil, fmt.Errorf("unable to read %s: it has %d bytes, at most %d", path, info.Size(), maxFileBytes)
	case len(l.files) >= maxFiles || l.bytes+info.Size() > maxBytes:
		return nil, fmt.Errorf("unable to read %s: the configuration has more than %d files or %d bytes", path, maxFiles, maxBytes)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes))
	err = errors.Join(err, f.Close())
	l.bytes += int64(len(text))
	return text, err
}
