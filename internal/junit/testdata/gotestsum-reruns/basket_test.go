package basket

import (
	"os"
	"testing"
)

// once fails the first time that it is called in this directory, and not again.
func once(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(name); err == nil {
		return
	}
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Fatal("not yet")
}

func TestTotal(t *testing.T) {}

func TestDiscount(t *testing.T) { once(t, "discount.ran") }

func TestTax(t *testing.T) {
	t.Run("reduced", func(*testing.T) {})
	t.Run("full", func(t *testing.T) { once(t, "tax.ran") })
}

func TestLater(t *testing.T) { t.Skip("later") }

func TestRefund(t *testing.T) { t.Fatal("never") }
