package sqlstore

import (
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

func fullGates() delivery.Gates {
	least := 100
	return delivery.Gates{
		Approvals: &delivery.ApprovalsGate{
			Required: 2, Approvers: []string{"alice", "bob"}, AllowAuthor: true, ExpiresAfter: "72h", SignedBy: []string{"bob ssh-ed25519 AAAA"}, RequireSigned: true,
		},
		Tests:      map[string]delivery.TestsGate{"unit": {MinTests: &least, MaxFailures: 1, MaxAge: "168h"}},
		Soak:       &delivery.SoakGate{Stage: "development", Duration: "1h"},
		Windows:    map[string]schedule.Window{"office": {Days: []string{"mon", "tue"}, Start: "09:00", End: "16:30", TimeZone: "Europe/Berlin"}},
		Cooldown:   &delivery.CooldownGate{Duration: "30m"},
		MaxDeploys: &delivery.MaxDeploysGate{Count: 3, Per: "24h"},
		Parity:     &delivery.ParityGate{},
		Checks:     fullChecks(),
		None:       "not with gates, but that is for validation",
	}
}

func fullTestReport() delivery.TestReport {
	at := storedAt
	return delivery.TestReport{
		ID:     "t1",
		Spec:   delivery.TestReportSpec{Pipeline: "shop", Version: "1.0.0", Suite: "unit", Stage: "development", Environment: "dev"},
		Check:  "unit",
		Number: 2,
		Counts: delivery.TestCounts{Tests: 412, Failures: 1, Errors: 2, Skipped: 3, Duration: 90 * time.Second},
		Digest: "sha256:04", ReleaseDigest: "sha256:01", RecordedBy: "alice", RecordedAt: storedAt, WithdrawnAt: &at,
	}
}

func fullFreeze() delivery.FreezeSpec {
	return delivery.FreezeSpec{
		Name: "holidays", Reason: "nobody is there", StartsAt: "2026-12-20T00:00:00Z", EndsAt: "2027-01-03T00:00:00Z",
		Environments: []string{"eu"}, Tiers: []delivery.Tier{delivery.TierProduction}, Pipelines: []string{"shop"},
	}
}

func fullPolicy() delivery.PolicySpec {
	return delivery.PolicySpec{Name: "prod", Tiers: []delivery.Tier{delivery.TierProduction}, Environments: []string{"eu"}, Gates: fullGates()}
}

func fullOverride() delivery.Override {
	at := storedAt
	return delivery.Override{
		ID: "o1",
		Spec: delivery.OverrideSpec{
			Pipeline: "shop", Version: "1.0.0", Stage: "production", Gates: []string{"checks.smoke", "soak"},
			Content: "0123456789ab", Reason: "the shop is down", Ticket: "INC-1", ExpiresAt: "2026-11-20T14:00:00Z", Duration: "2h",
		},
		ReleaseDigest: "sha256:01", ContentDigest: "sha256:02", Contents: []string{"sha256:03"}, Actor: "alice", CreatedAt: storedAt, ExpiresAt: storedAt, RevokedAt: &at,
	}
}
