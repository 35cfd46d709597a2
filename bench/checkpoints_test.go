package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
)

// BenchmarkCheckpoints is a step of the quick recipe without checkpoints and with
// those of gan.Checkpoints' defaults. stall-% is the share of the time in which
// training waits for them: to copy the state, since they are written beside it.
// Give it -benchtime 10s or more: by default there is one each second.
func BenchmarkCheckpoints(b *testing.B) {
	images, err := digits.Load()
	require.NoError(b, err)
	for _, kept := range []bool{false, true} {
		b.Run(fmt.Sprintf("kept=%v", kept), func(b *testing.B) {
			r := recipe.Quick()
			g, d := r.Networks()
			trainer, err := gan.New(g, d, r.Config())
			require.NoError(b, err)
			var hooks []gan.Hook
			var stall time.Duration
			if kept {
				h := gan.Checkpoints{Dir: b.TempDir()}.Hook()
				step := h.Step
				h.Step = func(s *gan.StepInfo) error {
					start := time.Now()
					defer func() { stall += time.Since(start) }()
					return step(s)
				}
				hooks = append(hooks, h)
			}
			loader := datasets.NewLoader(images, r.Batch, datasets.Conditions())
			b.ResetTimer()
			start := time.Now()
			_, err = trainer.Fit(context.Background(), loader, gan.Steps(b.N), gan.On(hooks...))
			require.NoError(b, err)
			b.ReportMetric(100*stall.Seconds()/time.Since(start).Seconds(), "stall-%")
		})
	}
}
