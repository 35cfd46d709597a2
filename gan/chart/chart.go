package chart

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/atomicfile"
)

// Curve is a line in a chart.
type Curve struct {
	Name   string
	X, Y   []float64 // of equal length
	Dashed bool      // so that a curve below it shows
}

// Colors that most colour-blind people can tell apart (Okabe and Ito, 2008).
var palette = []color.Color{
	color.NRGBA{0x00, 0x72, 0xb2, 0xff}, color.NRGBA{0xd5, 0x5e, 0x00, 0xff},
	color.NRGBA{0x00, 0x9e, 0x73, 0xff}, color.NRGBA{0xcc, 0x79, 0xa7, 0xff},
	color.NRGBA{0xe6, 0x9f, 0x00, 0xff}, color.NRGBA{0x56, 0xb4, 0xe9, 0xff},
}

// WritePNG draws curves over common axes into a PNG file, which is written whole or
// not at all. It returns an error if a point is not finite or the file cannot be
// written.
func WritePNG(path, title, xLabel, yLabel string, curves ...Curve) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, xLabel, yLabel
	p.Title.Padding = vg.Points(6)
	p.Legend.Top = true
	p.Legend.Padding = vg.Points(2)
	p.Legend.XOffs = -vg.Points(8)
	p.Add(plotter.NewGrid())
	for i, c := range curves {
		if len(c.X) != len(c.Y) {
			return fmt.Errorf("chart: curve %q has %d abscissae and %d ordinates", c.Name, len(c.X), len(c.Y))
		}
		points := make(plotter.XYs, len(c.X))
		for k := range points {
			points[k].X, points[k].Y = c.X[k], c.Y[k]
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return fmt.Errorf("chart: curve %q: %w", c.Name, err)
		}
		line.Width, line.Color = vg.Points(1.5), palette[i%len(palette)]
		if c.Dashed {
			line.Dashes = []vg.Length{vg.Points(5), vg.Points(5)}
		}
		p.Add(line)
		if len(points) == 1 { // a line of one point does not show
			dot, err := plotter.NewScatter(points)
			if err != nil {
				return fmt.Errorf("chart: curve %q: %w", c.Name, err)
			}
			dot.Shape, dot.Color, dot.Radius = draw.CircleGlyph{}, line.Color, vg.Points(3)
			p.Add(dot)
		}
		p.Legend.Add(c.Name, line)
	}
	// Room for the legend above the curves, and for the last label.
	p.Y.Max += 0.25 * (p.Y.Max - p.Y.Min)
	p.X.Max += 0.02 * (p.X.Max - p.X.Min)
	image, err := p.WriterTo(7*vg.Inch, 4*vg.Inch, "png")
	if err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := image.WriteTo(w)
		return err
	})
}

// Losses returns a hook that draws the epochs' mean losses into a PNG file when
// training ends, and every tenth epoch before. If training continues from a
// checkpoint, the epochs before it are drawn too. A chart that cannot be drawn is a
// [gan.Warning].
func Losses(path string) gan.Hook {
	var d, g Curve
	add := func(epoch int, l gan.Losses) {
		d.X, d.Y = append(d.X, float64(epoch)), append(d.Y, l.Discriminator())
		g.X, g.Y = append(g.X, float64(epoch)), append(g.Y, l.Generator)
	}
	write := func() error {
		if len(d.X) == 0 {
			return nil
		}
		return WritePNG(path, "Mean losses", "epoch", "loss", d, g)
	}
	return gan.Hook{
		Start: func(r gan.Run) error {
			d, g = Curve{Name: "discriminator"}, Curve{Name: "generator"}
			for i, l := range r.Past {
				add(i+1, l)
			}
			return nil
		},
		Epoch: func(e gan.EpochInfo) error {
			add(e.Epoch, e.Losses)
			if e.Epoch%10 != 0 {
				return nil
			}
			return gan.Warning(write())
		},
		End: func(*gan.Report) error { return gan.Warning(write()) },
	}
}
