package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/delivery-as-code/terraform-provider-cd/internal/ledger"
)

const ledgerUsage = `usage: terraform-provider-cd ledger verify [-anchor HASH] LEDGER
       terraform-provider-cd ledger export [-o FILE] LEDGER
       terraform-provider-cd ledger copy FROM TO
       terraform-provider-cd ledger help

LEDGER, FROM and TO are the path of a SQLite file, such as .cd/ledger.db, or the URL of a PostgreSQL database, such as
postgres://user@db.example.com/cd (the password in PGPASSWORD or a password file).

verify  checks that the log is an unbroken chain and that everything in the ledger matches the log, and names the first broken
        record. LEDGER may also be an exported file (its name ends with .ndjson) or - for standard input.
        -anchor HASH demands that the log still has the event with this hash, as an earlier verify or export printed it.
export  writes the whole ledger as lines of JSON to standard output, or to FILE, which must not exist yet.
copy    copies everything, including history and chain, into an empty ledger. TO is created if it does not exist.

Exit status: 0 success, 1 broken ledger or failure, 2 wrong usage.
`

// ledgerArguments is the command line after "ledger".
type ledgerArguments struct {
	command string
	ledgers []string
	anchor  string // verify
	out     string // export
}

// ledgerCounts is how many ledgers each command takes.
var ledgerCounts = map[string]int{"verify": 1, "export": 1, "copy": 2, "help": 0, "-h": 0, "-help": 0, "--help": 0}

// parseLedger reads a command line; its error says what is wrong. Options may come before, between and after the ledgers.
func parseLedger(args []string) (a ledgerArguments, err error) {
	if len(args) == 0 {
		return a, errors.New("a command is needed: verify, export or copy")
	}
	a.command = args[0]
	wanted, known := ledgerCounts[a.command]
	if !known {
		return a, fmt.Errorf("unknown command %q", a.command)
	}
	options := flag.NewFlagSet("ledger "+a.command, flag.ContinueOnError)
	options.SetOutput(io.Discard) // the returned error is printed instead
	switch a.command {
	case "verify":
		options.StringVar(&a.anchor, "anchor", "", "")
	case "export":
		options.StringVar(&a.out, "o", "", "")
	}
	for rest := args[1:]; len(rest) > 0; {
		if err := options.Parse(rest); err != nil {
			return a, fmt.Errorf("%s: %w", options.Name(), err)
		}
		if rest = options.Args(); len(rest) > 0 {
			a.ledgers, rest = append(a.ledgers, rest[0]), rest[1:]
		}
	}
	if len(a.ledgers) != wanted {
		return a, fmt.Errorf("%s takes %s", options.Name(), map[int]string{0: "nothing more", 1: "one ledger", 2: "two ledgers: from which, and to which"}[wanted])
	}
	if a.anchor != "" && !strings.HasPrefix(a.anchor, "sha256:") {
		return a, errors.New("-anchor is the hash of an event, as in sha256:9f86…")
	}
	return a, nil
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // err is one
}

// printError prints what went wrong. If even that fails, the error cannot be reported.
func (s streams) printError(what string) {
	_, _ = fmt.Fprintln(s.err, "terraform-provider-cd:", what)
}

// ledgerCommand runs a command of "ledger". The first Ctrl-C ends it.
func ledgerCommand(args []string, s streams) int {
	a, err := parseLedger(args)
	if err != nil {
		s.printError(fmt.Sprintf("%v\n\n%s", err, strings.TrimSuffix(ledgerUsage, "\n")))
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bars := &bars{out: s.err, shown: s.terminal}
	switch a.command {
	case "verify":
		err = verifyLedger(ctx, a, s, bars)
	case "export":
		err = exportLedger(ctx, a, s, bars)
	case "copy":
		err = copyLedger(ctx, a, s, bars)
	default:
		_, err = fmt.Fprint(s.out, ledgerUsage)
	}
	bars.end()
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("ledger %s was interrupted; nothing was changed", a.command)
	}
	s.printError(err.Error())
	return 1
}

func verifyLedger(ctx context.Context, a ledgerArguments, s streams, bars *bars) (err error) {
	var found ledger.Report
	switch place := a.ledgers[0]; {
	case place == "-":
		found, err = ledger.VerifyFile(ctx, "standard input", interruptible(ctx, s.in), a.anchor, bars.progress)
	case strings.HasSuffix(place, ".ndjson") && ledger.IsPath(place):
		file, failed := os.Open(place)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		found, err = ledger.VerifyFile(ctx, place, file, a.anchor, bars.progress)
	default:
		found, err = ledger.Verify(ctx, place, a.anchor, bars.progress)
	}
	bars.end()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s is unbroken: %d events, and %d rows that match them\nanchor: %s\n", found.Name, found.Events, found.Rows, found.Last)
	return err
}

// exportLedger leaves no partial file.
func exportLedger(ctx context.Context, a ledgerArguments, s streams, bars *bars) error {
	if a.out == "" {
		_, err := ledger.Export(ctx, a.ledgers[0], s.out, bars.progress)
		return err
	}
	file, err := os.OpenFile(a.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already; name a file that does not", a.out)
	}
	if err != nil {
		return err
	}
	found, err := ledger.Export(ctx, a.ledgers[0], file, bars.progress)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(a.out))
	}
	bars.end()
	_, err = fmt.Fprintf(s.err, "exported %d events and %d rows of %s\nanchor: %s\n", found.Events, found.Rows, found.Name, found.Last)
	return err
}

func copyLedger(ctx context.Context, a ledgerArguments, s streams, bars *bars) error {
	found, err := ledger.Copy(ctx, a.ledgers[0], a.ledgers[1], bars.progress)
	bars.end()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.out, "copied %d events and %d rows of %s\nanchor: %s\n", found.Events, found.Rows, found.Name, found.Last); err != nil {
		return err
	}
	if found.Missed > 0 {
		_, err = fmt.Fprintf(s.err, "warning: %s was in use during the copy, and %d newer events were not copied; stop the processes that use it and copy again into an empty ledger\n", found.Name, found.Missed)
	}
	return err
}

// interruptible is an input whose reads end when ctx does.
func interruptible(ctx context.Context, in io.Reader) io.Reader {
	type answer struct {
		text []byte
		err  error
	}
	return readerFunc(func(into []byte) (int, error) {
		read := make(chan answer, 1)
		go func() {
			text := make([]byte, len(into))
			n, err := in.Read(text)
			read <- answer{text[:n], err}
		}()
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case got := <-read:
			return copy(into, got.text), got.err
		}
	})
}

type readerFunc func(into []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(into []byte) (int, error) { return f(into) }
