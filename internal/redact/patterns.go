package redact

// patterns are byte sequences to be found, as hashes.
type patterns struct {
	byPrefix map[prefix][]int   // lengths of the patterns that begin with these bytes, each once
	byHash   map[window]pattern // the patterns
	filter   [1 << 10]uint64    // a bit for each prefix, which may be that of others too: most text ends here
}

// prefix is how every pattern begins. None is shorter.
type prefix [MinCharacters]byte

// bit returns where the filter has the prefix.
func (p prefix) bit() (word int, mask uint64) {
	n := (uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24) * 0x9E3779B1 >> 16
	return int(n >> 6), 1 << (n & 63)
}

// window identifies a byte sequence. Two that share a hash by chance mean that a text without a secret is masked, once in 2^64.
type window struct {
	length int
	hash   uint64
}

// pattern says more about a byte sequence that shows a secret.
type pattern struct {
	wrapped       bool // it may be broken into lines, as encoders do
	before, after int  // characters beside it that show a part of the secret and of what stands next to it
}

// base is the base of the hash: the polynomial in it of the bytes, modulo 2^64.
const base = 0x9E3779B97F4A7C15

// add adds a pattern. One that is too short would be found everywhere.
func (p *patterns) add(text string, what pattern) {
	if len(text) < MinCharacters {
		return
	}
	var hash uint64
	for i := range len(text) {
		hash = hash*base + uint64(text[i]) + 1
	}
	key := window{len(text), hash}
	if known, ok := p.byHash[key]; ok {
		p.byHash[key] = pattern{known.wrapped || what.wrapped, max(known.before, what.before), max(known.after, what.after)}
		return
	}
	p.byHash[key] = what
	start := prefix([]byte(text[:MinCharacters]))
	word, mask := start.bit()
	p.filter[word] |= mask
	for _, length := range p.byPrefix[start] {
		if length == len(text) {
			return
		}
	}
	p.byPrefix[start] = append(p.byPrefix[start], len(text))
}

// search adds the places in the text where the view shows a pattern.
func (p *patterns) search(v view, found hidden) {
	if len(v.text) < MinCharacters {
		return
	}
	hashes := make([]uint64, len(v.text)+1) // of what comes before each place
	powers := map[int]uint64{}
	for i, b := range v.text {
		hashes[i+1] = hashes[i]*base + uint64(b) + 1
	}
	for from := range len(v.text) - MinCharacters + 1 {
		start := prefix(v.text[from : from+MinCharacters])
		if word, mask := start.bit(); p.filter[word]&mask == 0 {
			continue
		}
		for _, length := range p.byPrefix[start] {
			to := from + length
			if to > len(v.text) {
				continue
			}
			raised, ok := powers[length]
			if !ok {
				raised = power(length)
				powers[length] = raised
			}
			what, ok := p.byHash[window{length, hashes[to] - hashes[from]*raised}]
			if ok && (what.wrapped || !v.unwrapped) {
				found.add(v.around(from, to, what))
			}
		}
	}
}

func power(n int) uint64 {
	result, factor := uint64(1), uint64(base)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result *= factor
		}
		factor *= factor
	}
	return result
}

// around returns the part of the text that the stretch of the view stands for, with the characters beside it that show a part of
// the secret, and with base64's padding.
func (v view) around(from, to int, what pattern) (start, end int) {
	from = max(0, from-what.before)
	if what.after > 0 {
		to = min(len(v.text), to+what.after)
		for to < len(v.text) && v.text[to] == '=' {
			to++
		}
	}
	return v.source(from, to)
}
