package delivery_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// TestStories plays the stories in testdata/*.txt. Anyone who knows what the product is to do can read and check them; no Go is
// needed. A story is a list of commands; the text below ---- is what the domain answers. `go test ./internal/delivery -rewrite`
// writes the answers again: then read what changed. Lines that begin with # explain.
//
// There is one pipeline, one clock that stands still until it is moved, and people called by their first names. Nothing is
// deployed for real: every deployment goes well unless the story says otherwise.
//
//	environments                  one line for each: NAME [KEY=VALUE ...] [like=OTHER] [may-differ=KEY,KEY] [by=terraform]
//	pipeline                      one line for each stage, in order: NAME: ENVIRONMENT ..., automatic|manual [, CONDITION ...]
//	                              conditions: approvals N [of WHO ...] [for DURATION], author may approve, soak DURATION in STAGE,
//	                              parity, check NAME, parallel N, may fail in N, halt on failure
//	release VERSION by=WHO        registers a release
//	deliver VERSION [attempt=N]   what applying a cd_release does: into the first stage, and on through the automatic ones
//	promote VERSION to=STAGE [when-blocked=fail|pend] [attempt=N]
//	                              what applying a cd_promotion does
//	verify VERSION in=STAGE [again]
//	                              what applying a cd_verification does, in a stage that Terraform deploys to; again is what changed
//	                              triggers ask for
//	plan deliver ... | plan promote ... | plan verify ... [delivered-too] [promoted-too] [verified-before=STAGE]
//	                              what a plan would show of the same, without doing it; delivered-too when the same plan also
//	                              delivers that version, promoted-too when it also promotes the version that is verified, and
//	                              verified-before when it verifies it in that stage first
//	approve VERSION for=STAGE by=WHO, reject ..., revoke ...
//	verification ENVIRONMENT fails|works [VERSION]
//	                              how deployments there end from now on; of one version, or of all
//	interrupt ENVIRONMENT         the process that deploys there next dies in the middle
//	freeze ENVIRONMENT, thaw      freezes an environment for a day, or ends every freeze
//	check NAME says yes|no|nothing
//	artifacts VERSION gone|there  nothing can be rolled back to a version whose artifacts are gone
//	drift ENVIRONMENT WORDS       somebody changes what runs there
//	unseen ENVIRONMENT            what runs there cannot be looked at
//	wait DURATION                 moves the clock
//	ready VERSION for=STAGE       every gate's verdict
//	where VERSION                 where a release stands in each stage
func TestStories(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, stories)
	for _, path := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			s := newStory()
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				s.t = t
				if answer := strings.TrimRight(s.command(d), "\n"); answer != "" {
					return answer + "\n"
				}
				return "ok\n"
			})
		})
	}
}

// command does one command of a story.
func (s *story) command(d *datadriven.TestData) string {
	words := []string{}
	for _, arg := range d.CmdArgs {
		if len(arg.Vals) == 0 {
			words = append(words, arg.Key)
		}
	}
	word := func(i int) string {
		require.Greater(s.t, len(words), i, "%s: a word is missing: %q", d.Pos, d.Cmd)
		return words[i]
	}
	named := func(key, otherwise string) string {
		if arg, ok := d.Arg(key); ok {
			return arg.SingleVal(s.t)
		}
		require.NotEmpty(s.t, otherwise, "%s: %s needs %s=", d.Pos, d.Cmd, key)
		return otherwise
	}
	switch d.Cmd {
	case "environments":
		for line := range strings.Lines(d.Input) {
			s.environment(strings.Fields(line))
		}
		return s.parityRefusals()
	case "pipeline":
		return s.declare(strings.Split(strings.TrimSpace(d.Input), "\n"))
	case "release":
		s.release(word(0), named("by", ""))
	case "deliver":
		return s.apply(s.delivery(word(0), named("attempt", "1")))
	case "verify":
		return s.verify(s.verification(word(0), named("in", ""), slices.Contains(words, "again")))
	case "promote":
		return s.apply(s.promotion(word(0), named("to", ""), named("when-blocked", "fail"), named("attempt", "1")))
	case "plan":
		if word(0) == "verify" {
			return s.planVerification(s.verification(word(1), named("in", ""), slices.Contains(words, "again")), slices.Contains(words, "promoted-too"))
		}
		if word(0) == "deliver" {
			return s.plan(s.delivery(word(1), named("attempt", "1")), nil)
		}
		wanted := s.promotion(word(1), named("to", ""), named("when-blocked", "fail"), named("attempt", "1"))
		if stage := named("verified-before", "-"); stage != "-" {
			return s.planBehind(wanted, s.promotion(word(1), stage, "fail", "1"))
		}
		if slices.Contains(words, "delivered-too") {
			first := s.delivery(word(1), "1")
			return s.plan(wanted, &first)
		}
		return s.plan(wanted, nil)
	case "approve", "reject":
		return s.decide(delivery.ApprovalDecision(d.Cmd), word(0), named("for", ""), named("by", ""))
	case "revoke":
		return s.revoke(word(0), named("for", ""), named("by", ""))
	case "verification":
		s.fails[strings.Join(slices.Delete(slices.Clone(words), 1, 2), " ")] = word(1) == "fails"
	case "interrupt":
		s.interrupts[word(0)] = true
	case "freeze":
		s.w.Freezes = append(s.w.Freezes, delivery.FreezeSpec{Name: "freeze-" + word(0), Reason: "nobody deploys today", Environments: []string{word(0)},
			StartsAt: delivery.Timestamp(s.w.Now.Format(time.RFC3339)), EndsAt: delivery.Timestamp(s.w.Now.Add(24 * time.Hour).Format(time.RFC3339))})
	case "thaw":
		s.w.Freezes = nil
	case "check":
		s.says[word(0)] = word(2)
	case "artifacts":
		s.gone[word(0)] = word(1) == "gone"
	case "drift":
		seen := s.w.Observations[word(0)]
		seen.Differences = []string{strings.Join(words[1:], " ")}
		s.w.Observations[word(0)] = seen
	case "unseen":
		s.w.Observations[word(0)] = delivery.Observation{Unknown: "it does not answer"}
	case "wait":
		length, err := time.ParseDuration(word(0))
		require.NoError(s.t, err)
		s.w.Now = s.w.Now.Add(length)
	case "ready":
		return s.ready(word(0), named("for", ""))
	case "where":
		return s.where(word(0))
	default:
		require.Fail(s.t, "no such command", "%s: %s", d.Pos, d.Cmd)
	}
	return ""
}

// environment declares one environment from the words of its line.
func (s *story) environment(words []string) {
	spec := delivery.EnvironmentSpec{Name: words[0], Tier: delivery.TierOther, Config: map[string]string{},
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + words[0]}}}
	for _, word := range words[1:] {
		switch key, value, _ := strings.Cut(word, "="); key {
		case "by":
			spec.Target = nil
		case "like":
			spec.Parity = &delivery.Parity{With: value, Allow: map[string]delivery.Allowance{}}
		case "may-differ":
			for name := range strings.SplitSeq(value, ",") {
				spec.Parity.Allow[name] = delivery.Allowance{Reason: "on purpose"}
			}
		default:
			spec.Config[key] = value
		}
	}
	s.w.Environments[spec.Name] = spec
}

func (s *story) parityRefusals() string {
	text := ""
	for _, name := range sortedNames(s.w.Environments) {
		spec := s.w.Environments[name]
		if spec.Parity == nil {
			continue
		}
		var reference *delivery.EnvironmentSpec
		if other, ok := s.w.Environments[spec.Parity.With]; ok {
			reference = &other
		}
		if err := delivery.CheckParity(spec, reference, s.w.Now).Err(); err != nil {
			text += name + ": refused: " + err.Error() + "\n"
		}
	}
	return text
}

// declare declares the pipeline, one stage a line.
func (s *story) declare(lines []string) string {
	spec := delivery.PipelineSpec{Name: "shop"}
	for _, line := range lines {
		name, rest, ok := strings.Cut(line, ":")
		require.True(s.t, ok, "a stage is NAME: ENVIRONMENT ..., POLICY: %q", line)
		parts := strings.Split(rest, ",")
		stage := delivery.Stage{Name: name, Environments: strings.Fields(parts[0]), Promotion: delivery.PromotionPolicy(strings.TrimSpace(parts[1]))}
		stage.Verify = map[string]delivery.Check{"smoke": command("smoke")}
		for _, condition := range parts[2:] {
			s.condition(&stage, strings.Fields(condition))
		}
		spec.Stages = append(spec.Stages, stage)
	}
	if err := append(spec.Validate(), spec.ValidateEnvironments(s.w.Environments)...).Err(); err != nil {
		return "refused: " + err.Error()
	}
	s.w.Pipeline = spec
	return ""
}

func command(name string) delivery.Check {
	return delivery.Check{Command: &delivery.CommandCheck{Command: delivery.Command{Argv: []string{name}}}}
}

func (s *story) condition(stage *delivery.Stage, words []string) {
	number := func(i int) (n int) {
		_, err := fmt.Sscan(words[i], &n)
		require.NoError(s.t, err)
		return n
	}
	switch words[0] {
	case "approvals":
		gate := &delivery.ApprovalsGate{Required: number(1), Approvers: []string{delivery.Anyone}}
		if at := slices.Index(words, "for"); at > 0 {
			gate.ExpiresAfter = delivery.Duration(words[at+1])
			words = words[:at]
		}
		if len(words) > 2 {
			gate.Approvers = words[3:]
		}
		stage.Gates.Approvals = gate
	case "author":
		stage.Gates.Approvals.AllowAuthor = true
	case "soak":
		stage.Gates.Soak = &delivery.SoakGate{Duration: delivery.Duration(words[1]), Stage: words[3]}
	case "parity":
		stage.Gates.Parity = &delivery.ParityGate{}
	case "check":
		stage.Gates.Checks = map[string]delivery.Check{words[1]: command(words[1])}
	case "parallel":
		stage.Rollout = &delivery.Rollout{MaxParallel: number(1)}
	case "may":
		stage.Rollout = &delivery.Rollout{MaxParallel: stage.MaxParallel(), MaxFailures: number(3)}
	case "halt":
		stage.OnFailure = delivery.Halt
	default:
		require.Fail(s.t, "no such condition", "%q", words)
	}
}
