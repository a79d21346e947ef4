//go:build unix

package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

// long bounds what a test must never wait for.
const long = time.Minute

func shell(script string) Spec { return Spec{Argv: []string{"sh", "-c", script}, Timeout: long} }

func TestRunHandsOverEverythingAndReadsItBack(t *testing.T) {
	t.Setenv("CD_TEST_CREDENTIAL", "not inherited")
	t.Setenv("LC_ALL", "C")
	dir := t.TempDir()
	s := shell(`read line; echo "$line|$OWN|$LC_ALL|${CD_TEST_CREDENTIAL-none}|${HOME}|$1"; pwd -P; echo problem >&2`)
	s.Argv = append(s.Argv, "sh", "an argument; $(not a command)")
	s.Dir, s.Env, s.Stdin = dir, map[string]string{"OWN": "own value", "HOME": "/own"}, []byte("from stdin\n")

	out, err := Run(t.Context(), s)

	require.NoError(t, err)
	resolved, err := filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	require.Equal(t, "from stdin|own value|C|none|/own|an argument; $(not a command)\n"+resolved+"\n", string(out.Stdout))
	require.Contains(t, out.LastLines(1000), "problem")
	require.Zero(t, out.Dropped)
}

func TestRunSaysHowAProgramEnded(t *testing.T) {
	out, err := Run(t.Context(), shell("echo last words; exit 3"))
	exit := &ExitError{}
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 3, exit.Code)
	require.EqualError(t, err, `program "sh" ended with exit status 3`)
	require.Equal(t, "last words", out.LastLines(100))

	_, err = Run(t.Context(), shell("kill -KILL $$"))
	require.EqualError(t, err, `program "sh" ended with signal: killed`)
}

func TestRunDoesNotStart(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string, mode os.FileMode) string {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), mode))
		return "./" + name
	}
	for name, test := range map[string]struct {
		spec Spec
		want string
	}{
		"nothing named":      {Spec{}, "no program is named"},
		"not in PATH":        {Spec{Argv: []string{"no-such-program"}}, "install it, or give its path"},
		"no such file":       {Spec{Argv: []string{"./no-such"}, Dir: dir}, "taken from the working directory " + dir},
		"no such file here":  {Spec{Argv: []string{"./no-such"}}, "taken from where Terraform runs"},
		"no such directory":  {Spec{Argv: []string{"sh"}, Dir: filepath.Join(dir, "none")}, "the working directory has to be there"},
		"directory is file":  {Spec{Argv: []string{"sh"}, Dir: filepath.Join(dir, script("file", "", 0o600))}, "it is not a directory"},
		"not executable":     {Spec{Argv: []string{script("plain", "#!/bin/sh\n", 0o600)}, Dir: dir}, "chmod +x"},
		"no interpreter":     {Spec{Argv: []string{script("lost", "#!/no/such/interpreter\n", 0o700)}, Dir: dir}, "interpreter of its first line"},
		"no program":         {Spec{Argv: []string{script("data", "neither\n", 0o700)}, Dir: dir}, "a first line such as #!/bin/sh"},
		"NUL in a variable":  {Spec{Argv: []string{"sh"}, Env: map[string]string{"A": "a\x00b"}}, "contains NUL"},
		"too much to say":    {Spec{Argv: []string{"sh"}, Env: map[string]string{"A": strings.Repeat("a", 8<<20)}}, "shrink the configuration"},
		"argument too large": {Spec{Argv: []string{"sh", "-c", strings.Repeat("a", 8<<20)}}, "shrink the configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(t.Context(), test.spec)
			failed := &StartError{}
			require.ErrorAs(t, err, &failed)
			require.ErrorContains(t, err, test.want)
			require.False(t, failed.Temporary())
		})
	}
}

func TestAShortageIsTemporary(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ETXTBSY} {
		err := &StartError{Program: "x", Err: &os.PathError{Op: "fork/exec", Path: "x", Err: errno}}
		require.True(t, err.Temporary(), errno)
		require.ErrorIs(t, err, errno)
	}
}

func TestRunWaitsForAFileThatIsStillWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	program, err := exec.LookPath("true")
	require.NoError(t, err)
	text, err := os.ReadFile(program)
	require.NoError(t, err)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o700)
	require.NoError(t, err)
	_, err = file.Write(text)
	require.NoError(t, err)

	_, err = Run(t.Context(), Spec{Argv: []string{path}})
	require.ErrorIs(t, err, syscall.ETXTBSY) // nobody closes it: not for ever
	require.NoError(t, file.Close())
	_, err = Run(t.Context(), Spec{Argv: []string{path}})
	require.NoError(t, err)
}

func TestAFileThatIsClosedMeanwhileIsStarted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700))
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	closed := make(chan error, 1)
	time.AfterFunc(3*startPause, func() { closed <- file.Close() })
	_, err = Run(t.Context(), Spec{Argv: []string{path}})
	require.NoError(t, err)
	require.NoError(t, within(t, closed))
}

func TestRunStopsAtTheTimeout(t *testing.T) {
	s := shell("echo so far; exec sleep 1000")
	s.Timeout = 200 * time.Millisecond
	out, err := Run(t.Context(), s)
	late := &TimeoutError{}
	require.ErrorAs(t, err, &late)
	require.NotErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "still running after 200ms and was stopped; raise its timeout")
	require.Equal(t, "so far", out.LastLines(100))
}

func TestRunDoesNotStartForACallerWhoGaveUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	witness := filepath.Join(t.TempDir(), "ran")
	_, err := Run(ctx, shell("touch "+witness))
	require.ErrorIs(t, err, context.Canceled)
	require.NoFileExists(t, witness)
}

// family starts a program that holds a witness open, as do its children, and returns once all of them run.
func family(t *testing.T, ctx context.Context, script string) (w *witness, result <-chan error) {
	t.Helper()
	w = newWitness(t)
	s := shell(`exec 3>"$FIFO"; ` + script)
	s.Env, s.Grace = map[string]string{"FIFO": w.path}, 50*time.Millisecond
	ended := make(chan error, 1)
	go func() {
		_, err := Run(ctx, s)
		ended <- err
	}()
	w.running(t)
	return w, ended
}

func TestCancelingKillsTheWholeFamily(t *testing.T) {
	for name, script := range map[string]string{
		"all listen":            `sleep 1000 & echo running $$ >&3; wait`,
		"nobody listens":        `trap "" TERM; (while :; do sleep 1000; done) & echo running $$ >&3; while :; do wait; done`,
		"only the child stays":  `(trap "" TERM; echo running $$ >&3; while :; do sleep 1000; done) & wait`,
		"the child is detached": `(trap "" TERM; echo running $$ >&3; while :; do sleep 1000; done) >/dev/null 2>&1 & wait`,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w, result := family(t, ctx, script)
			cancel()
			require.ErrorIs(t, within(t, result), context.Canceled)
			require.Empty(t, w.rest(t))
		})
	}
}

func TestAProgramMayCleanUpBeforeItEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w, result := family(t, ctx, `trap "echo cleaned up >&3; exit 0" TERM; echo running $$ >&3; while :; do sleep 0.01; done`)
	cancel()
	require.ErrorIs(t, within(t, result), context.Canceled, "ending well when asked to stop is no success")
	require.Equal(t, "cleaned up\n", w.rest(t))
}

func TestAProgramHasTimeToCleanUpByDefault(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := newWitness(t)
	s := shell(`exec 3>"$FIFO"; trap "sleep 0.2; echo cleaned up >&3; exit 0" TERM; echo running $$ >&3; while :; do sleep 0.01; done`)
	s.Env = map[string]string{"FIFO": w.path}
	result := make(chan error, 1)
	go func() {
		_, err := Run(ctx, s)
		result <- err
	}()
	w.running(t)
	cancel()
	require.ErrorIs(t, within(t, result), context.Canceled)
	require.Equal(t, "cleaned up\n", w.rest(t))
}

func TestWhatIsLeftRunningIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	// It writes more than a pipe holds to the output that it inherited, before it answers.
	s := shell(`(read line <"$FIFO"; i=0; while [ $i -lt 5000 ]; do echo "nobody reads this line"; i=$((i+1)); done
echo "$line" >"$FIFO.answer") & echo started`)
	s.Env, s.Grace = map[string]string{"FIFO": path}, 10*time.Millisecond
	require.NoError(t, syscall.Mkfifo(path+".answer", 0o600))

	out, err := Run(t.Context(), s) // its output stays open in the background

	require.NoError(t, err)
	require.Equal(t, "started\n", string(out.Stdout))
	require.NoError(t, os.WriteFile(path, []byte("still there\n"), 0o600))
	answer, err := os.ReadFile(path + ".answer")
	require.NoError(t, err)
	require.Equal(t, "still there\n", string(answer))
}

func TestOutputIsBounded(t *testing.T) {
	s := shell(`i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done; echo the end >&2`)
	s.OutputLimit = 100
	out, err := Run(t.Context(), s)
	require.NoError(t, err)
	require.Len(t, out.Stdout, 100)
	require.True(t, strings.HasSuffix(string(out.Stdout), "\nline 4999\n"))
	require.EqualValues(t, 48_790, out.Dropped)
	require.LessOrEqual(t, len(out.LastLines(1000)), 100)
	require.Contains(t, out.LastLines(1000), "line 4999")
}

func TestAProgramThatReadsNothingIsNoFailure(t *testing.T) {
	s := shell("exit 0")
	s.Stdin = make([]byte, 1<<20)
	_, err := Run(t.Context(), s)
	require.NoError(t, err)
}

func TestSecretsAreMaskedInTheLog(t *testing.T) {
	s := shell(`echo "password is $SECRET"; echo "$SECRET" >&2; exit 1`)
	s.Env, s.Mask = map[string]string{"SECRET": "hunter2"}, redact.New("hunter2")
	out, err := Run(t.Context(), s)
	require.Error(t, err)
	require.NotContains(t, out.LastLines(1000), "hunter2")
	require.Contains(t, out.LastLines(1000), "password is ***")
	require.Contains(t, string(out.Stdout), "hunter2", "standard output itself is handed on as it is")
}

func TestErrorsUnwrap(t *testing.T) {
	cause := errors.New("cause")
	require.ErrorIs(t, &StartError{Program: "x", Err: cause}, cause)
	require.EqualError(t, &StartError{Program: "x", Err: cause}, `program "x" could not be started: cause`)
}
