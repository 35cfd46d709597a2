package philox

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/isa"
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

// Every implementation gives the same bits, whatever the length, at any
// counter.
func TestImplementationsAgree(t *testing.T) {
	const n = 2*16384 + 67 // more than one call of assembly
	for _, counter := range []uint64{0, 1<<32 - 5, 1<<64 - 5} {
		const key = 0x0123456789abcdef
		wantW, wantU, wantN := make([]uint32, n), make([]float32, n), make([]float32, n)
		undo := isa.Use("generic")
		Uint32s(wantW, key, counter)
		Uniform32(wantU, key, counter)
		Normal32(wantN, key, counter)
		undo()
		for _, name := range isa.Implementations() {
			undo := isa.Use(name)
			gotW, gotU, gotN := make([]uint32, n+1), make([]float32, n+1), make([]float32, n+1)
			for _, m := range []int{0, 1, 15, 16, 17, 31, 32, 33, 64, 127, 16384, 16385, n} {
				gotW[m], gotU[m], gotN[m] = 42, 42, 42
				Uint32s(gotW[:m], key, counter)
				Uniform32(gotU[:m], key, counter)
				Normal32(gotN[:m], key, counter)
				require.Equal(t, wantW[:m], gotW[:m], "%s words", name)
				require.Equal(t, wantU[:m], gotU[:m], "%s uniform", name)
				require.Equal(t, wantN[:m], gotN[:m], "%s normal", name)
				require.EqualValues(t, 42, gotW[m])
				require.EqualValues(t, 42, gotU[m])
				require.EqualValues(t, 42, gotN[m])
			}
			undo()
		}
	}
}

func TestNoAllocations(t *testing.T) {
	w, f := make([]uint32, 100), make([]float32, 100)
	d := make([]float64, 100)
	for name, fill := range map[string]func(){
		"words":     func() { Uint32s(w, 1, 0) },
		"uniform":   func() { Uniform32(f, 1, 0) },
		"normal":    func() { Normal32(f, 1, 0) },
		"uniform64": func() { Uniform64(d, 1, 0) },
		"normal64":  func() { Normal64(d, 1, 0) },
	} {
		assert.Zero(t, testing.AllocsPerRun(10, fill), name)
	}
}
