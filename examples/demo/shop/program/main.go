package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Pricing returns the price of an order of cups of tea, in the smallest unit of the currency:
// cents for EUR, yen for JPY. It fails for a currency it does not know.
type Pricing func(currency string, cups int) (int, error)

const usage = `usage: shop <mode>
  serve     run the shop in the foreground until SIGTERM
  restart   stop the shop that runs on PORT, if any, and start this one in the background
  stop      stop the shop that runs on PORT, if any

configured by the environment: PORT, GREETING, CURRENCY, LOG_LEVEL, RUN_DIR`

// Main runs one version of the shop in the mode that the first argument names.
// It returns the exit code of the process.
func Main(version string, pricing Pricing) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], version, pricing, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "shop "+version+":", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string, version string, pricing Pricing, out io.Writer) error {
	if len(args) != 1 {
		return errors.New(usage)
	}
	cfg, err := configFrom(os.Getenv)
	if err != nil {
		return err
	}
	switch args[0] {
	case "serve":
		return serve(ctx, cfg, version, pricing)
	case "restart":
		if err := stopRunning(ctx, cfg, out); err != nil {
			return err
		}
		return startDetached(ctx, cfg, out)
	case "stop":
		return stopRunning(ctx, cfg, out)
	}
	return fmt.Errorf("unknown mode %q\n%s", args[0], usage)
}
