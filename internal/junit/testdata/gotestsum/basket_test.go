package basket

import "testing"

func TestTotal(t *testing.T) {
	t.Run("empty", func(t *testing.T) {})
	t.Run("two items", func(t *testing.T) {
		if got := 2 + 2; got != 5 {
			t.Errorf("total is %d, not <5> & more", got)
		}
	})
}

func TestRefund(t *testing.T) { t.Skip("no refunds yet") }

func TestRemove(t *testing.T) {}
