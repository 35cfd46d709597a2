package gan

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// The bounds of what a file may say about classes, and so of what is trained.
const (
	maxCondition = 1 << 16 // numbers in the condition of a sample
	maxClassName = 256     // bytes
)

// condition returns how many numbers the condition of a sample has.
func (c Config) condition() int { return max(c.Condition, len(c.Classes)) }

// checkCondition compares the condition with what the networks read.
func (c Config) checkCondition(g, d nn.Module) error {
	if err := checkClasses(c.Classes); err != nil {
		return fmt.Errorf("Config.Classes: %w", err)
	}
	if len(c.Classes) > 0 && c.Condition != 0 && c.Condition != len(c.Classes) {
		return fmt.Errorf("Config.Condition is %d, and there are %d Classes; leave the former out", c.Condition, len(c.Classes))
	}
	want := c.condition()
	for i, m := range []nn.Module{g, d} {
		name := []string{"generator", "discriminator"}[i]
		size, err := nn.ConditionSize(m)
		switch {
		case err != nil:
			return fmt.Errorf("the %s: %w", name, err)
		case size == want:
		case want == 0:
			return fmt.Errorf("the %s reads a condition of %d numbers, and there is none; set Config.Classes or Config.Condition", name, size)
		case size == 0:
			return fmt.Errorf("the condition is of %d numbers, but no layer of the %s reads it; add one, such as nn.ConcatCondition, or a method ConditionSize to a module of your own", want, name)
		default:
			return fmt.Errorf("the %s reads a condition of %d numbers, and the configuration has one of %d; make the layer and Config.Classes or Config.Condition agree", name, size, want)
		}
	}
	return nil
}

// checkClasses returns an error if these cannot be the names of classes.
func checkClasses(names []string) error {
	if len(names) > maxCondition {
		return fmt.Errorf("%d classes are too many; there may be %d", len(names), maxCondition)
	}
	seen := make(map[string]int, len(names))
	for i, name := range names {
		other, twice := seen[name]
		switch {
		case name == "":
			return fmt.Errorf("class %d has no name", i)
		case len(name) > maxClassName || !utf8.ValidString(name):
			return fmt.Errorf("the name of class %d, %s, is not up to %d bytes of UTF-8", i, excerpt.Quote(name), maxClassName)
		case twice:
			return fmt.Errorf("classes %d and %d are both called %s", other, i, excerpt.Quote(name))
		}
		seen[name] = i
	}
	return nil
}

// Classified is a [Source] that knows the classes of its samples. A datasets.Loader
// is one. Training compares the names with those of the configuration, unless they are
// "0", "1" and so on, as of data whose classes have no names, and the generator then
// draws the classes as often as the data has them ([Generator.Sample]).
type Classified interface {
	// ClassCounts returns the names of the classes, in the order of their numbers,
	// and how many samples are of each; nil if the batches have no classes.
	ClassCounts() (names []string, counts []int)
}

// countsOf compares the classes of a source with the game's, and returns how frequent
// they are: those of before if the source tells nothing about classes.
func (g *game) countsOf(src Source) ([]int, error) {
	s, ok := src.(Classified)
	if !ok || g.classes == nil {
		return g.counts, nil
	}
	names, counts := s.ClassCounts()
	switch {
	case names == nil:
		return nil, fmt.Errorf("gan: %w: the networks know %d classes, and the source yields none; give a datasets.Loader the option datasets.Conditions, and samples with labels", ErrConfig, len(g.classes))
	case !slices.Equal(names, g.classes) && !nameless(names, g.classes):
		return nil, fmt.Errorf("gan: %w: the classes of the source are not those of Config.Classes: %s", ErrConfig, firstDifference(names, g.classes))
	}
	if err := classesFit(g.condition, names, counts); err != nil {
		return nil, fmt.Errorf("gan: %w: the source's samples of each class: %w; labels count from 0", ErrConfig, err)
	}
	return counts, nil
}

// adoptCounts takes over how frequent the classes are.
func (g *game) adoptCounts(counts []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Equal(g.counts, counts) {
		g.counts, g.copy = slices.Clone(counts), nil
	}
}

// classCounts returns how frequent the classes are. Any goroutine may call it.
func (g *game) classCounts() []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts
}

// nameless reports whether a source calls its classes by their numbers, since it knows
// no names, and the configuration gives as many that are none of these.
func nameless(source, config []string) bool {
	for i, name := range source {
		if name != strconv.Itoa(i) {
			return false
		}
	}
	return len(source) == len(config) && !slices.ContainsFunc(config, func(name string) bool { return slices.Contains(source, name) })
}

// firstDifference tells two lists of names apart.
func firstDifference(source, config []string) string {
	if len(source) != len(config) {
		return fmt.Sprintf("there are %d and not %d", len(source), len(config))
	}
	for i := range source {
		if source[i] != config[i] {
			return fmt.Sprintf("class %d is %s and not %s", i, excerpt.Quote(source[i]), excerpt.Quote(config[i]))
		}
	}
	return ""
}

// checkBatch returns what is wrong with a batch for every network.
func (g *game) checkBatch(b Batch) error {
	x, c := b.X, b.Condition
	switch {
	case x == nil:
		return &tensor.ArgumentError{Op: "Trainer.Step", Problem: "the batch of real samples is nil", Fix: "give a tensor [n, …]"}
	case x.Rank() == 0:
		return &tensor.ShapeError{Op: "Trainer.Step", Shapes: [][]int{x.Shape()}, Problem: "the real samples are a single number, and not a batch", Fix: "give a tensor [n, …]"}
	case x.Len() == 0:
		return &tensor.ShapeError{Op: "Trainer.Step", Shapes: [][]int{x.Shape()}, Problem: "the batch of real samples is empty", Fix: "give one sample or more"}
	case g.condition == 0: // what the batch has besides is not used
	case c == nil:
		return &tensor.ArgumentError{Op: "Trainer.Step", Problem: fmt.Sprintf("the networks read a condition of %d numbers, and the batch has none", g.condition),
			Fix: "give a datasets.Loader the option datasets.Conditions, or set Batch.Condition"}
	case c.Rank() != 2 || c.Dim(0) != x.Dim(0) || c.Dim(1) != g.condition:
		return &tensor.ShapeError{Op: "Trainer.Step", Shapes: [][]int{x.Shape(), c.Shape()}, Problem: fmt.Sprintf("the condition does not have %d numbers for each real sample", g.condition),
			Fix: fmt.Sprintf("give [n, %d]", g.condition)}
	case c.DType() != g.dtype:
		return &tensor.DTypeError{Op: "Trainer.Step", DTypes: []tensor.DType{g.dtype, c.DType()}, Shapes: [][]int{x.Shape(), c.Shape()}, Fix: "give the condition in the networks' type"}
	}
	return nil
}

// checkLatent returns what is wrong with latent vectors that are given for a batch.
func (g *game) checkLatent(b Batch, z *tensor.Tensor) error {
	if z == nil || slices.Equal(z.Shape(), []int{batchSize(b), g.latentSize}) {
		return nil
	}
	return &tensor.ShapeError{Op: "Trainer.StepWith", Shapes: [][]int{z.Shape()},
		Problem: fmt.Sprintf("these are not %d latent vectors of %d numbers, one for each real sample", batchSize(b), g.latentSize),
		Fix:     fmt.Sprintf("give [%d, %d]", batchSize(b), g.latentSize)}
}

// twice returns the condition of a batch followed by itself, for the batch of real
// samples followed by generated ones; nil if there is none.
func twice(c *autograd.Var) *autograd.Var {
	if c == nil {
		return nil
	}
	return autograd.Concat(0, c, c)
}

// trialCondition returns a condition for n samples of a trial: n times the one that
// is all zeros, or nil if there is none.
func (g *game) trialCondition(n int) *autograd.Var {
	if g.condition == 0 {
		return nil
	}
	c := g.scope.Empty(g.device, g.dtype, n, g.condition)
	c.Fill(0)
	return autograd.Const(c)
}
