package chart

import (
	"image/png"
	"io"
	"time"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/atomicfile"
)

// Curve is a line in a chart.
type Curve struct {
	Name   string
	X, Y   []float64 // of equal length
	Dashed bool      // so that a curve below it shows
}

// WritePNG draws curves over common axes into a PNG file of 672×384 pixels, which is
// written whole or not at all. Its letters are those of ASCII. It returns an error if
// a curve has no points, one is not finite, or the file cannot be written.
func WritePNG(path, title, xLabel, yLabel string, curves ...Curve) error {
	for _, c := range curves {
		if err := c.check(); err != nil {
			return err
		}
	}
	img := paint(title, xLabel, yLabel, curves)
	return atomicfile.Write(path, func(w io.Writer) error { return png.Encode(w, img) })
}

// Losses returns a hook that draws the epochs' mean losses into a PNG file when
// training ends, and every tenth epoch before, but not so often that this takes more
// than a fiftieth of the time. If training continues from a checkpoint, the epochs before
// it are drawn too. A chart that cannot be drawn is a [gan.Warning].
func Losses(path string) gan.Hook {
	var d, g Curve
	var drawn time.Time    // when the chart was last drawn; zero: not yet
	var took time.Duration // to draw it then
	add := func(epoch int, l gan.Losses) {
		d.X, d.Y = append(d.X, float64(epoch)), append(d.Y, l.Discriminator())
		g.X, g.Y = append(g.X, float64(epoch)), append(g.Y, l.Generator)
	}
	write := func() error {
		if len(d.X) == 0 {
			return nil
		}
		start := time.Now()
		err := WritePNG(path, "Mean losses", "epoch", "loss", d, g)
		drawn = time.Now()
		took = drawn.Sub(start)
		return err
	}
	return gan.Hook{
		Start: func(r gan.Run) error {
			d, g, drawn = Curve{Name: "discriminator"}, Curve{Name: "generator"}, time.Time{}
			for i, l := range r.Past {
				add(i+1, l)
			}
			return nil
		},
		Epoch: func(e gan.EpochInfo) error {
			add(e.Epoch, e.Losses)
			if e.Epoch%10 != 0 || time.Since(drawn) < 50*took {
				return nil
			}
			return gan.Warning(write())
		},
		End: func(*gan.Report) error { return gan.Warning(write()) },
	}
}
