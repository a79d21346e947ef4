package directory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/process"
)

// How long a program that was just written may stay busy.
const (
	busyAttempts = 100
	busyPause    = 20 * time.Millisecond
)

// afterDeploy runs the user's command. Its output goes to a file and not to a pipe: so a daemon that it leaves behind neither
// holds the deployment up nor dies later from writing to a pipe that nobody reads.
func (d *directoryDriver) afterDeploy(ctx context.Context, p *place, r driver.Request) (err error) {
	hook := r.Target.Directory.AfterDeploy
	if hook == nil {
		return nil
	}
	name := path.Join(stagingName, p.id+".output")
	output, err := p.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return failed("create", p.at(name), err)
	}
	defer func() {
		err = errors.Join(err, output.Close())
		if gone := p.root.Remove(name); gone != nil {
			d.log.Warn("cannot remove the output of after_deploy", "path", p.at(name), "error", gone)
		}
	}()

	limited, cancel := context.WithTimeout(ctx, timeoutOf(hook))
	defer cancel()
	dir := hook.Directory
	if dir == "" {
		dir = p.at(p.link())
	}
	ran := run(limited, hook.Argv, dir, hookEnvironment(r), output)
	if ran == nil && limited.Err() == nil {
		return nil
	}
	masked := newMask(r.Secrets)
	said := masked.tail(output)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("after_deploy was interrupted and ended, with all that it started: %w", ctx.Err())
	case limited.Err() != nil:
		return fmt.Errorf("after_deploy %q took longer than its timeout of %s and was ended, with all that it started; %s",
			hook.Argv[0], timeoutOf(hook), said)
	}
	var exit *exec.ExitError
	if errors.As(ran, &exit) {
		return fmt.Errorf("after_deploy %q failed (%w); %s", hook.Argv[0], exit, said)
	}
	return fmt.Errorf("after_deploy could not start in %s: %s; check target.directory.after_deploy.argv%s", dir, masked.text(ran.Error()),
		notFoundHint(ran))
}

// run runs the command to its end. It ends with this process, too, however that ends.
func run(ctx context.Context, argv []string, dir string, environment []string, output *os.File) error {
	ticker := time.NewTicker(busyPause)
	defer ticker.Stop()
	for range busyAttempts {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		ownGroup(cmd)
		cmd.Dir, cmd.Env = dir, environment
		cmd.Stdout, cmd.Stderr = output, output
		dismiss, err := process.StartWatched(cmd, 0)
		if err == nil {
			err = cmd.Wait()
			dismiss()
		}
		if !isBusy(err) {
			return err
		}
		<-ticker.C
	}
	return errors.New("the program is still open for writing somewhere")
}

func notFoundHint(err error) string {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return " (a program of the release itself is \"./program\")"
	}
	return ""
}

// hookEnvironment is the whole environment of the hook. What comes later wins.
func hookEnvironment(r driver.Request) []string {
	var all []string
	for _, name := range hookVariables {
		if value, ok := os.LookupEnv(name); ok {
			all = append(all, name+"="+value)
		}
	}
	about := map[string]string{
		"CD_PIPELINE": r.Pipeline, "CD_STAGE": r.Stage, "CD_ENVIRONMENT": r.Environment, "CD_VERSION": r.Version, "CD_DEPLOYMENT": r.ID,
	}
	for _, values := range []map[string]string{r.Config, r.Secrets, r.Target.Directory.AfterDeploy.Environment, about} {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			all = append(all, key+"="+values[key])
		}
	}
	return all
}
