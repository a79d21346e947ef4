package delivery_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func chain(n int) []delivery.Event {
	events := make([]delivery.Event, n)
	hash := ""
	for i := range events {
		events[i] = delivery.Event{At: noon, Actor: "alice", Kind: "release.registered", Subject: "shop/1", Data: json.RawMessage(`{"a":1}`)}.Sealed(int64(i+1), hash)
		hash = events[i].Hash
	}
	return events
}

// firstBroken walks the chain and returns the index of the first broken link, or -1.
func firstBroken(events []delivery.Event) int {
	var previous *delivery.Event
	for i := range events {
		if delivery.VerifyLink(previous, events[i]) != nil {
			return i
		}
		previous = &events[i]
	}
	return -1
}

func TestChainIsWhole(t *testing.T) {
	require.Equal(t, -1, firstBroken(chain(20)))
}

func TestTamperingBreaksTheChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := chain(10)
		at := rapid.IntRange(0, 8).Draw(t, "at")
		switch rapid.SampledFrom([]string{"actor", "kind", "subject", "data", "time", "delete", "swap", "forge"}).Draw(t, "tampering") {
		case "actor":
			events[at].Actor = "mallory"
		case "kind":
			events[at].Kind = "release.retired"
		case "subject":
			events[at].Subject += "0"
		case "data":
			events[at].Data = json.RawMessage(`{"a":2}`)
		case "time":
			events[at].At = events[at].At.Add(1000)
		case "delete":
			events = append(events[:at:at], events[at+1:]...)
		case "swap":
			events[at], events[at+1] = events[at+1], events[at]
		case "forge": // sealed again, but what follows does not link to it
			forged := events[at]
			forged.Actor = "mallory"
			events[at] = forged.Sealed(forged.Seq, forged.Previous)
			at++
		}
		require.Equal(t, at, firstBroken(events))
	})
}
