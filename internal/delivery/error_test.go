package delivery

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatAnErrorCarries(t *testing.T) {
	one, other := Errorf(CodeNotFound, "there is no release %q", "1.0"), &Error{Code: CodeInvalid, Field: "stage", Message: "a name is needed"}
	for name, c := range map[string]struct {
		err  error
		all  Errors
		code Code
		gone bool
	}{
		"none":          {nil, nil, CodeInternal, false},
		"another error": {errors.New("out of memory"), nil, CodeInternal, false},
		"one":           {one, Errors{one}, CodeNotFound, true},
		"wrapped":       {fmt.Errorf("reading: %w", one), Errors{one}, CodeNotFound, true},
		"several":       {Errors{one, other}, Errors{one, other}, CodeNotFound, true},
		"the other way": {fmt.Errorf("reading: %w", Errors{other, one}), Errors{other, one}, CodeInvalid, false},
	} {
		require.Equal(t, c.all, ErrorsOf(c.err), name)
		require.Equal(t, c.code, CodeOf(c.err), name)
		require.Equal(t, c.gone, IsNotFound(c.err), name)
	}
	require.NoError(t, Errors{}.Err())
	require.EqualError(t, Errors{one, other}.Err(), "there is no release \"1.0\"\nstage: a name is needed")
}

func TestWhatDecidesAProblem(t *testing.T) {
	p := newProblems()
	p.at("gates").at("windows").key("days").report("end", "it ends when it starts", "start")
	p.at("required").dependsOn("approvers").add("too many")
	p.at("name").add("needed")
	require.Equal(t, Errors{
		{Code: CodeInvalid, Field: `gates.windows["days"].end`, Message: "it ends when it starts", DependsOn: []string{`gates.windows["days"].start`}},
		{Code: CodeInvalid, Field: "required", Message: "too many", DependsOn: []string{"approvers"}},
		{Code: CodeInvalid, Field: "name", Message: "needed"},
	}, p.errors())
}
