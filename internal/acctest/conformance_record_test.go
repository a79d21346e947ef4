package acctest_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// record tests a resource that never changes after it was created: a decision, a report, an override. Different values make another
// object. The only change outside Terraform is that somebody removes it.
type record[S any] struct {
	typ    string
	spec   S
	others map[string]func(*S)       // each changes one attribute
	add    func(S) (string, error)   // adds an object through the API, and returns its id
	remove func(id string) error     // removes an object through the API
	fixed  map[string]func(*S) error // attributes that cannot be changed: the attempt is refused
	own    []string                  // attributes that only Terraform knows: nobody else can change them
}

func (r record[S]) run(t *testing.T, h *acctest.Harness) {
	t.Helper()
	p := newProtocol(t, h)
	config := map[string]any{}
	text, err := json.Marshal(r.spec)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &config))
	if names, ok := config["spec"].(map[string]any); ok { // a request has the spec and more
		delete(config, "spec")
		maps.Copy(config, names)
	}
	state := p.create(r.typ, config)
	id := attributeOf(t, state, "id")
	require.Empty(t, p.differences(r.typ, state, config))

	covered := []string{}
	for name, to := range r.others {
		other, err := r.add(copied(t, r.spec, to))
		require.NoError(t, err, name)
		require.NotEqual(t, id, other, "%s: another value makes another object", name)
		require.Empty(t, p.differences(r.typ, state, config), "%s: another object does not change this one", name)
		require.NoError(t, r.remove(other))
		covered = append(covered, name)
	}
	for name, attempt := range r.fixed {
		spec := copied(t, r.spec, func(*S) {})
		require.Error(t, attempt(&spec), name)
		covered = append(covered, name)
	}
	covered = append(covered, r.own...)
	slices.Sort(covered)
	require.Equal(t, configurable(p.schema(r.typ).Block.Attributes, ""), covered, "say what happens when the new attribute changes")

	require.NoError(t, r.remove(id))
	require.Equal(t, []string{recreated}, p.differences(r.typ, state, config), "what was removed outside Terraform is created again")
}

// lenientShop declares the shop and another pipeline, with overridable gates, and delivers two releases.
func lenientShop(t *testing.T, h *acctest.Harness) *client.Client {
	t.Helper()
	api := h.Client(acctest.Actor)
	shop(t, h, api)
	declared, err := api.Pipeline(t.Context(), "shop")
	require.NoError(t, err)
	declared.Spec.Stages[1].Overridable = []string{"soak", "windows"}
	declared.Spec.Stages[0].Overridable = []string{"soak"}
	for _, name := range []string{"shop", "forum"} {
		declared.Spec.Name = name
		_, err = api.PutPipeline(t.Context(), declared.Spec)
		require.NoError(t, err)
		for _, version := range []string{"1.0.0", "1.1.0"} {
			_, err := h.Client(rita).PutRelease(t.Context(), delivery.ReleaseRequest{Attempt: 1, Spec: delivery.ReleaseSpec{Pipeline: name, Version: version,
				Artifacts: map[string]delivery.Artifact{"app": page(t, h, "hello")}, Source: &delivery.Source{Revision: "3f2c", Author: "dave"}}})
			require.NoError(t, err)
		}
	}
	return api
}

// TestApprovalConformance: nobody can decide in another person's name, and a signature belongs to one decision.
func TestApprovalConformance(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := lenientShop(t, h)
	record[delivery.ApprovalSpec]{
		typ: "cd_approval",
		spec: delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production", Decision: delivery.Approve, Comment: "Seen.", Approver: acctest.Actor,
			Content: contentOf(t, api, "shop", "1.0.0", "production")},
		add: func(s delivery.ApprovalSpec) (string, error) {
			s.Content = contentOf(t, api, s.Pipeline, s.Version, s.Stage)
			a, err := api.AddApproval(t.Context(), s)
			return a.ID, err
		},
		remove: func(id string) error { return api.RevokeApproval(t.Context(), id) },
		others: map[string]func(*delivery.ApprovalSpec){
			"pipeline": func(s *delivery.ApprovalSpec) { s.Pipeline = "forum" },
			"version":  func(s *delivery.ApprovalSpec) { s.Version = "1.1.0" },
			"decision": func(s *delivery.ApprovalSpec) { s.Decision = delivery.Reject },
			"comment":  func(s *delivery.ApprovalSpec) { s.Comment = "Not seen." },
			"signature": func(s *delivery.ApprovalSpec) {
				request, err := api.ApprovalRequest(t.Context(), s.Pipeline, s.Version, s.Stage, string(s.Decision))
				require.NoError(t, err)
				s.Signature = signature("alice", delivery.SignatureNamespace, request.Payload(), nil)
			},
		},
		fixed: map[string]func(*delivery.ApprovalSpec) error{
			"stage": func(s *delivery.ApprovalSpec) error { // staging requires no approvals
				s.Stage = "staging"
				_, err := api.AddApproval(t.Context(), *s)
				return err
			},
			"approver": func(s *delivery.ApprovalSpec) error {
				left, err := h.Client(mallory).AddApproval(t.Context(), *s)
				if err == nil && left.Status == delivery.ApprovalUndecided {
					return errors.New("nobody has decided")
				}
				return err
			},
			"content": func(s *delivery.ApprovalSpec) error {
				s.Content = "0123456789ab"
				_, err := api.AddApproval(t.Context(), *s)
				return err
			},
		},
	}.run(t, h)
}

func TestTestReportConformance(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := lenientShop(t, h)
	const passed = `<testsuite name="unit"><testcase name="a"/></testsuite>`
	type report = delivery.TestReportRequest
	record[report]{
		typ:  "cd_test_report",
		spec: report{Spec: delivery.TestReportSpec{Pipeline: "shop", Version: "1.0.0", Suite: "unit", Stage: "staging"}, JUnit: passed},
		add: func(r report) (string, error) {
			recorded, err := api.AddTestReport(t.Context(), r)
			return recorded.ID, err
		},
		remove: func(id string) error { return api.WithdrawTestReport(t.Context(), id) },
		others: map[string]func(*report){
			"pipeline":    func(r *report) { r.Spec.Pipeline = "forum" },
			"version":     func(r *report) { r.Spec.Version = "1.1.0" },
			"suite":       func(r *report) { r.Spec.Suite = "integration" },
			"stage":       func(r *report) { r.Spec.Stage = "production" },
			"environment": func(r *report) { r.Spec.Environment = "staging" },
			"junit":       func(r *report) { r.JUnit = `<testsuite name="unit"><testcase name="b"/></testsuite>` },
		},
		own: []string{"withdraw_on_destroy"},
	}.run(t, h)
}

func TestOverrideConformance(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := lenientShop(t, h)
	type override = delivery.OverrideSpec
	record[override]{
		typ: "cd_override",
		spec: override{Pipeline: "shop", Version: "1.0.0", Stage: "production", Gates: []string{"soak"}, Reason: "checkout is down", Ticket: "INC-7",
			ExpiresAt: "2027-03-01T18:00:00Z", Content: contentOf(t, api, "shop", "1.0.0", "production")},
		add: func(s override) (string, error) {
			s.Content = contentOf(t, api, s.Pipeline, s.Version, s.Stage)
			made, err := api.AddOverride(t.Context(), s)
			return made.ID, err
		},
		remove: func(id string) error { return api.RevokeOverride(t.Context(), id) },
		others: map[string]func(*override){
			"pipeline":   func(s *override) { s.Pipeline = "forum" },
			"version":    func(s *override) { s.Version = "1.1.0" },
			"stage":      func(s *override) { s.Stage = "staging" },
			"gates":      func(s *override) { s.Gates = []string{"windows"} },
			"reason":     func(s *override) { s.Reason = "login is down" },
			"ticket":     func(s *override) { s.Ticket = "INC-8" },
			"expires_at": func(s *override) { s.ExpiresAt = "2027-03-01T19:00:00Z" },
			"duration":   func(s *override) { s.ExpiresAt, s.Duration = "", "2h" },
		},
		fixed: map[string]func(*override) error{
			"content": func(s *override) error {
				s.Content = "0123456789ab"
				_, err := api.AddOverride(t.Context(), *s)
				return err
			},
		},
	}.run(t, h)
}
