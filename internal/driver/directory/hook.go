package directory

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/process"
)

// maxOutputShown bounds what an error repeats of the command's output, in bytes.
const maxOutputShown = 4 << 10

// afterDeploy runs the user's command, in the release unless it says otherwise.
func (d *directoryDriver) afterDeploy(ctx context.Context, p *siteDir, r driver.Request) error {
	hook := r.Target.Directory.AfterDeploy
	if hook == nil {
		return nil
	}
	program, err := r.DeployProgram(*hook)
	if err != nil {
		return err
	}
	if program.Dir == "" {
		program.Dir = p.at(p.link())
	}
	program.KillNow = d.killNow
	out, err := process.Run(ctx, program)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("after_deploy was interrupted and ended, with all that it started: %w", ctx.Err())
	}
	text := fmt.Errorf("after_deploy: %w%s. %s", err, ownProgramHint(hook.Argv[0], err), out.LastWords(maxOutputShown))
	return r.Mask().Error(text)
}

// ownProgramHint helps who wrote the name of a program that the release brings along.
func ownProgramHint(name string, err error) string {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Sprintf(`. A program of the release itself is written as "./%s"`, name)
	}
	return ""
}
