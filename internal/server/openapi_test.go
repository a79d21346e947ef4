package server_test

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/server"
)

var update = flag.Bool("update", false, "write the description of the API to testdata/openapi.json")

// The description is kept, so that a change of the contract is seen in review.
func TestDescriptionIsAsKept(t *testing.T) {
	w, _ := send(server.New(&recording{}, slog.New(slog.DiscardHandler)), "GET", api.PathOpenAPI, "")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "application/openapi+json", w.Header().Get("Content-Type"))
	path := filepath.Join("testdata", "openapi.json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, w.Body.Bytes(), 0o644))
	}
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(kept), w.Body.String(), "the API has changed; if that is meant, run: go test ./internal/server -run TestDescription -update")
}

func TestDescriptionListsEveryPath(t *testing.T) {
	w, _ := send(server.New(&recording{}, slog.New(slog.DiscardHandler)), "GET", api.PathOpenAPI, "")
	var description struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &description))
	require.True(t, strings.HasPrefix(description.OpenAPI, "3.1"))
	declared := declaredPaths(t)
	require.NotEmpty(t, declared)
	for _, path := range declared {
		if path != api.PathOpenAPI {
			require.Contains(t, description.Paths, path)
		}
	}
	require.Len(t, description.Paths, len(declared)-1, "a path is served that package api does not declare")
}

// declaredPaths reads the values of the Path constants out of package api's source.
func declaredPaths(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "api", "api.go"), nil, 0)
	require.NoError(t, err)
	paths := []string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Path") {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		require.True(t, ok, "a path is written as one string")
		value, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		paths = append(paths, value)
		return true
	})
	return paths
}
