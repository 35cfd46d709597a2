package metrics

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/gander-ml/gander/tensor"
)

// Target is a mixture of equally likely Gaussians in the plane that share one
// standard deviation σ and lie more than 6σ apart. A datasets.Mixture is one.
type Target interface {
	// Modes returns the centres, and σ along each axis.
	Modes() (centers [][2]float64, sigma float64)
	// Sample draws n samples [n, 2].
	Sample(dt tensor.DType, n int, random *tensor.Stream) *tensor.Tensor
}

// MixtureScore says how well samples represent a mixture. The package comment
// has the formulas.
type MixtureScore struct {
	N         int     // samples
	Modes     int     // with a high-quality sample
	Quality   float64 // share of high-quality samples
	ReverseKL float64 // of the modes' shares among these; NaN if there are none
	KL        float64 // with a bin for all other samples
	Spread    float64 // within modes, in σ; NaN if no mode has two samples
	Counts    []int   // high-quality samples of each mode
}

// scoreJSON is the JSON form of a MixtureScore.
type scoreJSON struct {
	N         int
	Modes     int
	Quality   *float64 `json:",omitempty"`
	ReverseKL *float64 `json:",omitempty"`
	KL        *float64 `json:",omitempty"`
	Spread    *float64 `json:",omitempty"`
	Counts    []int
}

// MarshalJSON writes the fields under their names, without numbers that are not
// finite.
func (r MixtureScore) MarshalJSON() ([]byte, error) {
	return json.Marshal(scoreJSON{r.N, r.Modes, finite(r.Quality), finite(r.ReverseKL), finite(r.KL), finite(r.Spread), r.Counts})
}

// UnmarshalJSON reads what MarshalJSON has written. A number that is left out is
// NaN.
func (r *MixtureScore) UnmarshalJSON(b []byte) error {
	var in scoreJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*r = MixtureScore{in.N, in.Modes, orNaN(in.Quality), orNaN(in.ReverseKL), orNaN(in.KL), orNaN(in.Spread), in.Counts}
	return nil
}

const (
	// radius is the largest distance, in σ, of a high-quality sample from its centre.
	radius = 3
	// offMode is the share of a Gaussian in the plane beyond it: e^(−radius²/2).
	offMode = 0.011108996538242306
)

// MeasureMixture scores samples [n, 2] that should be distributed as target. The
// usual counts are 2,500 and 10,000. It returns an error if there are no samples or
// one is not finite, and panics with a [tensor.ShapeError] on another shape, or if
// target has no centres or σ is not above 0.
func MeasureMixture(target Target, points *tensor.Tensor) (MixtureScore, error) {
	const op = "MeasureMixture"
	needTarget(op, target)
	centers, sigma := target.Modes()
	if points == nil {
		panic(&tensor.ArgumentError{Op: op, Problem: "samples are nil", Fix: "give [n, 2]"})
	}
	if points.Rank() != 2 || points.Dim(1) != 2 || len(centers) == 0 || !(sigma > 0) {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{points.Shape()},
			Problem: fmt.Sprintf("samples of %d modes of σ = %g", len(centers), sigma), Fix: "give samples [n, 2], one mode or more, and σ > 0"})
	}
	s, err := read(op, "samples", points)
	switch {
	case err != nil:
		return MixtureScore{}, err
	case s.n == 0:
		return MixtureScore{}, fmt.Errorf("metrics: %s: there are no samples", op)
	}

	r := MixtureScore{N: s.n, Counts: make([]int, len(centers))}
	modeOf := make([]int, s.n)                // −1: of none
	means := make([][2]float64, len(centers)) // from the centres, in σ
	for i := range s.n {
		x, y := s.x[2*i], s.x[2*i+1]
		best, nearest := 0, math.Inf(1)
		for k, c := range centers {
			if d := math.Hypot(x-c[0], y-c[1]); d < nearest {
				best, nearest = k, d
			}
		}
		if modeOf[i] = best; nearest > radius*sigma {
			modeOf[i] = -1
			continue
		}
		r.Counts[best]++
		means[best][0] += (x - centers[best][0]) / sigma
		means[best][1] += (y - centers[best][1]) / sigma
	}
	good := 0
	for k, n := range r.Counts {
		if n > 0 {
			good += n
			r.Modes++
			means[k][0] /= float64(n)
			means[k][1] /= float64(n)
		}
	}
	squares := 0.0
	for i, k := range modeOf {
		if k >= 0 {
			dx := (s.x[2*i]-centers[k][0])/sigma - means[k][0]
			dy := (s.x[2*i+1]-centers[k][1])/sigma - means[k][1]
			squares += dx*dx + dy*dy
		}
	}
	r.Spread = math.NaN()
	if free := good - r.Modes; free > 0 {
		r.Spread = math.Sqrt(squares / float64(2*free))
	}
	r.Quality = float64(good) / float64(s.n)
	r.divergences(good)
	return r, nil
}

// divergences fills in ReverseKL and KL.
func (r *MixtureScore) divergences(good int) {
	k, n := float64(len(r.Counts)), float64(r.N)
	r.KL = klTerm(1-r.Quality, offMode)
	r.ReverseKL = math.NaN()
	if good > 0 {
		r.ReverseKL = 0
	}
	for _, c := range r.Counts {
		r.KL += klTerm(float64(c)/n, (1-offMode)/k)
		if good > 0 {
			r.ReverseKL += klTerm(float64(c)/float64(good), 1/k)
		}
	}
}

// klTerm returns p·ln(p/q), or 0 if p is 0.
func klTerm(p, q float64) float64 {
	if p == 0 {
		return 0
	}
	return p * math.Log(p/q)
}

// Table returns the scores as a table.
func (r MixtureScore) Table() Table {
	return Table{
		NewValue("modes", float64(r.Modes)),
		NewValue("high-quality share", r.Quality),
		NewValue("reverse KL", r.ReverseKL),
		NewValue("KL with off-mode", r.KL),
		NewValue("spread in σ", r.Spread),
	}
}

// needTarget panics if there is no target.
func needTarget(op string, target Target) {
	if target == nil {
		panic(&tensor.ArgumentError{Op: op, Problem: "the target is nil", Fix: "give one, such as datasets.Ring()"})
	}
}

// MixtureFloor returns the mean scores, over the given number of seeds, of n
// samples of the target itself: the argument of [Table.Against] for n samples of a
// generator. It panics with a [tensor.ArgumentError] if n or seeds is below 1, or
// if the target draws numbers that are not finite.
func MixtureFloor(target Target, n, seeds int) Table {
	needTarget("MixtureFloor", target)
	if n < 1 || seeds < 1 {
		panic(&tensor.ArgumentError{Op: "MixtureFloor", Problem: fmt.Sprintf("%d samples of %d seeds", n, seeds), Fix: "give 1 or more of both"})
	}
	runs := make([]Table, seeds)
	for i := range runs {
		score, err := MeasureMixture(target, target.Sample(tensor.Float64, n, tensor.NewStream(uint64(i), "floor")))
		if err != nil {
			panic(&tensor.ArgumentError{Op: "MixtureFloor", Problem: "the target's own samples: " + err.Error(), Fix: "give a target that draws finite numbers"})
		}
		runs[i] = score.Table()
	}
	return Average(runs...)
}
