package pocket

import (
	"context"
	"fmt"
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// The names of the values.
const (
	Fidelity = "class fidelity"
	Variance = "variance within classes"
	Distinct = "distinct samples"
	Copies   = "copies"
)

const (
	side    = 8
	classes = 10
	shades  = 17
	batch   = 100
	steps   = 6000
	rate    = 3e-3
)

// Digits returns digits of 28×28 pixels as ones of 8×8: the middle 24×24 in blocks of
// 3×3. They have labels.
func Digits(set datasets.Dataset) datasets.Dataset { return datasets.Shrink(middle{set}, side, side) }

// middle is the middle of images with labels, without a margin of 2 pixels.
type middle struct{ datasets.Dataset }

const margin = 2

func (m middle) Label(i int) int { return m.Dataset.(datasets.Labeler).Label(i) }

func (m middle) Shape() []int {
	s := m.Dataset.Shape()
	return []int{s[0], s[1] - 2*margin, s[2] - 2*margin}
}

func (m middle) Fill(i int, dst []float32) error {
	h, w := m.Dataset.Shape()[1], m.Dataset.Shape()[2]
	whole := make([]float32, h*w)
	if err := m.Dataset.Fill(i, whole); err != nil {
		return err
	}
	for y := margin; y < h-margin; y++ {
		dst = dst[copy(dst, whole[y*w+margin:(y+1)*w-margin]):]
	}
	return nil
}

// Judge judges digits of 8×8 pixels.
type Judge struct {
	network      nn.Module
	seen, unseen sample
	real         float64         // variance of seen
	copied       map[string]bool // seen, in shades
	floor        metrics.Table
}

// sample is digits [n, 64] with their labels.
type sample struct {
	x      *tensor.Tensor
	labels []int
}

func read(set datasets.Dataset) (s sample, err error) {
	if s.x, err = datasets.AsTensor(set, tensor.Float32); err != nil {
		return s, err
	}
	s.x = s.x.Reshape(set.Len(), side*side)
	for i := range set.Len() {
		s.labels = append(s.labels, set.(datasets.Labeler).Label(i))
	}
	return s, nil
}

// New trains a judge on the digits of 28×28 pixels of which a generator learns [Digits],
// and measures it on others.
func New(ctx context.Context, seen, unseen datasets.Dataset) (*Judge, error) {
	return trained(ctx, seen, unseen, steps)
}

func trained(ctx context.Context, seen, unseen datasets.Dataset, steps int) (*Judge, error) {
	j := &Judge{copied: map[string]bool{}}
	var err error
	if j.seen, err = read(Digits(seen)); err != nil {
		return nil, err
	}
	if j.unseen, err = read(Digits(unseen)); err != nil {
		return nil, err
	}
	j.real = within(j.seen)
	for i := range j.seen.x.Dim(0) {
		j.copied[inShades(j.seen.x, i)] = true
	}
	if err := j.train(ctx, seen, steps); err != nil {
		return nil, err
	}
	j.floor, err = j.values(j.unseen)
	return j, err
}

func (j *Judge) train(ctx context.Context, seen datasets.Dataset, steps int) error {
	w := nn.WeightInit(nn.HeNormal(math.Sqrt2))
	j.network = nn.Sequential(
		nn.Reshape(1, side, side),
		nn.Conv2D(1, 32, 3, nn.Padding(1), w), nn.ReLU(),
		nn.Conv2D(32, 48, 3, nn.Padding(1), w), nn.ReLU(), nn.MaxPool2D(2),
		nn.Flatten(), nn.Linear(48*4*4, 128, w), nn.ReLU(), nn.Dropout(0.4),
		nn.Linear(128, classes))
	nn.Init(j.network, 1, tensor.Float32, tensor.CPU())
	moved := datasets.Shrink(datasets.Augment(seen, 1, datasets.RandomCrop(side*3, side*3)), side, side)
	loader := datasets.NewLoader(moved, batch, datasets.Seed(1), datasets.DropLast(), datasets.Conditions())
	leaves := nn.Leaves(j.network)
	optimizer := optim.New(optim.Adam{LR: rate, Schedule: optim.Cosine{From: 1, To: 0.001, Steps: steps}}, autograd.Values(leaves))
	pass := &nn.Ctx{Train: true, Track: true, Rand: tensor.NewStream(1, "dropout")}
	scope := tensor.NewScope()
	done := 0
	for epoch := 0; done < steps; epoch++ {
		for b, err := range loader.Epoch(ctx, epoch, 0) {
			if err != nil {
				return err
			}
			loss := nn.CrossEntropyLoss(j.network.Forward(pass, autograd.Const(b.X)), tensor.ArgMax(b.Condition, 1))
			optimizer.Step(autograd.Values(autograd.Grad(loss, leaves, autograd.Opts{})))
			scope.Close()
			if done++; done == steps {
				break
			}
		}
	}
	return nil
}

// Judge returns the values of samples [n, 64] of these classes, with those of unseen
// real ones as floors.
func (j *Judge) Judge(x *tensor.Tensor, asked []int) (metrics.Table, error) {
	v, err := j.values(sample{x, asked})
	if err != nil {
		return nil, err
	}
	few := min(2000, x.Dim(0), j.unseen.x.Dim(0))
	copying, err := metrics.Copying(x.Slice(0, 0, few), j.seen.x, j.unseen.x.Slice(0, 0, few))
	return append(v.Against(j.floor), copying...), err
}

func (j *Judge) values(s sample) (metrics.Table, error) {
	n := s.x.Dim(0)
	var found []int
	const chunk = 500
	for lo := 0; lo < n; lo += chunk {
		y := j.network.Forward(nil, autograd.Const(s.x.Slice(0, lo, min(lo+chunk, n)).Clone()))
		found = append(found, tensor.ArgMax(y.Value(), 1)...)
	}
	fidelity, err := metrics.Fidelity(found, s.labels)
	if err != nil {
		return nil, err
	}
	distinct, copies := map[string]bool{}, 0
	for i := range n {
		shown := inShades(s.x, i)
		distinct[shown] = true
		if j.copied[shown] {
			copies++
		}
	}
	fidelity.StdErr = math.NaN() // over seeds, if anything
	return metrics.Table{fidelity, metrics.NewValue(Variance, within(s)/j.real),
		metrics.NewValue(Distinct, float64(len(distinct))/float64(n)), metrics.NewValue(Copies, float64(copies)/float64(n))}, nil
}

// within returns the mean over classes and pixels of a pixel's variance in a class.
func within(s sample) float64 {
	x := s.x.Float32s()
	var sums, squares [classes][side * side]float64
	var count [classes]float64
	for i, c := range s.labels {
		count[c]++
		for k, v := range x[i*side*side : (i+1)*side*side] {
			sums[c][k] += float64(v)
			squares[c][k] += float64(v) * float64(v)
		}
	}
	mean := 0.0
	for c, n := range count {
		for k := range side * side {
			m := sums[c][k] / n
			mean += (squares[c][k]/n - m*m) / (classes * side * side)
		}
	}
	return mean
}

// inShades returns digit i in 17 shades.
func inShades(x *tensor.Tensor, i int) string {
	out := make([]byte, side*side)
	for k, v := range x.Slice(0, i, i+1).Float32s() {
		out[k] = byte(math.Round((float64(v) + 1) / 2 * (shades - 1)))
	}
	return string(out)
}

// String tells how good the judge is.
func (j *Judge) String() string {
	return fmt.Sprintf("a judge that recognises %.2f %% of unseen digits", 100*j.floor.Get(Fidelity).Value)
}
