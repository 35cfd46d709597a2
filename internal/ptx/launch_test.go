package ptx

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// toucher writes, or reads, word or byte %r5 of an array in one block.
const toucher = `
	ld.param.u64 %rd1, [p];
	ld.param.u32 %r5, [at];
	ld.param.u32 %r6, [who];
	mov.u32 %r1, %ctaid.x;
	setp.ne.u32 %p1, %r1, %r6;
	@%p1 ret;
	mad.wide.u32 %rd2, %r5, SIZE, %rd1;
	st.global.uBITS [%rd2], %r1;
	ret;`

// Launches are ordered: a word may be written by another block in each. Numbers of
// launches start again after some; a race is found before and after that.
func TestManyLaunches(t *testing.T) {
	words := kernel(".param .u64 p, .param .u32 at, .param .u32 who", replace(toucher, "SIZE", "4", "BITS", "32"))
	bytes := kernel(".param .u64 p, .param .u32 at, .param .u32 who", replace(toucher, "SIZE", "1", "BITS", "8"))
	racing := kernel(".param .u64 p, .param .u32 at, .param .u32 who", replace(toucher, "SIZE", "1", "BITS", "8", "@%p1 ret;", ""))
	mem := NewMemory(1 << 20)
	p := room(t, mem, 64)
	var ks []*Kernel
	for _, text := range []string{words, bytes, racing} {
		m, err := Parse([]byte(text))
		require.NoError(t, err)
		prog, err := mem.Load(m)
		require.NoError(t, err)
		ks = append(ks, prog.Kernel("k"))
	}
	for i := range 2*1<<launchBits + 100 {
		k := ks[i/100%2]
		_, err := k.Launch(along(3), along(1), 0, pack(p, uint32(i%3), uint32(i%2)), Options{Workers: 1})
		require.NoError(t, err)
		if i%250 == 0 {
			_, err := ks[2].Launch(along(3), along(1), 0, pack(p, uint32(63), uint32(0)), Options{Workers: 1})
			assert.Equal(t, Race, fault(t, err).Kind)
		}
	}
}

func replace(s string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		s = strings.ReplaceAll(s, pairs[i], pairs[i+1])
	}
	return s
}

// Of several blocks that fail the first is reported, however many run at a time.
func TestFirstFault(t *testing.T) {
	text := kernel(".param .u64 p", `
	ld.param.u64 %rd1, [p];
	mov.u32 %r1, %ctaid.x;
	mov.u32 %r3, 0;
	LOOP: // the later ones are the faster
	add.u32 %r3, %r3, 1;
	sub.u32 %r4, 3000, %r1;
	setp.lt.u32 %p1, %r3, %r4;
	@%p1 bra LOOP;
	mad.wide.u32 %rd2, %r1, 4, %rd1;
	st.global.u32 [%rd2], %r3;
	ret;`)
	for range 20 {
		mem, k := load(t, text)
		p := room(t, mem, 4*5)
		_, err := k.Launch(along(50), along(1), 0, pack(p), Options{Workers: 8})
		f := fault(t, err)
		assert.Equal(t, OutOfBounds, f.Kind)
		assert.Equal(t, Dim3{X: 5}, f.Block)
	}
}

// The number of instructions is that of the threads, whatever their warps do.
func TestInstructionCount(t *testing.T) {
	mem, k := load(t, kernel(".param .u64 p", `
	mov.u32 %r1, %tid.x;
	setp.lt.u32 %p1, %r1, 10;
	@!%p1 bra END;
	mov.u32 %r2, 1;
	mov.u32 %r2, 2;
	END: ret;`))
	n, err := k.Launch(along(3), along(40), 0, pack(room(t, mem, 4)), Options{})
	require.NoError(t, err)
	// A branch under a predicate counts for those that take it.
	assert.Equal(t, uint64(3*(40*2+30+10*2+40)), n)
	assert.Equal(t, 7, k.Instructions(), "with the return at the end of the text")
}
