package diagnose

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/gan"
)

// A Record is what the rules look at: a run's measurements, the newest last. Of those
// before the last 24, or fewer of large batches, RealScores and FakeScores are nil.
type Record struct {
	Objective    string // its name
	Measurements []*Measurement
}

// longest is how many measurements a record keeps; the oldest are dropped.
const longest = 256

// How many of the newest measurements keep their scores, and how many numbers these may
// be; the newest keeps them in any case.
const (
	scored = 24
	scores = 1 << 17
)

// add adds a measurement, which a slice that was returned earlier does not see.
func (r *Record) add(m *Measurement) {
	old := r.Measurements
	if len(old) == longest {
		old = old[longest/4:]
	}
	r.Measurements = append(slices.Clone(old), m)
	last := len(r.Measurements) - 1
	numbers := len(m.RealScores) + len(m.FakeScores)
	for i := last - 1; i >= 0; i-- {
		m := r.Measurements[i]
		n := len(m.RealScores) + len(m.FakeScores)
		if numbers += n; n > 0 && (i <= last-scored || numbers > scores) {
			less := *m // others may hold m itself
			less.RealScores, less.FakeScores = nil, nil
			r.Measurements[i] = &less
		}
	}
}

// A Rule looks for one fault. Find returns a sentence or two with the numbers that
// show it and what helps, or "" if there is nothing to say.
type Rule struct {
	Name string
	Find func(Record) string
}

// Rules returns the rules of this package.
func Rules() []Rule {
	return []Rule{
		{"out of reach", OutOfReach},
		{"discriminator wins", DiscriminatorWins},
		{"steep at samples", SteepAtSamples},
		{"collapse", Collapse},
		{"swings", Swings},
		{"drifts", Drifts},
		{"dead units", DeadUnits},
		{"learning rate", LearningRate},
	}
}

// recent is how many measurements a fault must last, so that what happens at the
// beginning of a run, when both networks know nothing, or once, is no fault.
const recent = 10

// over calls f with the last n measurements and returns the results that are known,
// and how many steps they cover; ok is false if they are fewer.
func (r Record) over(n int, f func(*Measurement) float64) (values []float64, steps int, ok bool) {
	if len(r.Measurements) <= n { // one more, since the first tells about the beginning
		return nil, 0, false
	}
	last := r.Measurements[len(r.Measurements)-n:]
	for _, m := range last {
		if v := f(m); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	steps = last[n-1].Step - r.Measurements[len(r.Measurements)-n-1].Step
	return values, steps, len(values) == n
}

// OutOfReach finds data that the generator cannot make, whatever it learns: of the
// numbers in the real samples, one in a hundred lies beyond what its last layer gives,
// such as pixels from 0 to 255 for a Tanh. It is the one rule that needs no more than
// two measurements.
func OutOfReach(r Record) string {
	shares, _, ok := r.over(1, func(m *Measurement) float64 { return m.Beyond })
	if !ok || shares[0] < 0.01 {
		return ""
	}
	m := r.Measurements[len(r.Measurements)-1]
	can := fmt.Sprintf("from %g to %g", m.Limits[0], m.Limits[1])
	if math.IsInf(m.Limits[1], 1) {
		can = fmt.Sprintf("of %g or more", m.Limits[0])
	}
	return fmt.Sprintf("The data is out of the generator's reach: its last layer makes numbers %s, and %.1f %% of those in the real samples, which go from %.3g to %.3g, lie beyond. "+
		"Scale the data, or let the generator end in another layer.", can, 100*m.Beyond, m.RealRange[0], m.RealRange[1])
}

// DiscriminatorWins finds a discriminator that has told nearly every pair of a real
// sample and a generated one apart for long: 99 in 100, over twice as many
// measurements as other rules want. The generator then learns little, unless the
// discriminator is a critic of the Wasserstein game, which may be as good as it can.
func DiscriminatorWins(r Record) string {
	accuracy, steps, ok := r.over(2*recent, func(m *Measurement) float64 { return m.Accuracy })
	if !ok || r.Objective == (gan.Wasserstein{}).Name() || slices.Min(accuracy) < 0.95 || mean(accuracy) < 0.99 {
		return ""
	}
	return fmt.Sprintf("The discriminator wins: over the last %d steps it has scored the real sample higher in %.1f %% of all pairs with a generated one, "+
		"and the generator learns little from a judge whom it never fools. Add the penalties R1 and R2 or raise their γ, or lower the discriminator's learning rate.",
		steps, 100*mean(accuracy))
}

// SteepAtSamples finds a discriminator whose gradient by its input is ten times as
// large at generated samples as at real ones.
func SteepAtSamples(r Record) string {
	ratios, _, ok := r.over(recent, func(m *Measurement) float64 { return m.FakeSlope / m.RealSlope })
	if !ok || median(ratios) < 10 || slices.Min(ratios) < 3 {
		return ""
	}
	m := r.Measurements[len(r.Measurements)-1]
	steep := fmt.Sprintf("%.0f times as steep at generated samples as at real ones", median(ratios))
	if math.IsInf(median(ratios), 1) {
		steep = "steep at generated samples and flat at real ones"
	}
	return fmt.Sprintf("The discriminator is %s (its gradient's norm is %.3g there and %.3g here), "+
		"so that the generator is thrown about. Add the penalty R2, or raise its γ.", steep, m.FakeSlope, m.RealSlope)
}

// Collapse finds a generator whose samples of different latent vectors are alike:
// their mean distance is less than three tenths of that of real samples, and does not
// grow.
func Collapse(r Record) string {
	ratios, _, ok := r.over(recent, func(m *Measurement) float64 { return m.FakeDistance / m.RealDistance })
	if !ok || slices.Max(ratios) > 0.5 || median(ratios) > 0.3 || mean(ratios[recent/2:]) > 1.1*mean(ratios[:recent/2]) {
		return ""
	}
	m := r.Measurements[len(r.Measurements)-1]
	return fmt.Sprintf("The generator collapses: samples of two latent vectors are %.3g apart on average, two real samples %.3g, "+
		"so that it draws nearly the same again and again. Choose the relativistic objective with the penalties R1 and R2, raise their γ, or lower the learning rates.",
		m.FakeDistance, m.RealDistance)
}

// Swings finds a generator's loss whose means between measurements go up and down: by
// a standard deviation of more than 1, and of half of what they are around. The losses
// of the Wasserstein game have no level that they should keep.
func Swings(r Record) string {
	const n = 2 * recent
	losses, steps, ok := r.over(n, func(m *Measurement) float64 { return m.Losses.Generator })
	if !ok || r.Objective == (gan.Wasserstein{}).Name() {
		return ""
	}
	level, spread, turns := mean(losses), 0.0, 0
	for i, v := range losses {
		spread += (v - level) * (v - level) / n
		if i > 1 && (losses[i-1]-losses[i-2])*(v-losses[i-1]) < 0 {
			turns++
		}
	}
	spread = math.Sqrt(spread)
	if spread < max(math.Abs(level)/2, 1) || turns < n/4 {
		return ""
	}
	return fmt.Sprintf("The generator's loss swings: over the last %d steps its means lay between %.3g and %.3g, around %.3g. "+
		"Lower the learning rates, or add the penalties R1 and R2.", steps, slices.Min(losses), slices.Max(losses), level)
}

// Drifts finds a generator's loss that climbs and climbs: by more than 2, and by
// more than it was, in a line that explains nine tenths of how it varies. See [Swings]
// about the Wasserstein game.
func Drifts(r Record) string {
	const n = 2 * recent
	losses, steps, ok := r.over(n, func(m *Measurement) float64 { return m.Losses.Generator })
	if !ok || r.Objective == (gan.Wasserstein{}).Name() {
		return ""
	}
	slope, fit := line(losses)
	from := mean(losses) - slope*(n-1)/2
	rise := slope * (n - 1)
	if rise < max(2, math.Abs(from)) || fit < 0.9 {
		return ""
	}
	return fmt.Sprintf("The generator's loss drifts: within the last %d steps it has risen from %.3g to %.3g, so the discriminator gets further and further ahead. "+
		"Add the penalties R1 and R2 or raise their γ, or lower the discriminator's learning rate.", steps, from, from+rise)
}

// DeadUnits finds a layer of which 19 in 20 units give the same number for
// every sample. In healthy networks with ReLU it may be half of them and more.
func DeadUnits(r Record) string {
	for _, network := range []struct {
		name string
		of   func(*Measurement) Network
	}{
		{"generator", func(m *Measurement) Network { return m.Generator }},
		{"discriminator", func(m *Measurement) Network { return m.Discriminator }},
	} {
		shares, _, ok := r.over(recent, func(m *Measurement) float64 { return network.of(m).Dead })
		if !ok || slices.Min(shares) < 0.95 {
			continue
		}
		now := network.of(r.Measurements[len(r.Measurements)-1])
		return fmt.Sprintf("Units are dead: in the %s's layer %s, %.0f %% of them give the same number for every sample, so that nothing passes through. "+
			"Lower its learning rate, or use LeakyReLU.", network.name, now.DeadLayer, 100*now.Dead)
	}
	return ""
}

// LearningRate finds a network whose weights change by more than a tenth of their
// size in one step, on average.
func LearningRate(r Record) string {
	for _, network := range []struct {
		name string
		of   func(*Measurement) Network
	}{
		{"generator", func(m *Measurement) Network { return m.Generator }},
		{"discriminator", func(m *Measurement) Network { return m.Discriminator }},
	} {
		ratios, _, ok := r.over(recent, func(m *Measurement) float64 { return network.of(m).Update })
		if !ok || mean(ratios) < 0.1 {
			continue
		}
		return fmt.Sprintf("The %s's learning rate is too high: a step at a rate of %.3g changes its weights by %.0f %% of their size; usual is a few per cent at most. "+
			"Lower the rate.", network.name, network.of(r.Measurements[len(r.Measurements)-1]).Rate, 100*mean(ratios))
	}
	return ""
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x / float64(len(v))
	}
	return m
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2
}

// line fits a line to equidistant values, and returns its slope and the share of
// the values' variance that it explains.
func line(v []float64) (slope, fit float64) {
	centre, level := float64(len(v)-1)/2, mean(v)
	var xx, xy, yy float64
	for i, y := range v {
		x := float64(i) - centre
		xx, xy, yy = xx+x*x, xy+x*(y-level), yy+(y-level)*(y-level)
	}
	if yy == 0 {
		return 0, 0
	}
	return xy / xx, xy * xy / (xx * yy)
}
