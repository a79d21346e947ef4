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
//	            gates passed            driver done            checks passed
//	(decided) ───────────────► deploying ─────────► verifying ─────────────► verified ───► superseded
//	                               │                    │                        │          (another one was verified)
//	                               └───────► failed ◄───┘                        │
//	                                           │  on_failure = rollback          │ another environment of the
//	                                           ▼                                 │ same rollout failed
//	                                      rolled_back ◄──────────────────────────┘
//
// Where an environment has no target, Terraform itself deploys: there the gates lead to verifying at once, no driver takes part, nobody
// resumes it, and a verification settles it (external.go). Whatever is authorised next there supersedes it.
//
// A release that is failed or rolled back in a stage is held there: it is not tried again until its attempt is raised.
package delivery
