package drivertest

import (
	"crypto/sha256"
	"fmt"
)

func digest(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }
