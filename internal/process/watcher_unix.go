//go:build unix

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// watch is what a watcher does. The first line tells the group, the second one that it is no longer needed. If its input ends
// without that, the one who would have ended the group is gone: the group is asked to end, and is killed if it still is there after as many
// seconds as the argument says.
const watch = `read -r group || exit 0
read -r _ && exit 0
left=$1
[ "$left" -eq 0 ] || kill -TERM "-$group"
while [ "$left" -gt 0 ] && kill -0 "-$group"; do
	sleep 1
	left=$((left - 1))
done
kill -KILL "-$group"`

// StartWatched starts a program, which has to lead its own process group, and a small shell beside it, which ends that group if
// this process ends before dismiss is called: a process that is killed can do nothing itself, but the system closes its pipes. The
// group is first asked to end, and killed after grace, which is rounded up to seconds; without a grace it is killed at once.
//
// Where there is no /bin/sh that may be run, nobody watches: the program is started all the same. dismiss never fails.
func StartWatched(cmd *exec.Cmd, grace time.Duration) (dismiss func(), err error) {
	w, err := startWatcher(grace)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return func() {}, cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting what watches over it: %w", err)
	}
	if err := cmd.Start(); err != nil {
		w.leave() // it was told of nothing, so it ends nothing
		return nil, err
	}
	w.tell(strconv.Itoa(cmd.Process.Pid))
	return func() {
		w.tell("")
		w.leave()
	}, nil
}

// watcher is a shell that watches over a group.
type watcher struct {
	line *os.File // on which it listens
	gone chan struct{}
}

// startWatcher starts a watcher. It is in its own session, so that nothing that ends this process by its group or its terminal ends
// it too, and it gets nothing of this process: no variable, no directory, no other file.
func startWatcher(grace time.Duration) (*watcher, error) {
	listens, line, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	seconds := (grace + time.Second - 1) / time.Second
	cmd := exec.Command("/bin/sh", "-c", watch, "terraform-provider-cd-watcher", strconv.Itoa(int(seconds))) //nolint:noctx // it ends with its input
	cmd.Stdin, cmd.Dir, cmd.Env = listens, "/", []string{"PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	if err = errors.Join(err, listens.Close()); err != nil {
		return nil, errors.Join(err, line.Close())
	}
	w := &watcher{line: line, gone: make(chan struct{})}
	go func() {
		defer close(w.gone)
		_ = cmd.Wait() // how it ended is nobody's concern; the system may forget it now
	}()
	return w, nil
}

// tell says one line. It fails when somebody has killed the watcher: then nobody watches, which is no reason to stop the program.
func (w *watcher) tell(line string) { _, _ = w.line.WriteString(line + "\n") }

// leave ends the watcher's input, as the end of this process does.
func (w *watcher) leave() { _ = w.line.Close() }

// drain has a small program read the pipe on, and forget what it reads, until nothing can write to it anymore: also after the end of
// this process. Where there is no such program, the pipe closes.
func drain(pipe *os.File) {
	cmd := exec.Command("/bin/sh", "-c", "exec cat > /dev/null") //nolint:noctx // it ends with its input
	cmd.Stdin, cmd.Dir, cmd.Env = pipe, "/", []string{"PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // the system may forget it then
	}
}
