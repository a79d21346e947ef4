package provider

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// One failed read of a list does not fail the resources after it.
func TestAFailedReadOfAListIsRepeated(t *testing.T) {
	t.Parallel()
	var list snapshot[int]
	reads := 0
	get := func(name string) (int, error) {
		return list.get(t.Context(), "environment", name, func(context.Context) (map[string]int, error) {
			if reads++; reads == 1 {
				return nil, errors.New("the connection was lost")
			}
			return map[string]int{"qa": 7}, nil
		})
	}
	_, err := get("qa")
	require.EqualError(t, err, "the connection was lost")
	found, err := get("qa")
	require.NoError(t, err)
	require.Equal(t, 7, found)
	_, err = get("staging")
	require.True(t, delivery.IsNotFound(err))
	require.Equal(t, 2, reads, "a list that was read is kept")

	list.invalidate()
	_, err = get("qa")
	require.NoError(t, err)
	require.Equal(t, 3, reads)
}
