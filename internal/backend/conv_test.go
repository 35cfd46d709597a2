package backend_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
)

// TestCorrelations: a convolution and the phases of its gradient consist of the same
// products, each of them once.
func TestCorrelations(t *testing.T) {
	type product struct{ input, tap, output int }
	for stride := 1; stride <= 4; stride++ {
		for pad := range 4 {
			for dilation := 1; dilation <= 4; dilation++ {
				for taps := 1; taps <= 5; taps++ {
					ins := 7 + dilation*(taps-1)
					outs := (ins+2*pad-dilation*(taps-1)-1)/stride + 1
					p := backend.ConvParams{Stride: [2]int{9, stride}, Pad: [2]int{9, pad}, Dilation: [2]int{9, dilation}}
					forward, gradient, written := map[product]int{}, map[product]int{}, map[int]int{}
					f := p.Forward(1, outs, taps)
					for u := range f.Outs {
						for tap := range f.Taps {
							if i := f.Start + u*f.Step + tap*f.Gap; i >= 0 && i < ins {
								forward[product{i, f.First + tap*f.Next, f.At + u*f.By}]++
							}
						}
					}
					for at := range p.Phases(1, ins) {
						g := p.InputGrad(1, at, ins, taps)
						for u := range g.Outs {
							written[g.At+u*g.By]++
							for tap := range g.Taps {
								if o := g.Start + u*g.Step + tap*g.Gap; o >= 0 && o < outs {
									gradient[product{g.At + u*g.By, g.First + tap*g.Next, o}]++
								}
							}
						}
					}
					require.Equal(t, forward, gradient, "stride %d, padding %d, dilation %d, %d taps", stride, pad, dilation, taps)
					for products, n := range forward {
						require.Equal(t, 1, n)
						require.Equal(t, products.input, products.output*stride+products.tap*dilation-pad)
					}
					require.Len(t, written, ins)
					for i, n := range written {
						require.Equal(t, 1, n, "input %d", i)
					}
				}
			}
		}
	}
}
