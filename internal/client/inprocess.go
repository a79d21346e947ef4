package client

import (
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/memnet"
)

// idleConnections is how many connections are kept for the next requests: more than Terraform has requests under way at a time
// unless somebody raises -parallelism.
const idleConnections = 64

// InProcess returns a transport to the server that listens within this process, whatever the address.
func InProcess(l *memnet.Listener) *http.Transport {
	return &http.Transport{
		DialContext:         l.DialContext,
		MaxIdleConnsPerHost: idleConnections,
		DisableCompression:  true,
	}
}
