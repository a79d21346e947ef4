package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

func TestWindowsGate(t *testing.T) {
	office := schedule.Window{Days: []string{"mon", "tue"}, Start: "09:00", End: "16:00", TimeZone: "Europe/Berlin"}
	night := schedule.Window{Start: "22:00", End: "04:00"}
	broken := schedule.Window{TimeZone: "Europe/Berln"}
	cases := map[string]struct {
		windows map[string]schedule.Window
		at      string
		verdict Verdict
		ready   string
		reason  string
	}{
		"open":           {map[string]schedule.Window{"night": night, "office": office}, "2027-01-04T08:00:00Z", VerdictPassed, "", "office is open until Mon 2027-01-04 16:00 CET (Europe/Berlin)"},
		"always open":    {map[string]schedule.Window{"any": {}, "office": office}, "2027-01-04T08:00:00Z", VerdictPassed, "", "any is always open"},
		"two are open":   {map[string]schedule.Window{"early": {End: "09:00"}, "late": {End: "10:00"}, "mid": {End: "09:30"}}, "2027-01-04T08:00:00Z", VerdictPassed, "", "late is open until Mon 2027-01-04 10:00 UTC"},
		"closed":         {map[string]schedule.Window{"night": night, "office": office}, "2027-01-04T04:00:00Z", VerdictPending, "2027-01-04T08:00:00Z", "no window is open; office opens on Mon 2027-01-04 09:00 CET (Europe/Berlin)"},
		"in summer":      {map[string]schedule.Window{"office": office}, "2027-07-04T04:00:00Z", VerdictPending, "2027-07-05T07:00:00Z", "no window is open; office opens on Mon 2027-07-05 09:00 CEST (Europe/Berlin)"},
		"by seconds":     {map[string]schedule.Window{"noon": {Start: "12:00", End: "13:00", TimeZone: "Africa/Monrovia"}}, "1960-01-01T12:00:00Z", VerdictPending, "1960-01-01T12:44:30Z", "no window is open; noon opens on Fri 1960-01-01 12:00 MMT (Africa/Monrovia)"},
		"one is broken":  {map[string]schedule.Window{"broken": broken, "office": office}, "2027-01-04T04:00:00Z", VerdictPending, "2027-01-04T08:00:00Z", "no window is open; office opens on Mon 2027-01-04 09:00 CET (Europe/Berlin)"},
		"all are broken": {map[string]schedule.Window{"broken": broken}, "2027-01-04T08:00:00Z", VerdictFailed, "", `no window can ever open; correct broken: time_zone: "Europe/Berln" is not a known time zone; use a name of the IANA database, such as "Europe/Berlin" or "UTC"`},
		"none":           {nil, "2027-01-04T08:00:00Z", VerdictFailed, "", "no window is declared, so none can open"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, c.at)
			require.NoError(t, err)
			result := windowsGate(c.windows, at)
			require.Equal(t, "windows", result.Name)
			require.Equal(t, c.verdict, result.Verdict)
			require.Equal(t, c.reason, result.Reason)
			if c.ready == "" {
				require.Nil(t, result.ReadyAt)
				return
			}
			require.Equal(t, c.ready, clock(*result.ReadyAt))
			require.Equal(t, VerdictPassed, windowsGate(c.windows, *result.ReadyAt).Verdict)
		})
	}
}
