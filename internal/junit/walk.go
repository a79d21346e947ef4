package junit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// walk goes through the XML of a report once, token by token.
type walk struct {
	decoder *xml.Decoder
	open    []string // the names of the open elements
	suites  []*suite // the report as a whole, and the open suites
	current *testCase

	elements   int
	suiteCount int
	any        bool // there is a test suite or a test case
}

func newWalk(text []byte) *walk {
	decoder := xml.NewDecoder(bytes.NewReader(text))
	decoder.CharsetReader = declared
	return &walk{decoder: decoder, suites: []*suite{{}}}
}

// run reads to the end. Several roots may follow each other, as when reports were put together with cat.
func (w *walk) run() (delivery.TestCounts, error) {
	for {
		token, err := w.decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = w.token(token)
		} else {
			err = plain(err)
		}
		if err != nil {
			line, _ := w.decoder.InputPos()
			return delivery.TestCounts{}, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if !w.any {
		return delivery.TestCounts{}, errors.New("this is not a JUnit report: there is no test suite and no test case in it")
	}
	whole := w.suites[0]
	if err := whole.close(); err != nil {
		return delivery.TestCounts{}, err
	}
	return whole.seen, nil
}

// plain takes the line from the decoder's errors, which is said already, and cuts what they repeat of the report.
func plain(err error) error {
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return fmt.Errorf("the XML is broken or cut off: %s", clip(syntax.Msg))
	}
	if encoding, ok := errors.AsType[encodingError](err); ok {
		return encoding
	}
	return errors.New(clip(err.Error()))
}

func (w *walk) token(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return w.start(t)
	case xml.EndElement:
		return w.end(t.Name.Local)
	case xml.CharData:
		if words := bytes.TrimSpace(t); len(w.open) == 0 && len(words) > 0 {
			return fmt.Errorf("there is text outside of any element: %s", quote(string(words)))
		}
	case xml.Directive:
		return errors.New("a document type or entity declaration is not read: write the report without one")
	}
	return nil
}

func (w *walk) start(t xml.StartElement) error {
	name := t.Name.Local
	if w.elements++; w.elements > maxElements {
		return fmt.Errorf("there are more than %d elements", maxElements)
	}
	if len(w.open) >= maxDepth {
		return fmt.Errorf("elements are nested more than %d deep", maxDepth)
	}
	var err error
	switch name {
	case "testsuites", "testsuite":
		err = w.startSuite(t)
	case "testcase":
		err = w.startCase(t)
	case "property":
		w.property(t)
	default:
		w.outcome(name)
	}
	w.open = append(w.open, name)
	return err
}

// place refuses a suite or a case where no dialect has one, as inside the output of a test that was not escaped: whatever stood
// there could say what it likes.
func (w *walk) checkPosition(name string) error {
	inside := false // of a suite; around all suites there may be anything
	for _, above := range w.open {
		isSuite := above == "testsuites" || above == "testsuite"
		if above == "testcase" || (inside && !isSuite) {
			return fmt.Errorf("<%s> stands inside <%s>", name, clip(above))
		}
		inside = inside || isSuite
	}
	return nil
}

func (w *walk) startSuite(t xml.StartElement) error {
	if err := w.checkPosition(t.Name.Local); err != nil {
		return err
	}
	if w.suiteCount++; w.suiteCount > maxSuites {
		return fmt.Errorf("there are more than %d suites", maxSuites)
	}
	a, err := attributesOf(t)
	if err != nil {
		return err
	}
	s, err := newSuite(a)
	if err != nil {
		return err
	}
	w.any = true
	w.suites = append(w.suites, s)
	return nil
}

func (w *walk) startCase(t xml.StartElement) error {
	if err := w.checkPosition(t.Name.Local); err != nil {
		return err
	}
	a, err := attributesOf(t)
	if err != nil {
		return err
	}
	w.any = true
	w.current = newTestCase(a)
	return nil
}

func (w *walk) outcome(element string) {
	if w.current == nil {
		w.suites[len(w.suites)-1].outside(outcomeOf(element))
		return
	}
	w.current.record(outcomeOf(element))
	if w.isIn("testcase") {
		w.current.addRun(element)
	}
}

// property notes what a suite says about the program that ran it.
func (w *walk) property(t xml.StartElement) {
	if w.current != nil || !w.isIn("testsuite", "properties") {
		return
	}
	for _, a := range t.Attr {
		if a.Name.Local == "name" && a.Value == goVersion {
			w.suites[len(w.suites)-1].startReruns()
		}
	}
}

// isIn tells whether the innermost open elements have these names.
func (w *walk) isIn(names ...string) bool {
	return len(w.open) >= len(names) && slices.Equal(w.open[len(w.open)-len(names):], names)
}

func (w *walk) end(name string) error {
	w.open = w.open[:len(w.open)-1]
	last := len(w.suites) - 1
	switch name {
	case "testcase":
		c := w.current
		w.current = nil
		return w.suites[last].add(c)
	case "testsuites", "testsuite":
		closed := w.suites[last]
		if err := closed.close(); err != nil {
			return err
		}
		w.suites = w.suites[:last]
		w.suites[last-1].include(closed)
	}
	return nil
}
