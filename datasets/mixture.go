package datasets

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/tensor"
)

// Mixture is a mixture of Gaussians in the plane: a sample takes one of the
// centres, each equally likely, and moves away from it by Sigma times a normal
// number along each axis. What is known about it to the last digit makes it the
// usual touchstone of generators: how many of the modes do they find, and how
// well?
type Mixture struct {
	Centers [][2]float64
	Sigma   float64 // standard deviation of a mode, along each axis
	Scale   float64 // what samples are divided by; 0 means 1
}

// Ring is the ring of eight: centres at the angles 2πi/8 of the unit circle,
// σ = 0.01 (Lin et al., "PacGAN: the power of two samples in generative
// adversarial networks", 2018, after Srivastava et al., "VEEGAN", 2017). It is
// scaled to a variance of 1 along each axis, as networks like it.
func Ring() Mixture {
	m := Mixture{Sigma: 0.01}
	for i := range 8 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / 8)
		m.Centers = append(m.Centers, [2]float64{cos, sin})
	}
	return m.scaled()
}

// GaussianGrid is the grid of 25: centres at −4, −2, 0, 2 and 4 along both axes,
// σ = 0.05, from the papers that [Ring] names. It, too, is scaled to a variance
// of 1 along each axis.
func GaussianGrid() Mixture {
	m := Mixture{Sigma: 0.05}
	for x := -4.0; x <= 4; x += 2 {
		for y := -4.0; y <= 4; y += 2 {
			m.Centers = append(m.Centers, [2]float64{x, y})
		}
	}
	return m.scaled()
}

// scaled divides by the standard deviation along an axis, which is the same
// along both for a mixture that looks alike from all four sides.
func (m Mixture) scaled() Mixture {
	variance := m.Sigma * m.Sigma
	for _, c := range m.Centers {
		variance += (c[0]*c[0] + c[1]*c[1]) / float64(2*len(m.Centers))
	}
	m.Scale = math.Sqrt(variance)
	return m
}

// Modes returns the centres and the standard deviation of the samples as they
// come: divided by Scale.
func (m Mixture) Modes() (centers [][2]float64, sigma float64) {
	scale := m.scale()
	for _, c := range m.Centers {
		centers = append(centers, [2]float64{c[0] / scale, c[1] / scale})
	}
	return centers, m.Sigma / scale
}

func (m Mixture) scale() float64 {
	if m.Scale == 0 {
		return 1
	}
	return m.Scale
}

// Sample draws n samples [n, 2]. The same numbers come out in both dtypes, up
// to their rounding. It panics with a [tensor.ArgumentError] if n is negative or
// the mixture has no centres.
func (m Mixture) Sample(dt tensor.DType, n int, random *tensor.Stream) *tensor.Tensor {
	if n < 0 || len(m.Centers) == 0 {
		misuse("Mixture.Sample", fmt.Sprintf("%d samples of %d centres", n, len(m.Centers)), "give n ≥ 0 and a centre or more")
	}
	centers, sigma := m.Modes()
	which := random.Uniform(tensor.Float64, n).Float64s()
	x := random.Normal(tensor.Float64, n, 2).Float64s()
	for i, u := range which {
		c := centers[int(u*float64(len(centers)))]
		x[2*i] = c[0] + sigma*x[2*i]
		x[2*i+1] = c[1] + sigma*x[2*i+1]
	}
	return tensor.FromFloat64(x, n, 2).Cast(dt)
}
