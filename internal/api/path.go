package api

import (
	"net/url"
	"strings"
)

// Fill puts values into a path's parameters, in order, each escaped into one segment. It panics when their number differs:
// both are written in the code.
func Fill(path string, values ...string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if !strings.HasPrefix(segment, "{") {
			continue
		}
		if len(values) == 0 {
			panic("api: no value for " + segment + " in " + path)
		}
		segments[i], values = escape(values[0]), values[1:]
	}
	if len(values) > 0 {
		panic("api: more values than parameters in " + path)
	}
	return strings.Join(segments, "/")
}

// escape makes one segment of a value. Dots alone would be taken for a way up the path, by servers and by proxies.
func escape(value string) string {
	if value == "." || value == ".." {
		return strings.ReplaceAll(value, ".", "%2E")
	}
	return url.PathEscape(value)
}
