package program

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
)

// config is what the shop reads from its environment.
type config struct {
	port     int
	greeting string
	currency string
	logLevel slog.Level
	runDir   string // directory of the pid file and the log; outside the release, so that it does not change
}

func configFrom(getenv func(string) string) (config, error) {
	or := func(key, fallback string) string {
		if v := getenv(key); v != "" {
			return v
		}
		return fallback
	}
	cfg := config{
		greeting: or("GREETING", "Welcome"),
		currency: or("CURRENCY", "EUR"),
		runDir:   or("RUN_DIR", os.TempDir()),
	}
	port, err := strconv.Atoi(getenv("PORT"))
	if err != nil || port < 1 || port > 65535 {
		return config{}, fmt.Errorf("PORT is %q; set it to a number from 1 to 65535", getenv("PORT"))
	}
	cfg.port = port
	if _, err := money(cfg.currency, 0); err != nil {
		return config{}, fmt.Errorf("CURRENCY: %w", err)
	}
	if err := cfg.logLevel.UnmarshalText([]byte(or("LOG_LEVEL", "info"))); err != nil {
		return config{}, fmt.Errorf("LOG_LEVEL is %q; set it to debug, info, warn or error", getenv("LOG_LEVEL"))
	}
	return cfg, nil
}

// address is on loopback only: the demo opens nothing to the network.
func (c config) address() string { return "127.0.0.1:" + strconv.Itoa(c.port) }

func (c config) pidFile() string { return filepath.Join(c.runDir, fmt.Sprintf("shop-%d.pid", c.port)) }

func (c config) logFile() string { return filepath.Join(c.runDir, fmt.Sprintf("shop-%d.log", c.port)) }

// money formats an amount, given in the smallest unit of the currency, for people.
func money(currency string, amount int) (string, error) {
	switch currency {
	case "EUR":
		return fmt.Sprintf("%d.%02d EUR", amount/100, amount%100), nil
	case "JPY":
		return fmt.Sprintf("%d JPY", amount), nil
	}
	return "", fmt.Errorf("unknown currency %q; use EUR or JPY", currency)
}
