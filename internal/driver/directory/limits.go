package directory

import (
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
)

// Limits keep a broken or hostile artifact from filling the disk. Sizes are in bytes; zero means the default.
type Limits struct {
	Entries       int   // files, directories and links of one release: 100,000
	FileBytes     int64 // one unpacked file: 4 GiB
	TotalBytes    int64 // all unpacked files of one release: 4 GiB
	ArtifactBytes int64 // one artifact as it is read or fetched: 4 GiB
	// An archive may unpack to Ratio times its size (200), and to RatioFree (64 MiB) in any case.
	Ratio     int64
	RatioFree int64
}

func (l Limits) orDefaults() Limits {
	return Limits{
		Entries:       or(l.Entries, 100_000),
		FileBytes:     or(l.FileBytes, 4<<30),
		TotalBytes:    or(l.TotalBytes, 4<<30),
		ArtifactBytes: or(l.ArtifactBytes, artifact.MaxBytes),
		Ratio:         or(l.Ratio, 200),
		RatioFree:     or(l.RatioFree, 64<<20),
	}
}

func or[N int | int64](n, otherwise N) N {
	if n == 0 {
		return otherwise
	}
	return n
}

// unpacked is how much an archive of the size may unpack to by its ratio.
func (l Limits) unpacked(archive int64) int64 { return max(l.RatioFree, l.Ratio*archive) }

// budget counts what the artifacts of one release use up together.
type budget struct {
	limits  Limits
	entries int
	bytes   int64
	names   int // bytes of all paths and links
}

// nameBytes is how long the paths and links of a release may be, per entry and on average.
const nameBytes = 256

// entry counts an entry by its path and link, if it has any.
func (b *budget) entry(names ...string) error {
	b.entries++
	for _, name := range names {
		b.names += len(name)
	}
	switch {
	case b.entries > b.limits.Entries:
		return fmt.Errorf("it has more than %d entries, the most that a release may have; pack fewer files", b.limits.Entries)
	case b.names > b.limits.Entries*nameBytes:
		return fmt.Errorf("its paths are longer than %d bytes together, the most that a release may have", b.limits.Entries*nameBytes)
	}
	return nil
}

// manifestBytes is the most that a manifest may have.
func (l Limits) manifestBytes() int { return l.Entries*640 + 1<<20 }
