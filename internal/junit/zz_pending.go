// Package junit: stand-in, to be deleted by whoever writes junit.go.
package junit

import (
	"errors"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Parse is being written.
func Parse([]byte) (delivery.TestCounts, error) {
	return delivery.TestCounts{}, errors.New("being written")
}
