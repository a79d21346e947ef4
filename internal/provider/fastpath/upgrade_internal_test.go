package fastpath

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"
)

func TestConforms(t *testing.T) {
	inner := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"on": tftypes.Bool, "count": tftypes.Number}}
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String, "config": tftypes.Map{ElementType: tftypes.String},
		"stages": tftypes.List{ElementType: inner}, "names": tftypes.Set{ElementType: tftypes.String}}}
	for text, want := range map[string]bool{
		`null`: true,
		`{}`:   true, // what is missing is null
		`{"name": "eu", "config": {"A": "b"}, "stages": [{"on": true, "count": 1.5}], "names": ["x"]}`: true,
		`{"name": null, "config": null, "stages": [null], "names": []}`:                                true,
		`{"gone": 1}`:                      false,
		`{"gone": null}`:                   false,
		`{"stages": [{"gone": 1}]}`:        false,
		`{"name": 1}`:                      false,
		`{"name": {}}`:                     false,
		`{"name": []}`:                     false,
		`{"config": {"A": 1}}`:             false,
		`{"config": []}`:                   false,
		`{"stages": {}}`:                   false,
		`{"stages": [{"on": "true"}]}`:     false,
		`{"stages": [{"count": "1"}]}`:     false,
		`{"names": "x"}`:                   false,
		`[]`:                               false,
		`"eu"`:                             false,
		`{"name": "eu"`:                    false,
		`{"name": "eu"} {"name": "again"}`: false,
		``:                                 false,
	} {
		require.Equal(t, want, conforms([]byte(text), object), text)
	}
}
