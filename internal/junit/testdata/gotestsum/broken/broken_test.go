package broken

import "testing"

func TestNeverCompiles(t *testing.T) { undefined(t) }
