package ptx

import (
	"flag"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

var mutations = flag.Int("mutations", 1500, "how many changed texts TestMutations runs")

// TestMutations exchanges, drops and repeats words of the kernels. The fuzzer changes
// bytes, most of which the parser refuses; these texts reach the compiler and the
// interpreter, which must not panic.
func TestMutations(t *testing.T) {
	words := regexp.MustCompile(`[\w.$%]+|[^\w\s]|\s+`)
	var all []string // to take words from
	var texts [][]string
	for _, k := range tasks() {
		w := words.FindAllString(one(t, k.kernel), -1)
		texts = append(texts, w)
		all = append(all, w...)
	}
	for _, extra := range []string{"vote.sync.ballot.b32", "bfe.u32", "bfi.b64", "prmt.b32", "%p1", "|", "!", "{", "}", "set.lt.f32.f32", "selp.b64", "cvt.rni.s8.f64", ".v4", "brx.idx", "%laneid", "-1", "0x7fffffff", "lop3.b32", "cvta.local.u64", "mad.hi.s64", "shf.l.wrap.b32", "bar.warp.sync", "popc.b64", "@%p1", "exit"} {
		for range 200 {
			all = append(all, extra)
		}
	}
	n := *mutations
	if testing.Short() {
		n /= 5
	}
	r := rand.New(rand.NewPCG(1, uint64(n)))
	ran := 0
	for range n {
		i := r.IntN(len(texts))
		k := tasks()[i]
		w := append([]string(nil), texts[i]...)
		for range 1 + r.IntN(4) {
			at := r.IntN(len(w))
			switch r.IntN(4) {
			case 0:
				w[at] = ""
			case 1:
				w[at] = all[r.IntN(len(all))]
			case 2:
				w[at] = w[r.IntN(len(w))]
			case 3:
				w[at] += " " + w[r.IntN(len(w))]
			}
		}
		text := strings.Join(w, "")
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%v in\n%s", p, text)
					panic(p)
				}
			}()
			m, err := Parse([]byte(text))
			if err != nil {
				return
			}
			mem := NewMemory(1 << 24)
			p, err := mem.Load(m)
			if err != nil || p.Kernel(k.kernel) == nil {
				return
			}
			args, _ := k.setup(t, mem)
			ran++
			_, _ = p.Kernel(k.kernel).Launch(k.grid, k.block, k.shared, args, Options{Workers: 1, BranchLimit: 1 << 14})
		}()
	}
	if ran < n/20 {
		t.Errorf("%d of %d texts ran", ran, n)
	}
}
