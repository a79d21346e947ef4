// Package api is what client and server share: the paths, the shapes that are not domain types, the error envelope, and the
// table between error codes and HTTP statuses.
package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// ActorHeader names who is acting. The embedded control plane believes it: anyone who can open the ledger file can write it.
const ActorHeader = "Cd-Actor"

// ContentTypeProblem is the media type of an error (RFC 9457).
const ContentTypeProblem = "application/problem+json"

// MaxBodyBytes bounds a request's body. The longest one holds a test report: 16 MiB of text, twice as long when each character
// is escaped, and its names.
const MaxBodyBytes = 33 << 20

// MaxWait bounds how long one request may wait for work to finish (the query parameter "wait", a Go duration).
const MaxWait = 30 * time.Second

// How many objects one page of a list holds when the request does not say, and at most.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// The paths, in the notation of http.ServeMux. Path parameters are escaped by the client.
const (
	PathEnvironments    = "/v1/environments"                                                            // GET: list
	PathEnvironment     = "/v1/environments/{environment}"                                              // GET, PUT, DELETE
	PathParity          = "/v1/environments/{environment}/parity"                                       // GET ?with=&pipeline=&source=
	PathPipelines       = "/v1/pipelines"                                                               // GET: list
	PathPipeline        = "/v1/pipelines/{pipeline}"                                                    // GET, PUT, DELETE
	PathRelease         = "/v1/pipelines/{pipeline}/releases/{version}"                                 // GET (?wait=), PUT, DELETE
	PathPromotion       = "/v1/pipelines/{pipeline}/promotions/{stage}"                                 // GET (?wait=), PUT, DELETE
	PathCancel          = "/v1/pipelines/{pipeline}/promotions/{stage}/cancel"                          // POST: stop the work at its next safe point
	PathVerification    = "/v1/pipelines/{pipeline}/verifications/{stage}"                              // GET (?version=, ?wait=), PUT; canceled as the promotion is
	PathApprovals       = "/v1/approvals"                                                               // POST
	PathApproval        = "/v1/approvals/{id}"                                                          // GET, DELETE; the id holds slashes, escaped
	PathApprovalRequest = "/v1/pipelines/{pipeline}/releases/{version}/stages/{stage}/approval-request" // GET ?decision=
	PathTestReports     = "/v1/test-reports"                                                            // POST
	PathTestReport      = "/v1/test-reports/{id}"                                                       // GET, DELETE; the id holds slashes, escaped
	PathFreeze          = "/v1/freezes/{freeze}"                                                        // GET, PUT, DELETE
	PathPolicy          = "/v1/policies/{policy}"                                                       // GET, PUT, DELETE
	PathOverrides       = "/v1/overrides"                                                               // POST
	PathOverride        = "/v1/overrides/{id}"                                                          // GET, DELETE; the id holds slashes, escaped
	PathDeployed        = "/v1/pipelines/{pipeline}/environments/{environment}/deployed"
	PathRefresh         = "/v1/refresh"                                                          // POST: look at what pipelines run, record it, and say where they stand
	PathReadiness       = "/v1/pipelines/{pipeline}/releases/{version}/stages/{stage}/readiness" // POST: run the checks of a stage's gates
	PathDeployments     = "/v1/pipelines/{pipeline}/deployments"                                 // GET ?environment=&version=&limit=
	PathLedger          = "/v1/ledger"                                                           // GET ?event=
	PathEvents          = "/v1/events"                                                           // GET ?after=&limit=
	PathOpenAPI         = "/openapi.json"                                                        // GET: this API, described
)

// The paths of previews, one for each subject: POST. A preview says what applying one declaration would do, and records nothing. It asks
// the outside world what it needs to know for that.
const (
	PathPreviewEnvironment  = "/v1/previews/environment"
	PathPreviewPipeline     = "/v1/previews/pipeline"
	PathPreviewRelease      = "/v1/previews/release"
	PathPreviewPromotion    = "/v1/previews/promotion"
	PathPreviewVerification = "/v1/previews/verification"
	PathPreviewApproval     = "/v1/previews/approval"
	PathPreviewTestReport   = "/v1/previews/test-report"
	PathPreviewOverride     = "/v1/previews/override"
	PathRelaxations         = "/v1/previews/relaxations" // what a declaration, or its removal, makes easier to enter
	PathOutstanding         = "/v1/previews/outstanding" // which changes of a plan the ledger does not have yet
)

type codeStatus struct {
	code   delivery.Code
	status int
}

// codes pairs each error code with its status. not_found and the statuses of routing itself must not be confused: a client
// reads the code from the envelope and trusts the status only where there is none.
var codes = []codeStatus{
	{delivery.CodeInvalid, http.StatusUnprocessableEntity},
	{delivery.CodeNotFound, http.StatusNotFound},
	{delivery.CodeConflict, http.StatusConflict},
	{delivery.CodeForbidden, http.StatusForbidden},
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

// Known reports whether the code is one of ours.
func Known(code delivery.Code) bool {
	return slices.ContainsFunc(codes, func(c codeStatus) bool { return c.code == code })
}

// CodeOf returns the error code of an HTTP status, for answers without an envelope of ours. It never says not_found: anyone who
// answers 404 without an envelope is not a control plane, and cannot know that an object is gone.
func CodeOf(status int) delivery.Code {
	for _, c := range codes {
		if c.status == status && c.code != delivery.CodeNotFound {
			return c.code
		}
	}
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge:
		return delivery.CodeInvalid
	case http.StatusUnauthorized:
		return delivery.CodeForbidden
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout:
		return delivery.CodeUnavailable
	}
	return delivery.CodeInternal
}
