package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// observeTimeout bounds one look at what runs, retries and all: a plan waits for it.
const observeTimeout = time.Minute

// Observe asks the receiver what runs. The error is ctx's; whatever else goes wrong leaves the place unknown, with the reason.
func (d *Driver) Observe(ctx context.Context, r driver.Request) (delivery.Observation, error) {
	if r.Target.Webhook == nil {
		return delivery.Observation{}, errNotWebhook
	}
	if err := ctx.Err(); err != nil {
		return delivery.Observation{}, err
	}
	if r.Target.Webhook.ObserveURL == "" {
		return delivery.Observation{Unknown: "the target's webhook has no observe_url, so nothing tells what runs; with one, drift is seen"}, nil
	}
	seen, err := d.observe(ctx, r)
	if ctx.Err() != nil {
		return delivery.Observation{}, ctx.Err()
	}
	if err != nil {
		seen = delivery.Observation{Unknown: "the target's webhook does not tell what runs: " + r.Mask().Mask(err.Error())}
	}
	return seen, nil
}

func (d *Driver) observe(ctx context.Context, r driver.Request) (delivery.Observation, error) {
	expected := receiptOf(r)
	if r.Receipt != "" {
		if err := json.Unmarshal([]byte(r.Receipt), &expected); err != nil {
			return delivery.Observation{}, fmt.Errorf("the ledger's receipt of deployment %s cannot be read: %w", r.ID, err)
		}
	}
	c, err := d.call(r, observeTimeout)
	if err != nil {
		return delivery.Observation{}, err
	}
	address, err := url.Parse(c.target.ObserveURL)
	if err != nil {
		return delivery.Observation{}, errFinal("the target's observe_url is no address")
	}
	query := address.Query()
	for name, value := range map[string]string{"pipeline": r.Pipeline, "environment": r.Environment, "version": r.Version, "deployment": r.ID} {
		query.Set(name, value)
	}
	if expected.Receipt != "" {
		query.Set("receipt", expected.Receipt)
	}
	address.RawQuery = query.Encode()
	var told driver.Report
	err = c.exchange(ctx, http.MethodGet, address.String(), nil, func(_ *http.Response, text []byte) (err error) {
		told, err = driver.ReadReport(text)
		return err
	})
	if err != nil {
		return delivery.Observation{}, err
	}
	return told.Compare(r.Version, expected.Mark, c.mask.Printable), nil
}
