package provider

import (
	"encoding/json"
	"fmt"
)

// Private data is a JSON object of base64 texts, as the framework encodes it. The guards add entries to it.

// withEntry returns private data with an entry in it.
func withEntry(private []byte, key string, value any) ([]byte, error) {
	entries, err := privateEntries(private)
	if err != nil {
		return nil, err
	}
	if entries[key], err = json.Marshal(value); err != nil {
		return nil, err
	}
	return json.Marshal(entries)
}

// withoutEntry returns private data without an entry.
func withoutEntry(private []byte, key string) ([]byte, error) {
	entries, err := privateEntries(private)
	if err != nil {
		return nil, err
	}
	if delete(entries, key); len(entries) == 0 {
		return nil, nil
	}
	return json.Marshal(entries)
}

func privateEntries(private []byte) (map[string][]byte, error) {
	entries := map[string][]byte{}
	if len(private) > 0 {
		if err := json.Unmarshal(private, &entries); err != nil {
			return nil, fmt.Errorf("private data cannot be read: %w", err)
		}
	}
	return entries, nil
}
