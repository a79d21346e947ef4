// Command smoke tests a running shop after a deployment. The pipeline runs it as a check of each stage:
// environment variables say what was deployed, and with which configuration. It exits with 0 if the shop is healthy,
// and otherwise with 1 and the reason on standard error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// priceOfThree is the price of three cups of tea, the usual order, which is too small for a discount.
var priceOfThree = map[string]string{"EUR": "13.50 EUR", "JPY": "2400 JPY"}

func main() {
	if err := smoke(context.Background(), os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("shop %s is well in %s\n", os.Getenv("CD_VERSION"), os.Getenv("CD_ENVIRONMENT"))
}

func smoke(ctx context.Context, getenv func(string) string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	base := "http://127.0.0.1:" + getenv("PORT")
	currency := getenv("CURRENCY")
	price, ok := priceOfThree[currency]
	if !ok {
		return fmt.Errorf("CURRENCY is %q; the smoke test knows EUR and JPY", currency)
	}
	return errors.Join(
		expect(ctx, "version", base+"/version", getenv("CD_VERSION")),
		expect(ctx, "price of three cups of tea", base+"/checkout?cups=3", price),
	)
}

// expect fetches url and compares its text with want.
func expect(ctx context.Context, what, url, want string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	got := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s answered %s: %s", what, url, resp.Status, got)
	}
	if got != want {
		return fmt.Errorf("%s: want %q, the shop says %q", what, want, got)
	}
	return nil
}
