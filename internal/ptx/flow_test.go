package ptx

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// each runs a body that computes %r20 (or stops) for n threads in blocks of 64, and
// returns what they stored.
func each(t *testing.T, n int, body string) ([]uint32, error) {
	t.Helper()
	text := kernel(".param .u64 out", `
	ld.param.u64 %rd1, [out];
	mov.u32 %r1, %tid.x;
	mov.u32 %r2, %ntid.x;
	mov.u32 %r3, %ctaid.x;
	mad.lo.u32 %r4, %r3, %r2, %r1;
	mad.wide.u32 %rd2, %r4, 4, %rd1;
`+body+`
	st.global.u32 [%rd2], %r20;
	ret;`)
	mem, k := load(t, text)
	out := room(t, mem, 4*n)
	_, err := k.Launch(along((n+63)/64), along(min(n, 64)), 0, pack(out), Options{Workers: 1, BranchLimit: 1 << 20})
	if err != nil {
		return nil, err
	}
	return read[uint32](t, mem, out, n), nil
}

func TestBranches(t *testing.T) {
	for _, k := range []struct {
		name, body string
		want       func(i uint32) uint32
	}{
		{"if else", `
			and.b32 %r5, %r1, 1; setp.eq.u32 %p1, %r5, 0;
			@%p1 bra EVEN;
			mul.lo.u32 %r20, %r1, 3; bra END;
			EVEN: add.u32 %r20, %r1, 100;
			END:`, func(i uint32) uint32 {
			if i%2 == 0 {
				return i + 100
			}
			return 3 * i
		}},
		{"the else lies before", `
			bra START;
			ODD: mul.lo.u32 %r20, %r1, 3; bra END;
			START: and.b32 %r5, %r1, 1; setp.eq.u32 %p1, %r5, 0;
			@!%p1 bra ODD;
			add.u32 %r20, %r1, 100;
			END:`, func(i uint32) uint32 {
			if i%2 == 0 {
				return i + 100
			}
			return 3 * i
		}},
		{"loops of different lengths, nested", `
			mov.u32 %r20, 0; mov.u32 %r5, 0;
			OUTER: setp.ge.u32 %p1, %r5, %r1; @%p1 bra END;
			mov.u32 %r6, 0;
			INNER: setp.ge.u32 %p2, %r6, %r5; @%p2 bra NEXT;
			add.u32 %r20, %r20, %r6; add.u32 %r6, %r6, 1; bra INNER;
			NEXT: add.u32 %r5, %r5, 1; bra OUTER;
			END:`, func(i uint32) uint32 {
			s := uint32(0)
			for a := range i {
				for b := range a {
					s += b
				}
			}
			return s
		}},
		{"a table of targets", `
			rem.u32 %r5, %r1, 3;
			LIST: .branchtargets A, B, C;
			brx.idx %r5, LIST;
			A: mov.u32 %r20, 10; bra END;
			B: mov.u32 %r20, 20; bra END;
			C: mov.u32 %r20, 30;
			END:`, func(i uint32) uint32 { return 10 * (i%3 + 1) }},
		{"predicated", `
			setp.lt.u32 %p1, %r1, 7;
			mov.u32 %r20, 1;
			@%p1 mov.u32 %r20, 2;
			@!%p1 add.u32 %r20, %r20, 5;`, func(i uint32) uint32 {
			if i < 7 {
				return 2
			}
			return 6
		}},
		{"some return early", `
			mov.u32 %r20, 5;
			setp.lt.u32 %p1, %r1, 7;
			@%p1 st.global.u32 [%rd2], %r20;
			@%p1 ret;
			mov.u32 %r20, 8;
			setp.gt.u32 %p1, %r1, 50;
			@%p1 st.global.u32 [%rd2], %r20;
			@%p1 exit;
			mov.u32 %r20, 9;`, func(i uint32) uint32 {
			switch {
			case i < 7:
				return 5
			case i > 50:
				return 8
			}
			return 9
		}},
	} {
		t.Run(k.name, func(t *testing.T) {
			got, err := each(t, 64, k.body)
			require.NoError(t, err)
			for i, v := range got {
				assert.Equal(t, k.want(uint32(i)), v, "thread %d", i)
			}
		})
	}
}

func TestBarrierInLoop(t *testing.T) {
	const body = `
		.shared .b32 s[64];
		mov.u64 %rd5, s;
		mad.wide.u32 %rd6, %r1, 4, %rd5;
		mov.u32 %r20, 0;
		mov.u32 %r5, 0;
		LOOP:
		add.u32 %r6, %r5, %r1;
		st.shared.u32 [%rd6], %r6;
		bar.sync 0;
		xor.b32 %r7, %r1, 63;
		mad.wide.u32 %rd7, %r7, 4, %rd5;
		ld.shared.u32 %r8, [%rd7];
		add.u32 %r20, %r20, %r8;
		bar.sync 0;
		add.u32 %r5, %r5, 1;
		setp.lt.u32 %p1, %r5, BOUND;
		@%p1 bra LOOP;
		`
	got, err := each(t, 64, strings.Replace(body, "BOUND", "3", 1))
	require.NoError(t, err)
	for i, v := range got {
		assert.Equal(t, uint32(3*(63-i)+3), v)
	}
	// One thread loops once more than the others.
	_, err = each(t, 64, strings.Replace(body, "setp.lt.u32 %p1, %r5, BOUND;", "setp.eq.u32 %p2, %r1, 40; selp.u32 %r9, 4, 3, %p2; setp.lt.u32 %p1, %r5, %r9;", 1))
	f := fault(t, err)
	assert.Equal(t, Divergence, f.Kind)
	assert.ErrorContains(t, err, "has returned")
	assert.Equal(t, Dim3{X: 40}, f.Thread)
	// Threads wait at two barriers.
	_, err = each(t, 64, "mov.u32 %r20, 0; setp.lt.u32 %p1, %r1, 32; @%p1 bra A; bar.sync 0; bra B; A: bar.sync 0; B:")
	assert.Equal(t, Divergence, fault(t, err).Kind)
	assert.ErrorContains(t, err, "waits at another, in line")
	_, err = each(t, 64, "mov.u32 %r20, 0; setp.lt.u32 %p1, %r1, 5; @%p1 bra A; bar.sync 0; bra B; A: bar.sync 0; B:")
	assert.ErrorContains(t, err, "waits at another, in line")
}

func TestFaultsOfFlow(t *testing.T) {
	for _, k := range []struct {
		name, body string
		kind       Kind
		says       string
	}{
		{"endless", "mov.u32 %r20, 0; LOOP: bra LOOP;", TooLong, "limit of 1048576"},
		{"endless by a table", "mov.u32 %r20, 0; mov.u32 %r5, 0; L: .branchtargets LOOP; LOOP: brx.idx %r5, L;", TooLong, ""},
		{"target of a table", "mov.u32 %r20, 0; L: .branchtargets A; brx.idx %r1, L; A:", OutOfBounds, "target 1 of 1"},
		{"trap", "mov.u32 %r20, 0; setp.eq.u32 %p1, %r1, 9; @%p1 trap;", Trapped, "thread (9, 0, 0)"},
		{"division", "rem.u32 %r5, %r1, 20; mov.u32 %r6, 1; div.u32 %r20, %r6, %r5;", Undefined, "%r20, which was never set, or was computed from what was not, or by dividing by zero"},
		{"wide division", "cvt.u64.u32 %rd5, %r1; rem.s64 %rd6, 5, %rd5; cvt.u32.u64 %r20, %rd6;", Undefined, "%r20, which"},
		{"register", "add.u32 %r20, %r30, 1;", Undefined, "it stores %r20, which was never set, or was computed from what was not"},
		{"register of some", "setp.eq.u32 %p1, %r1, 9; @!%p1 mov.u32 %r30, 1; add.u32 %r20, %r30, 1;", Undefined, "thread (9, 0, 0)"},
		{"copied register", "mov.u32 %r31, %r30; mov.b64 %rd5, {%r31, %r1}; mov.b64 {%r32, _}, %rd5; add.u32 %r20, %r32, 1;", Undefined, "%r20"},
		{"selected register", "setp.eq.u32 %p1, %r1, 9; selp.u32 %r31, %r30, %r1, %p1; add.u32 %r20, %r31, 1;", Undefined, "thread (9, 0, 0)"},
		{"stored register", "", Undefined, "it stores %r20"},
		{"predicate of an undefined register", "mov.u32 %r20, 1; setp.eq.u32 %p2, %r30, 0; @%p2 mov.u32 %r20, 2;", Undefined, "%p2, which"},
		{"second result of an undefined register", "mov.u32 %r20, 1; setp.eq.u32 %p3|%p2, %r30, 0; @%p2 bra END; END:", Undefined, "%p2, which"},
		{"selection by an undefined predicate", "selp.u32 %r20, 1, 2, %p9;", Undefined, "%r20, which"},
		{"vote by an undefined predicate", "vote.sync.ballot.b32 %r20, %p9, -1;", Undefined, "%p9, which"},
		{"predicate", "mov.u32 %r20, 1; @%p9 mov.u32 %r20, 2;", Undefined, "%p9, which was never set"},
		{"address", "ld.global.u32 %r20, [%rd30];", Undefined, "%rd30"},
		{"address of nothing", "mov.u64 %rd5, 4096; ld.global.u32 %r20, [%rd5];", OutOfBounds, "where nothing is allocated"},
		{"null", "mov.u64 %rd5, 0; ld.global.u32 %r20, [%rd5];", OutOfBounds, "0x0, where nothing is allocated"},
		{"null of shared memory", ".shared .b32 s; mov.u64 %rd5, 0; ld.shared.u32 %r20, [%rd5];", OutOfBounds, "before all variables"},
		{"from one variable into the next", ".shared .b32 s[4]; .shared .b32 z[4]; mov.u32 %r20, 1; mad.wide.u32 %rd5, %r1, 4, 0; mov.u64 %rd6, s; add.u64 %rd5, %rd5, %rd6; st.shared.u32 [%rd5], %r20;", OutOfBounds, "0 bytes past the end of s, which has 16"},
		{"constant", "mov.u32 %r20, 1; ld.const.u32 %r20, [4];", OutOfBounds, "of constant memory"},
		{"arguments", "ld.param.u32 %r20, [out+8];", OutOfBounds, "4 bytes at 8 of 8 bytes of arguments"},
		{"arguments, askew", "ld.param.u32 %r20, [out+2];", Misaligned, ""},
		{"vector", "mov.u32 %r20, 1; add.u64 %rd5, %rd1, 8; ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd5];", Misaligned, "16 bytes"},
		{"shared, undefined", ".shared .b32 s; ld.shared.u32 %r20, [s];", Undefined, "byte 0 of the 4 of s"},
		{"shared, of an undefined register", ".shared .b32 s; st.shared.u32 [s], %r30;", Undefined, "%r30"},
		{"local, undefined", ".local .b32 l[2]; ld.local.u32 %r5, [l+4]; add.u32 %r20, %r5, 1;", Undefined, "%r20"},
		{"local, from one variable into the next", ".local .b32 l[2]; .local .b32 z[2]; mov.u32 %r20, 1; st.local.u32 [l+8], %r20;", OutOfBounds, "0 bytes past the end of l"},
		{"shared, all write", ".shared .b32 s; mov.u32 %r20, 1; st.shared.u32 [s], %r20;", Race, "which was written by thread (0, 0, 0) since the last barrier"},
		{"shared, one writes and one reads", ".shared .b32 s[64]; mad.wide.u32 %rd5, %r1, 4, 0; mov.u64 %rd6, s; add.u64 %rd5, %rd5, %rd6; st.shared.u32 [%rd5], %r1; bar.sync 0; ld.shared.u32 %r20, [%rd5]; setp.eq.u32 %p1, %r1, 3; @%p1 st.shared.u32 [s+160], %r1;", Race, ""},
		{"bytes of shared memory", ".shared .b8 s[64]; cvt.u64.u32 %rd5, %r1; mov.u64 %rd6, s; add.u64 %rd5, %rd5, %rd6; st.shared.u8 [%rd5], %r1; mov.u32 %r20, 0; setp.eq.u32 %p1, %r1, 3; @%p1 ld.shared.u8 %r20, [s+2];", Race, "byte 2 of the 64"},
		{"global, written and read by another", "mov.u32 %r20, 1; st.global.u32 [%rd2], %r20; xor.b32 %r5, %r1, 1; mad.wide.u32 %rd5, %r5, 4, %rd1; ld.global.u32 %r20, [%rd5];", Race, "which was written by"},
		{"global, read by a way for constants", "mov.u32 %r20, 1; st.global.u32 [%rd2], %r20; ld.global.nc.u32 %r20, [%rd2];", Race, ".nc"},
		{"shuffle, a lane is missing", "mov.u32 %r20, 0; setp.lt.u32 %p1, %r1, 9; @%p1 bra END; shfl.sync.down.b32 %r20, %r1, 1, 31, -1; END:", Divergence, "waits for lanes that never come to it"},
		{"shuffle, a lane waits elsewhere", "mov.u32 %r20, 0; setp.lt.u32 %p1, %r1, 9; @%p1 bra END; shfl.sync.down.b32 %r20, %r1, 1, 31, -1; END: bar.sync 0;", Divergence, "waits for lanes that never come to it"},
		{"shuffle of undefined", "shfl.sync.down.b32 %r20, %r30, 1, 31, -1;", Undefined, "reads lane 1 of %r30, which was never set"},
		{"shuffle from a lane that takes no part", "mov.u32 %r20, 0; setp.ge.u32 %p1, %r1, 9; @%p1 bra END; shfl.sync.down.b32 %r20, %r1, 1, 31, 0x1ff; END:", Divergence, "reads lane 9"},
	} {
		t.Run(k.name, func(t *testing.T) {
			_, err := each(t, 64, k.body)
			require.Error(t, err)
			assert.Equal(t, k.kind, fault(t, err).Kind, "%v", err)
			assert.ErrorContains(t, err, k.says)
		})
	}
}

// What looks like a race and is none.
func TestNoFault(t *testing.T) {
	const shared = ".shared .b32 s[64]; mad.wide.u32 %rd5, %r1, 4, 0; mov.u64 %rd6, s; add.u64 %rd5, %rd5, %rd6; xor.b32 %r5, %r1, 1; mad.wide.u32 %rd7, %r5, 4, %rd6;\n"
	for name, body := range map[string]string{
		"a thread writes and reads its own":         shared + "st.shared.u32 [%rd5], %r1; ld.shared.u32 %r20, [%rd5]; st.shared.u32 [%rd5], %r20;",
		"all read":                                  shared + "st.shared.u32 [%rd5], %r1; bar.sync 0; ld.shared.u32 %r20, [s]; ld.shared.u32 %r20, [%rd7]; ld.shared.u32 %r20, [s]; bar.sync 0; st.shared.u32 [%rd5], %r1;",
		"a warp waits for itself":                   shared + "st.shared.u32 [%rd5], %r1; bar.warp.sync 0xffffffff; ld.shared.u32 %r20, [%rd7]; bar.warp.sync 0xffffffff; st.shared.u32 [%rd7], %r20;",
		"bytes of one word":                         ".shared .b8 s[64]; cvt.u64.u32 %rd5, %r1; mov.u64 %rd6, s; add.u64 %rd5, %rd5, %rd6; st.shared.u8 [%rd5], %r1; ld.shared.u8 %r20, [%rd5];",
		"global, with a barrier":                    "mov.u32 %r20, 1; st.global.u32 [%rd2], %r20; bar.sync 0; and.b32 %r5, %r1, 0; bar.sync 0;",
		"an undefined register is used in vain":     "add.u32 %r31, %r30, 5; selp.u32 %r32, %r31, %r1, %p1; mov.u32 %r20, 1;",
		"a quotient of zero is selected in vain":    "mov.u32 %r6, 7; div.u32 %r7, %r6, %r1; setp.eq.u32 %p1, %r1, 0; selp.u32 %r20, 1, %r7, %p1;",
		"an undefined register is selected in vain": "setp.lt.u32 %p1, %r1, 0; selp.u32 %r20, %r30, %r1, %p1;",
		"a shuffle of half a warp":                  "mov.u32 %r20, 0; and.b32 %r6, %r1, 31; setp.ge.u32 %p1, %r6, 16; @%p1 bra END; shfl.sync.bfly.b32 %r20, %r1, 1, 31, 0xffff; END:",
		"lanes come to a shuffle one after another": "mov.u32 %r7, 0; mov.u32 %r20, 0; and.b32 %r6, %r1, 31; setp.ge.u32 %p1, %r6, 16; @%p1 bra LATE; bra MEET; LATE: add.u32 %r7, %r7, 1; bra MEET; MEET: shfl.sync.idx.b32 %r20, %r1, 0, 31, -1;",
		"lanes come to a warp's barrier from after": "mov.u32 %r20, 0; setp.ge.u32 %p1, %r1, 16; @%p1 bra LATE; MEET: bar.warp.sync 0xffffffff; bra END; LATE: bra MEET; END:",
	} {
		if strings.Contains(name, "used in vain") {
			body = "setp.lt.u32 %p1, %r1, 0; " + body
		}
		t.Run(name, func(t *testing.T) {
			_, err := each(t, 64, body)
			assert.NoError(t, err)
		})
	}
}

func TestWarps(t *testing.T) {
	lane := func(i int) int { return i & 31 }
	for _, k := range []struct {
		text string
		want func(i int) int
	}{
		{"shfl.sync.up.b32 %r20, %r1, 3, 0, -1;", func(i int) int {
			if lane(i) < 3 {
				return i
			}
			return i - 3
		}},
		{"shfl.sync.down.b32 %r20, %r1, 3, 31, -1;", func(i int) int {
			if lane(i) > 28 {
				return i
			}
			return i + 3
		}},
		{"shfl.sync.bfly.b32 %r20, %r1, 5, 31, -1;", func(i int) int { return i ^ 5 }},
		{"shfl.sync.idx.b32 %r20, %r1, 7, 31, -1;", func(i int) int { return i&^31 + 7 }},
		// Segments of 8 lanes.
		{"shfl.sync.idx.b32 %r20, %r1, 3, 0x181f, -1;", func(i int) int { return i&^7 + 3 }},
		{"shfl.sync.down.b32 %r20, %r1, 2, 0x181f, -1;", func(i int) int {
			if i&7 > 5 {
				return i
			}
			return i + 2
		}},
		{"shfl.sync.up.b32 %r20, %r1, 2, 0x1800, -1;", func(i int) int {
			if i&7 < 2 {
				return i
			}
			return i - 2
		}},
		{"shfl.sync.down.b32 %r19|%p1, %r1, 3, 31, -1; selp.u32 %r20, 1, 0, %p1;", func(i int) int {
			if lane(i) > 28 {
				return 0
			}
			return 1
		}},
		{"setp.lt.u32 %p1, %r1, 40; vote.sync.ballot.b32 %r20, %p1, -1;", func(i int) int {
			if i < 32 {
				return -1
			}
			return 0xff
		}},
		{"setp.lt.u32 %p1, %r1, 40; vote.sync.all.pred %p2, %p1, -1; selp.u32 %r20, 1, 0, %p2;", func(i int) int { return 1 - i/32 }},
		{"setp.lt.u32 %p1, %r1, 40; vote.sync.any.pred %p2, !%p1, -1; selp.u32 %r20, 1, 0, %p2;", func(i int) int { return i / 32 }},
		{"setp.lt.u32 %p1, %r1, 40; vote.sync.uni.pred %p2, %p1, -1; selp.u32 %r20, 1, 0, %p2;", func(i int) int { return 1 - i/32 }},
		{"activemask.b32 %r20;", func(int) int { return -1 }},
		{"mov.u32 %r20, 0; setp.lt.u32 %p1, %r1, 40; @%p1 activemask.b32 %r20;", func(i int) int {
			switch {
			case i < 32:
				return -1
			case i < 40:
				return 0xff
			}
			return 0
		}},
		{"mov.u32 %r20, %laneid;", lane},
		{"mov.u32 %r20, %warpid;", func(i int) int { return i / 32 }},
		{"mov.u32 %r20, %nwarpid;", func(int) int { return 2 }},
		{"mov.u32 %r20, WARP_SZ;", func(int) int { return 32 }},
		{"mov.u32 %r20, %lanemask_eq;", func(i int) int { return 1 << lane(i) }},
		{"mov.u32 %r20, %lanemask_lt;", func(i int) int { return 1<<lane(i) - 1 }},
		{"mov.u32 %r20, %lanemask_le;", func(i int) int { return 2<<lane(i) - 1 }},
		{"mov.u32 %r20, %lanemask_gt;", func(i int) int { return int(^uint32(2<<lane(i) - 1)) }},
		{"mov.u32 %r20, %lanemask_ge;", func(i int) int { return int(^uint32(1<<lane(i) - 1)) }},
		{".shared .b64 s[3]; mov.u32 %r20, %total_smem_size;", func(int) int { return 0 }},
	} {
		got, err := each(t, 64, k.text)
		require.NoError(t, err, k.text)
		for i, v := range got {
			want := k.want(i)
			if strings.Contains(k.text, "total_smem") {
				want = 24
			}
			if !assert.Equal(t, uint32(want), v, "%s in thread %d", k.text, i) {
				break
			}
		}
	}
}

func TestSpecialRegisters(t *testing.T) {
	var body strings.Builder
	regs := []string{"%tid.x", "%tid.y", "%tid.z", "%ntid.x", "%ntid.y", "%ntid.z", "%ctaid.x", "%ctaid.y", "%ctaid.z", "%nctaid.x", "%nctaid.y", "%nctaid.z"}
	for i, r := range regs {
		fmt.Fprintf(&body, "mov.u32 %%r%d, %s;\n", 20+i, r)
	}
	body.WriteString(`
	ld.param.u64 %rd1, [out];
	mad.lo.u32 %r1, %r28, %r30, %r27; mad.lo.u32 %r1, %r1, %r29, %r26;  // the block
	mul.lo.u32 %r2, %r23, %r24; mul.lo.u32 %r2, %r2, %r25;              // threads of a block
	mad.lo.u32 %r3, %r22, %r24, %r21; mad.lo.u32 %r3, %r3, %r23, %r20;  // the thread
	mad.lo.u32 %r4, %r1, %r2, %r3;
	mad.wide.u32 %rd2, %r4, 48, %rd1;
	st.global.v4.u32 [%rd2], {%r20, %r21, %r22, %r23};
	st.global.v4.u32 [%rd2+16], {%r24, %r25, %r26, %r27};
	st.global.v4.u32 [%rd2+32], {%r28, %r29, %r30, %r31};
	ret;`)
	mem, k := load(t, kernel(".param .u64 out", body.String()))
	grid, block := Dim3{2, 3, 2}, Dim3{5, 3, 4}
	n := int(grid.count() * block.count())
	out := room(t, mem, 48*n)
	_, err := k.Launch(grid, block, 0, pack(out), Options{})
	require.NoError(t, err)
	got := read[[12]uint32](t, mem, out, n)
	i := 0
	for bz := range grid.Z {
		for by := range grid.Y {
			for bx := range grid.X {
				for z := range block.Z {
					for y := range block.Y {
						for x := range block.X {
							assert.Equal(t, [12]uint32{x, y, z, 5, 3, 4, bx, by, bz, 2, 3, 2}, got[i])
							i++
						}
					}
				}
			}
		}
	}
}

// Loads and stores of all widths, vectors, spaces and registers.
func TestMemorySpaces(t *testing.T) {
	for _, k := range []struct {
		text string
		want uint32
	}{
		{"st.SPACE.u8 [A], 0x1ff; ld.SPACE.u8 %r20, [A];", 0xff},
		{"st.SPACE.u8 [A], 0x1ff; ld.SPACE.s8 %r20, [A];", 0xffffffff},
		{"mov.b32 %r5, 0x12345678; st.SPACE.u16 [A], %r5; ld.SPACE.u16 %r20, [A];", 0x5678},
		{"mov.b32 %r5, 0x1234d678; st.SPACE.u16 [A+2], %r5; ld.SPACE.s16 %r20, [A+2];", 0xffffd678},
		{"mov.b16 %h1, -2; st.SPACE.b16 [A], %h1; ld.SPACE.u8 %r20, [A+1];", 0xff},
		{"st.SPACE.u8 [A], 0x80; ld.SPACE.s8 %h1, [A]; cvt.u32.u16 %r20, %h1;", 0xff80},
		{"st.SPACE.u8 [A], 0x80; ld.SPACE.s8 %h1, [A]; cvt.s32.s16 %r20, %h1;", 0xffffff80},
		{"st.SPACE.s32 [A], -5; ld.SPACE.s32 %rd9, [A]; shr.s64 %rd9, %rd9, 32; cvt.u32.u64 %r20, %rd9;", 0xffffffff},
		{"st.SPACE.s32 [A], -5; ld.SPACE.u32 %rd9, [A]; shr.s64 %rd9, %rd9, 32; cvt.u32.u64 %r20, %rd9;", 0},
		{"mov.u64 %rd9, 0x1122334455667788; st.SPACE.u64 [A+8], %rd9; ld.SPACE.u32 %r20, [A+12];", 0x11223344},
		{"mov.u64 %rd9, 0x1122334455667788; st.SPACE.u32 [A+8], %rd9; ld.SPACE.u32 %r20, [A+8];", 0x55667788},
		{"mov.u64 %rd9, 0x1122334455667788; st.SPACE.u64 [A+8], %rd9; ld.SPACE.v2.u32 {_, %r20}, [A+8];", 0x11223344},
		{"st.SPACE.v4.f32 [A], {0f3f800000, 0f40000000, 0f40400000, 0f40800000}; ld.SPACE.f32 %f1, [A+8]; mov.b32 %r20, %f1;", 0x40400000},
		{"st.SPACE.v2.f64 [A], {0d3ff0000000000000, 0d4000000000000000}; ld.SPACE.v2.f64 {%fd1, %fd2}, [A]; add.f64 %fd1, %fd1, %fd2; cvt.rzi.u32.f64 %r20, %fd1;", 3},
		{"st.SPACE.v2.u16 [A], {1, 2}; ld.SPACE.u32 %r20, [A];", 0x20001},
		{"st.volatile.SPACE.u32 [A], 7; ld.volatile.SPACE.u32 %r20, [A+0];", 7},
		{"st.SPACE.u32 [A+-0], 7; add.u64 %rd8, A, 4; ld.SPACE.u32 %r20, [%rd8+-4];", 7},
	} {
		for space, setup := range map[string]string{
			"global": "mad.wide.u32 %rd7, %r4, 16, %rd1;",
			"shared": ".shared .align 16 .b8 s[1024]; mov.u64 %rd6, s; mad.wide.u32 %rd7, %r1, 16, %rd6;",
			"local":  ".local .align 16 .b8 l[16]; mov.u64 %rd7, l;",
			"":       "mad.wide.u32 %rd7, %r4, 16, %rd1;",
			"1":      ".shared .align 16 .b8 s[1024]; mov.u64 %rd6, s; cvta.shared.u64 %rd6, %rd6; mad.wide.u32 %rd7, %r1, 16, %rd6;",
			"2":      ".local .align 16 .b8 l[16]; mov.u64 %rd7, l; cvta.local.u64 %rd7, %rd7;",
			"3":      ".shared .align 16 .b8 s[1024]; mov.u64 %rd6, s; cvta.shared.u64 %rd6, %rd6; mad.wide.u32 %rd7, %r1, 16, %rd6; cvta.to.shared.u64 %rd8, %rd7; st.shared.u32 [%rd8], 0; ",
		} {
			name := "." + space
			if len(space) < 2 {
				name = ""
			}
			text := strings.ReplaceAll(strings.ReplaceAll(k.text, ".SPACE", name), "A", "%rd7")
			// The words of global memory hold bytes of the results later.
			mem, kern := load(t, kernel(".param .u64 in, .param .u64 out", `
				ld.param.u64 %rd1, [in]; ld.param.u64 %rd3, [out];
				mov.u32 %r1, %tid.x; mov.u32 %r4, %tid.x;
				mad.wide.u32 %rd2, %r4, 4, %rd3;
				`+setup+text+"st.global.u32 [%rd2], %r20; ret;"))
			in, out := room(t, mem, 16*64), room(t, mem, 4*64)
			_, err := kern.Launch(along(1), along(64), 0, pack(in, out), Options{})
			require.NoError(t, err, text)
			for _, v := range read[uint32](t, mem, out, 64) {
				if !assert.Equal(t, k.want, v, text) {
					break
				}
			}
		}
	}
}

func TestVariables(t *testing.T) {
	text := header + `
.const .align 8 .f32 c[4] = {1.5, 0f40000000, -3};
.global .u16 g[2] = {7, -1};
.global .align 16 .b8 zero[32];
.const .s32 one = -4;
.visible .entry k(.param .u64 out)
{
	.reg .b32 %r<9>; .reg .b64 %rd<9>; .reg .f32 %f<9>;
	ld.param.u64 %rd1, [out];
	ld.const.f32 %f1, [c]; ld.const.f32 %f2, [c+4]; ld.const.f32 %f3, [c+8]; ld.const.f32 %f4, [c+12];
	st.global.v4.f32 [%rd1], {%f1, %f2, %f3, %f4};
	mov.u64 %rd2, g; ld.global.u16 %r1, [%rd2]; ld.global.s16 %r2, [g+2]; ld.const.s32 %r3, [one];
	cvta.const.u64 %rd3, one; ld.u32 %r4, [%rd3];
	st.global.v4.u32 [%rd1+16], {%r1, %r2, %r3, %r4};
	ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [zero+16]; st.global.v4.f32 [%rd1+32], {%f1, %f2, %f3, %f4};
	ret;
}`
	text = strings.Replace(text, "-3}", "-3.0}", 1)
	mem, k := load(t, text)
	out := room(t, mem, 48)
	_, err := k.Launch(along(1), along(1), 0, pack(out), Options{})
	require.NoError(t, err)
	assert.Equal(t, []float32{1.5, 2, -3, 0}, read[float32](t, mem, out, 4))
	assert.Equal(t, []int32{7, -1, -4, -4, 0, 0, 0, 0}, read[int32](t, mem, out+16, 8))
	assert.Equal(t, 20, k.ConstBytes())
	assert.Equal(t, 36, int(mem.Used())-48)
	k.program.Unload()
	assert.Equal(t, 48, int(mem.Used()))
}
