package main

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaultLimit is how long the tests of one package may run unless the patch says otherwise.
const defaultLimit = 2 * time.Minute

// fault is one patch.
type fault struct {
	name  string
	tests []string // packages, in the order in which they are asked
	run   string   // a regular expression of the tests to run; "" means all
	limit time.Duration
	files []filePatch
}

// pkg is the package that the fault is in. Some packages have no tests of their own: others notice their faults.
func (f fault) pkg() string { return "./" + path.Dir(f.files[0].path) }

// filePatch is the change of one file.
type filePatch struct {
	path  string // from the module's root, with slashes
	hunks []hunk
}

// hunk replaces some lines by others.
type hunk struct {
	line          int // where the lines were when the patch was made, starting at 1
	before, after []string
}

// parse reads a patch file.
func parse(name, text string) (fault, error) {
	f := fault{name: name, limit: defaultLimit}
	lines := strings.Split(text, "\n")
	for len(lines) > 0 && !strings.HasPrefix(lines[0], "--- ") {
		var err error
		if tests, ok := strings.CutPrefix(lines[0], "tests:"); ok {
			f.tests = strings.Fields(tests)
		} else if run, ok := strings.CutPrefix(lines[0], "run:"); ok {
			f.run = strings.TrimSpace(run)
			_, err = regexp.Compile(f.run)
		} else if limit, ok := strings.CutPrefix(lines[0], "limit:"); ok {
			f.limit, err = time.ParseDuration(strings.TrimSpace(limit))
		}
		if err != nil {
			return f, err
		}
		lines = lines[1:]
	}
	for len(lines) > 0 {
		var (
			file filePatch
			err  error
		)
		if file, lines, err = parseFile(lines); err != nil {
			return f, err
		}
		f.files = append(f.files, file)
	}
	switch {
	case len(f.files) == 0:
		return f, errors.New("there is no unified diff in it")
	case len(f.tests) == 0:
		return f, errors.New(`it does not say which packages to test; add a line such as "tests: ./internal/delivery"`)
	case f.limit <= 0:
		return f, errors.New("its limit must be positive")
	}
	return f, nil
}

// parseFile reads the diff of one file and returns the lines after it.
func parseFile(lines []string) (file filePatch, rest []string, err error) {
	before, hasBefore := strings.CutPrefix(lines[0], "--- a/")
	if !hasBefore || len(lines) < 2 || lines[1] != "+++ b/"+before {
		return file, nil, fmt.Errorf("%q is not the beginning of a file's diff; write --- a/PATH and +++ b/PATH with the same path", lines[0])
	}
	file.path = before
	if !filepath.IsLocal(file.path) {
		return file, nil, fmt.Errorf("%s is outside of the repository", file.path)
	}
	if strings.HasSuffix(file.path, "_test.go") {
		return file, nil, fmt.Errorf("%s is a test; a fault is planted in what is tested", file.path)
	}
	for lines = lines[2:]; len(lines) > 0 && strings.HasPrefix(lines[0], "@@ "); {
		var h hunk
		if h, lines, err = parseHunk(lines); err != nil {
			return file, nil, fmt.Errorf("%s: %w", file.path, err)
		}
		file.hunks = append(file.hunks, h)
	}
	if len(file.hunks) == 0 {
		return file, nil, fmt.Errorf("%s: there is no hunk", file.path)
	}
	for len(lines) > 0 && !strings.HasPrefix(lines[0], "--- ") { // what git writes between files
		if text := lines[0]; text != "" && !strings.HasPrefix(text, "diff ") && !strings.HasPrefix(text, "index ") {
			return file, nil, fmt.Errorf("%s: %q is not part of a diff", file.path, text)
		}
		lines = lines[1:]
	}
	return file, lines, nil
}

// parseHunk reads a hunk, whose header counts its lines, and returns the lines after it.
func parseHunk(lines []string) (h hunk, rest []string, err error) {
	header := strings.Fields(lines[0])
	if len(header) < 4 || header[3] != "@@" {
		return h, nil, fmt.Errorf("%q is not the header of a hunk", lines[0])
	}
	line, removed, err := parseRange(header[1], "-")
	if err != nil {
		return h, nil, err
	}
	_, added, err := parseRange(header[2], "+")
	if err != nil {
		return h, nil, err
	}
	h.line = line
	for lines = lines[1:]; len(h.before) < removed || len(h.after) < added; lines = lines[1:] {
		if len(lines) == 0 {
			return h, nil, errors.New("a hunk has fewer lines than its header says")
		}
		kind, text := byte(' '), "" // editors strip the space of an empty line
		if lines[0] != "" {
			kind, text = lines[0][0], lines[0][1:]
		}
		switch kind {
		case ' ':
			h.before, h.after = append(h.before, text), append(h.after, text)
		case '-':
			h.before = append(h.before, text)
		case '+':
			h.after = append(h.after, text)
		default:
			return h, nil, fmt.Errorf("%q is not a line of a hunk", lines[0])
		}
	}
	if len(h.before) != removed || len(h.after) != added {
		return h, nil, errors.New("a hunk has more lines than its header says")
	}
	if len(h.before) == 0 {
		return h, nil, errors.New("a hunk has no line by which its position is found; make the diff with context")
	}
	return h, lines, nil
}

// parseRange reads "-12,7": where a hunk begins and how many lines it has.
func parseRange(text, sign string) (line, count int, err error) {
	text, ok := strings.CutPrefix(text, sign)
	first, second, counted := strings.Cut(text, ",")
	line, err = strconv.Atoi(first)
	count = 1
	if err == nil && counted {
		count, err = strconv.Atoi(second)
	}
	if err != nil || !ok || line < 0 || count < 0 {
		return 0, 0, fmt.Errorf("%q is not the range of a hunk", text)
	}
	return line, count, nil
}

// apply returns the patched text. Each hunk goes to the nearest position at which its lines stand.
func (p filePatch) apply(text string) (string, error) {
	lines := strings.Split(text, "\n")
	patched := []string{}
	next, moved := 0, 0 // the first line after the hunk before, and how far that hunk had moved
	for _, h := range p.hunks {
		at := h.find(lines, next, h.line-1+moved)
		if at < 0 {
			return "", fmt.Errorf("%s: the hunk at line %d no longer applies: its lines are not there", p.path, h.line)
		}
		patched = append(append(patched, lines[next:at]...), h.after...)
		next, moved = at+len(h.before), at-(h.line-1)
	}
	result := strings.Join(append(patched, lines[next:]...), "\n")
	if result == text {
		return "", fmt.Errorf("%s: the patch changes nothing", p.path)
	}
	return result, nil
}

// find returns the position, at or after the first, that is nearest to the wanted one; -1 if there is none.
func (h hunk) find(lines []string, first, wanted int) int {
	found := -1
	for at := first; at+len(h.before) <= len(lines); at++ {
		if slices.Equal(lines[at:at+len(h.before)], h.before) && (found < 0 || distance(at, wanted) < distance(found, wanted)) {
			found = at
		}
	}
	return found
}

func distance(a, b int) int { return max(a-b, b-a) }
