package api

import (
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
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

// NewProblem makes the envelope of refusals. The first one's code is the code of the whole.
func NewProblem(refusals delivery.Errors) *Problem {
	code := delivery.CodeOf(refusals)
	status := StatusOf(code)
	return &Problem{Title: http.StatusText(status), Status: status, Detail: refusals.Error(), Code: code, Errors: refusals}
}

// Error gives the detail. With GetStatus and ContentType, it lets the server's framework send an envelope as it is.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type of the envelope, whatever the caller would accept.
func (p *Problem) ContentType(string) string { return ContentTypeProblem }
