package philox

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The known answers that the authors publish with Random123.
func TestKnownAnswers(t *testing.T) {
	const f = 0xffffffff
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{f, f, f, f}, [2]uint32{f, f}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		assert.Equal(t, c.want, block(c.counter, c.key))
	}
}

func TestUint32sIsTheBlocks(t *testing.T) {
	dst := make([]uint32, 10)
	const key, counter = 0x0123456789abcdef, 0xfffffffe // carries into the high word
	Uint32s(dst, key, counter)
	for i, got := range dst {
		at := uint64(counter) + uint64(i/4)
		b := block([4]uint32{uint32(at), uint32(at >> 32)}, [2]uint32{0x89abcdef, 0x01234567})
		require.Equal(t, b[i%4], got, "word %d", i)
	}
}

func TestBlocks(t *testing.T) {
	assert.Equal(t, []uint64{0, 1, 1, 1, 1, 2}, []uint64{Blocks32(0), Blocks32(1), Blocks32(2), Blocks32(3), Blocks32(4), Blocks32(5)})
	assert.Equal(t, []uint64{0, 1, 1, 2, 2, 3}, []uint64{Blocks64(0), Blocks64(1), Blocks64(2), Blocks64(3), Blocks64(4), Blocks64(5)})
}

func TestKeysDiffer(t *testing.T) {
	seen := map[uint64]string{}
	for seed := range uint64(100) {
		for _, purpose := range []string{"", "a", "aa", "init", "latent", "\x00", "\x00\x00"} {
			k := Key(seed, purpose)
			require.Empty(t, seen[k], "seed %d %q", seed, purpose)
			seen[k] = purpose + "!"
		}
	}
}
