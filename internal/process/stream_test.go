package process

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

// slowWriter takes longer for its first chunk than a silent stream is waited for, as masking does on a busy machine.
type slowWriter struct{ bytes.Buffer }

func (w *slowWriter) Write(chunk []byte) (int, error) {
	if w.Len() == 0 {
		<-time.After(silence + silence/2)
	}
	return w.Buffer.Write(chunk)
}

func TestAStreamIsNotSilentWhileWeAreSlow(t *testing.T) {
	w := &slowWriter{}
	s, err := newStream(w)
	require.NoError(t, err)
	text := strings.Repeat("0123456789abcdef", 3<<10) // more than one read takes, and less than a pipe holds
	_, err = s.write.WriteString(text)
	require.NoError(t, err)
	s.begin()
	s.finish(10*time.Second, false)
	require.Len(t, w.String(), len(text))
	require.False(t, s.cut)
}

// The end of a stream that is cut may be half a secret.
func TestALineThatWasCutIsDropped(t *testing.T) {
	const secret = "hunter2-hunter2"
	for name, length := range map[string]int{"a short line": 10, "a line over the limit": 1000} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(100, redact.New(secret))
			_, _ = c.outLines.Write([]byte("whole\n" + strings.Repeat(".", length) + secret[:9]))
			c.cut(true, false)
			c.flush()
			require.Contains(t, "whole\n"+strings.Repeat(".", length), string(c.log.bytes()))
			require.NotContains(t, string(c.log.bytes()), secret[:4])
		})
	}
}
