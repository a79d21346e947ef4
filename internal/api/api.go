// Package api is what client and server share: the paths, the shapes that are not domain types, the error envelope, and the
// table between error codes and HTTP statuses.
package api

import (
	"net/http"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// ActorHeader names who is acting. The embedded control plane believes it: whoever can open the ledger file can write it.
const ActorHeader = "Cd-Actor"

// ContentTypeProblem is the media type of an error (RFC 9457).
const ContentTypeProblem = "application/problem+json"

// MaxBodyBytes bounds a request's body.
const MaxBodyBytes = 32 << 20

// MaxWait bounds how long one request may wait for work to settle (the query parameter "wait", a Go duration).
const MaxWait = 30 * time.Second

// The paths, in the notation of http.ServeMux. Path parameters are escaped by the client.
const (
	PathEnvironments = "/v1/environments"                                   // GET: list
	PathEnvironment  = "/v1/environments/{environment}"                     // GET, PUT, DELETE
	PathPipelines    = "/v1/pipelines"                                      // GET: list
	PathPipeline     = "/v1/pipelines/{pipeline}"                           // GET, PUT, DELETE
	PathRelease      = "/v1/pipelines/{pipeline}/releases/{version}"        // GET (?wait=), PUT, DELETE
	PathPromotion    = "/v1/pipelines/{pipeline}/promotions/{stage}"        // GET (?wait=), PUT, DELETE
	PathCancel       = "/v1/pipelines/{pipeline}/promotions/{stage}/cancel" // POST: stop the work at its next safe point
	PathApprovals    = "/v1/approvals"                                      // POST
	PathApproval     = "/v1/approvals/{id}"                                 // GET, DELETE; the id holds slashes, escaped
	PathDeployed     = "/v1/pipelines/{pipeline}/environments/{environment}/deployed"
	PathReadiness    = "/v1/pipelines/{pipeline}/releases/{version}/stages/{stage}/readiness" // GET (?at= RFC 3339)
	PathDeployments  = "/v1/pipelines/{pipeline}/deployments"                                 // GET ?environment=&version=&limit=
	PathPreview      = "/v1/preview"                                                          // POST
	PathEvents       = "/v1/events"                                                           // GET ?after=&limit=
)

// Problem is the error envelope: RFC 9457 with the refusals one by one.
type Problem struct {
	Type   string          `json:"type,omitempty"`
	Title  string          `json:"title"`
	Status int             `json:"status"`
	Detail string          `json:"detail"`
	Code   delivery.Code   `json:"code"`
	Errors delivery.Errors `json:"errors,omitempty"`
}

// codes pairs each error code with its status. not_found and the statuses of routing itself must not be confused: a client
// reads the code from the envelope and trusts the status only where there is none.
var codes = []struct {
	code   delivery.Code
	status int
}{
	{delivery.CodeInvalid, http.StatusUnprocessableEntity},
	{delivery.CodeNotFound, http.StatusNotFound},
	{delivery.CodeConflict, http.StatusConflict},
	{delivery.CodeUnauthorized, http.StatusForbidden},
	{delivery.CodeUnavailable, http.StatusServiceUnavailable},
	{delivery.CodeInternal, http.StatusInternalServerError},
}

// StatusOf returns the HTTP status of an error code.
func StatusOf(code delivery.Code) int {
	for _, c := range codes {
		if c.code == code {
			return c.status
		}
	}
	return http.StatusInternalServerError
}

// CodeOf returns the error code of an HTTP status, for answers without an envelope of ours.
func CodeOf(status int) delivery.Code {
	for _, c := range codes {
		if c.status == status {
			return c.code
		}
	}
	switch status {
	case http.StatusBadRequest:
		return delivery.CodeInvalid
	case http.StatusUnauthorized:
		return delivery.CodeUnauthorized
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout:
		return delivery.CodeUnavailable
	}
	return delivery.CodeInternal
}

// ReleaseRequest registers a release and carries it through the leading automatic stages of its pipeline.
type ReleaseRequest struct {
	Spec    delivery.ReleaseSpec `json:"spec"`
	Attempt int                  `json:"attempt"`
}

// Work tells where the work that a write started stands.
type Work struct {
	// Settled is false while the engine is still at it.
	Settled bool `json:"settled"`
	// Failure is why it failed, once settled; nil when it did not.
	Failure *delivery.Error `json:"failure,omitempty"`
	// Stopped is the stage at which the release stands still, once settled; nil when it got through.
	Stopped *delivery.StageDecision `json:"stopped,omitempty"`
}

// Release is a release as it is read back.
type Release struct {
	delivery.Release
	Stages map[string]delivery.StageState `json:"stages"`
	Work   Work                           `json:"work"`
}

// Promotion is a promotion as it is read back.
type Promotion struct {
	delivery.Promotion
	Status         delivery.StageStatus                 `json:"status"`
	RunningVersion string                               `json:"running_version"`
	Artifacts      map[string]delivery.Artifact         `json:"artifacts"` // of the release that runs there
	Environments   map[string]delivery.EnvironmentState `json:"environments"`
	WaitingOn      []string                             `json:"waiting_on"`
	DeployedAt     *time.Time                           `json:"deployed_at,omitempty"`
	Work           Work                                 `json:"work"`
}

// Deployed is what a pipeline runs in one environment.
type Deployed struct {
	Pipeline       string                       `json:"pipeline"`
	Environment    string                       `json:"environment"`
	Version        string                       `json:"version"`
	Artifacts      map[string]delivery.Artifact `json:"artifacts"`
	Status         string                       `json:"status"`
	DeployedAt     *time.Time                   `json:"deployed_at,omitempty"`
	ConfigRevision string                       `json:"config_revision"`
	Drifted        bool                         `json:"drifted"`
	Differences    []string                     `json:"differences"` // how what runs differs from what was deployed
}

// Overlay is what a plan is about to change, laid over the ledger for one preview. Each list holds only what the preview needs.
type Overlay struct {
	Environments []delivery.EnvironmentSpec `json:"environments,omitempty"`
	Pipelines    []delivery.PipelineSpec    `json:"pipelines,omitempty"`
	Releases     []ReleaseRequest           `json:"releases,omitempty"`
	Promotions   []delivery.PromotionSpec   `json:"promotions,omitempty"`
	Approvals    []delivery.ApprovalSpec    `json:"approvals,omitempty"`
	// Revoked lists approvals, by id, that the plan is about to take back.
	Revoked []string `json:"revoked,omitempty"`
}

// PreviewRequest asks what applying one declaration would do. Exactly one subject is set.
type PreviewRequest struct {
	Overlay     Overlay                   `json:"overlay"`
	Environment *delivery.EnvironmentSpec `json:"environment,omitempty"`
	Pipeline    *delivery.PipelineSpec    `json:"pipeline,omitempty"`
	Release     *ReleaseRequest           `json:"release,omitempty"`
	Promotion   *delivery.PromotionSpec   `json:"promotion,omitempty"`
	Approval    *delivery.ApprovalSpec    `json:"approval,omitempty"`
}

// Preview says what applying one declaration would do.
type Preview struct {
	// Refused is why applying would be refused; nil when it would not.
	Refused delivery.Errors `json:"refused,omitempty"`
	// Changes is true when applying would deploy something, or report a failure that holds.
	Changes bool `json:"changes"`
	// Steps is what would be done, in order.
	Steps []delivery.Step `json:"steps,omitempty"`
	// Stages is where the release would stand afterwards in the stages it is carried through.
	Stages []delivery.StageDecision `json:"stages,omitempty"`
	// ContentDigest is what an approval would cover.
	ContentDigest string `json:"content_digest,omitempty"`
}
