// Package delivery is the domain: environments, pipelines, releases, promotions, approvals and deployments, what makes them
// valid, and what is to be done next. It is pure: it reads no clock, does no I/O and starts nothing, so the same world always
// gives the same decision. The engine, the plan preview and the readiness question all call the same functions.
//
// A release travels through the stages of its pipeline in segments. A segment is entered by a promotion (into a manual stage,
// or, for the automatic stages at the head of a pipeline, by delivering the release) and goes on through the automatic stages
// that follow:
//
//	release ──► [development  staging]   production ──► [eu  us]
//	             automatic    automatic  manual          automatic
//	            └ entered by the release ┘└── entered by a promotion ──┘
//
// One deployment, in one environment:
//
//	(decided) ─┬─ started ─────► deploying
//	           └─ authorized ──► verifying
//	deploying ─┬─ resumed ─────► deploying
//	           ├─ deployed ────► verifying
//	           ├─ failed ──────► failed
//	           └─ superseded ──► superseded
//	verifying ─┬─ resumed ─────► verifying
//	           ├─ verified ────► verified
//	           ├─ failed ──────► failed
//	           ├─ rolled back ─► rolled_back
//	           └─ superseded ──► superseded
//	verified  ─┬─ resumed ─────► verified
//	           ├─ verified ────► verified
//	           ├─ failed ──────► failed
//	           ├─ rolled back ─► rolled_back
//	           └─ superseded ──► superseded
//	failed    ─── rolled back ─► rolled_back
//
// "rolled back" is what becomes of a failed deployment, and of the others of its rollout, once on_failure = "rollback" has brought
// the previous content back. Each transition is recorded as an event of the log. The diagram is drawn from the table in
// deployment_state.go.
//
// Where an environment has no target, Terraform itself deploys (external.go): the deployment is authorized, no driver takes part,
// nobody resumes it, and a verification completes it. The next authorization there supersedes it.
//
// A release that failed or was rolled back in a stage is held there: it is not tried again until its attempt is raised.
package delivery
