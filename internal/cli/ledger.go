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
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/ledger"
)

const ledgerUsage = `usage: terraform-provider-cd ledger verify [-anchor HASH] LEDGER
       terraform-provider-cd ledger export [-o FILE] LEDGER
       terraform-provider-cd ledger copy [-keep-open] FROM TO
       terraform-provider-cd ledger adopt OLD_ID SEQ HASH LEDGER
       terraform-provider-cd ledger init LEDGER
       terraform-provider-cd ledger clock [-correct] LEDGER
       terraform-provider-cd ledger help

LEDGER, FROM and TO are the path of a SQLite file, such as .cd/ledger.db, or the URL of a PostgreSQL database, such as
postgres://user@db.example.com/cd (the password in PGPASSWORD or a password file).

verify  checks that the log is an unbroken chain and that everything in the ledger matches the log, and names the first broken
        record. LEDGER may also be an exported file (its name ends with .ndjson) or - for standard input.
        -anchor HASH demands that the log still has the event with this hash, as an earlier verify or export printed it.
export  writes the whole ledger as lines of JSON to standard output, or to FILE, which must not exist yet.
copy    moves everything, including id, history and chain, into an empty ledger. TO is created if it does not exist. FROM is
        sealed: it takes no more changes, and says that the ledger continues in TO. -keep-open leaves FROM as it is, for a backup
        or a test: never let both go on.
adopt   records in LEDGER that it replaces another ledger, or the end of its own history, that is lost. terraform plan prints
        the three words when a state knows what LEDGER does not have. LEDGER is created if it does not exist.

init    creates LEDGER with its tables, or upgrades the tables of an older release. Without it, the first terraform apply does that.

clock   compares the clock with the newest event. While the clock is behind it, no gate about time passes. -correct records that the
        events have a wrong time, and that time goes on from the clock: make sure first that the clock is right.

copy, adopt and clock -correct record who did it: CD_ACTOR, else git's user.email, else the operating system's user.

Exit status: 0 success, 1 broken ledger or failure, 2 wrong usage.
`

// ledgerArguments is the command line after "ledger".
type ledgerArguments struct {
	command  string
	words    []string // what is no option: the ledgers, and for adopt what it replaces
	anchor   string   // verify
	out      string   // export
	keepOpen bool     // copy
	correct  bool     // clock
}

// ledgerWords is what each command takes beside its options.
var ledgerWords = map[string]struct {
	count int
	what  string
}{
	"verify": {1, "one ledger"}, "export": {1, "one ledger"}, "init": {1, "one ledger"}, "clock": {1, "one ledger"}, "copy": {2, "two ledgers: from which, and to which"},
	"adopt": {4, "the id of the lost ledger, the number and the hash of an event, and the ledger that replaces it"},
	"help":  {0, "nothing more"}, "-h": {0, "nothing more"}, "-help": {0, "nothing more"}, "--help": {0, "nothing more"},
}

// parseLedger reads a command line; its error says what is wrong. Options may come before, between and after the ledgers.
func parseLedger(args []string) (a ledgerArguments, err error) {
	if len(args) == 0 {
		return a, errors.New("a command is needed: verify, export, copy, adopt, init or clock")
	}
	a.command = args[0]
	wanted, known := ledgerWords[a.command]
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
	case "copy":
		options.BoolVar(&a.keepOpen, "keep-open", false, "")
	case "clock":
		options.BoolVar(&a.correct, "correct", false, "")
	}
	for rest := args[1:]; len(rest) > 0; {
		if err := options.Parse(rest); err != nil {
			return a, fmt.Errorf("%s: %w", options.Name(), err)
		}
		if rest = options.Args(); len(rest) > 0 {
			a.words, rest = append(a.words, rest[0]), rest[1:]
		}
	}
	if len(a.words) != wanted.count {
		return a, fmt.Errorf("%s takes %s", options.Name(), wanted.what)
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
	case "adopt":
		err = adoptLedger(ctx, a, s)
	case "init":
		err = initLedger(ctx, a, s)
	case "clock":
		err = ledgerClock(ctx, a, s)
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
	switch place := a.words[0]; {
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
	_, err = fmt.Fprintf(s.out, "%s is unbroken: %d events, and %d rows that match them\nledger: %s\nanchor: %s\n", found.Name, found.Events, found.Rows, found.ID, found.Last)
	return err
}

// exportLedger leaves no partial file.
func exportLedger(ctx context.Context, a ledgerArguments, s streams, bars *bars) error {
	if a.out == "" {
		_, err := ledger.Export(ctx, a.words[0], s.out, bars.progress)
		return err
	}
	file, err := os.OpenFile(a.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already; name a file that does not", a.out)
	}
	if err != nil {
		return err
	}
	found, err := ledger.Export(ctx, a.words[0], file, bars.progress)
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
	from, to := a.words[0], a.words[1]
	var found ledger.Report
	var err error
	if a.keepOpen {
		found, err = ledger.Copy(ctx, from, to, bars.progress)
	} else {
		found, err = moveLedger(ctx, from, to, bars)
	}
	bars.end()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.out, "copied %d events and %d rows of %s\nledger: %s\nanchor: %s\n", found.Events, found.Rows, found.Name, found.ID, found.Last); err != nil {
		return err
	}
	switch {
	case !a.keepOpen:
		_, err = fmt.Fprintf(s.out, "%s is sealed: it takes no more changes\n", found.Name)
	case found.Missed > 0:
		_, err = fmt.Fprintf(s.err, "warning: %s was in use during the copy, and %d newer events were not copied; stop the processes that use it and copy again into an empty ledger\n", found.Name, found.Missed)
	}
	return err
}

func moveLedger(ctx context.Context, from, to string, bars *bars) (ledger.Report, error) {
	by, err := changedBy(ctx)
	if err != nil {
		return ledger.Report{}, err
	}
	return ledger.Move(ctx, from, to, by, bars.progress)
}

func adoptLedger(ctx context.Context, a ledgerArguments, s streams) error {
	replaced, err := delivery.LedgerPositionOf(a.words[0], a.words[1], a.words[2])
	if err != nil {
		return err
	}
	by, err := changedBy(ctx)
	if err != nil {
		return err
	}
	found, err := ledger.Adopt(ctx, a.words[3], replaced, by)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "ledger %s replaces ledger %s up to event %d\n", found.Newest.Ledger, replaced.Ledger, replaced.Seq)
	return err
}

func initLedger(ctx context.Context, a ledgerArguments, s streams) error {
	found, err := ledger.Init(ctx, a.words[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s is ready: %d events\nledger: %s\n", found.Name, found.Events, found.ID)
	return err
}

// ledgerClock compares the clock with the ledger, or records that the ledger's time was wrong.
func ledgerClock(ctx context.Context, a ledgerArguments, s streams) error {
	if a.correct {
		by, err := changedBy(ctx)
		if err != nil {
			return err
		}
		found, err := ledger.CorrectClock(ctx, a.words[0], by)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "recorded that the time of event %d, %s, is wrong; time goes on from %s\n", found.Seq, shownTime(found.Newest), shownTime(found.Clock))
		return err
	}
	found, err := ledger.Clock(ctx, a.words[0], time.Now())
	if err != nil {
		return err
	}
	words := "the clock is not behind it"
	switch {
	case found.Seq == 0:
		words = "there is no event"
	case found.Behind():
		words = "the clock is behind it: no gate about time passes until then. If the clock is right, run: terraform-provider-cd ledger clock -correct LEDGER"
	}
	_, err = fmt.Fprintf(s.out, "clock: %s\nnewest event: %s (event %d)\n%s\n", shownTime(found.Clock), shownTime(found.Newest), found.Seq, words)
	return err
}

func shownTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// changedBy is who changes a ledger from the command line, now.
func changedBy(ctx context.Context) (ledger.By, error) {
	name := actor(ctx)
	if name == "" {
		return ledger.By{}, errors.New("who does this is not known: set CD_ACTOR")
	}
	return ledger.By{Actor: name, At: time.Now()}, nil
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
