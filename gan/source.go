package gan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Fingerprinter is a [Source] that can tell all that its batches depend on, such
// as a checksum of the data, the size of a batch and the seed of the order, by
// name. A checkpoint holds that as settings "data.…", and training does not go
// on from it with another source. datasets.Loader and datasets.Synthetic are
// Fingerprinters; of other sources only the number of batches is known.
// Fingerprint may be called from any goroutine.
type Fingerprinter interface {
	Fingerprint() (map[string]string, error)
}

// Sized is a [Source] that can tell how many samples its smallest batch has. A
// datasets.Loader is one.
type Sized interface {
	SmallestBatch() int
}

// Sharded is a [Source] that can tell which part of each batch it yields. A
// datasets.Loader is one. [Trainer.Fit] refuses a part that is not that of its process
// of a [Group]: if all had the whole, each would do the work of all.
type Sharded interface {
	// Shard returns the number of the part, from 0, and how many there are; 0 and 1
	// are the whole.
	Shard() (rank, processes int)
}

// checkShard compares a source's part of the batches with the process's.
func (g *game) checkShard(src Source) error {
	s, ok := src.(Sharded)
	if !ok {
		return nil
	}
	rank, size := 0, 1
	if g.peers != nil {
		rank, size = g.peers.Rank(), g.peers.Size()
	}
	switch part, parts := s.Shard(); {
	case part == rank && parts == size:
		return nil
	case g.peers == nil:
		return fmt.Errorf("gan: %w: the source yields part %d of %d of each batch, and this is the only process; set Config.Group, or give a datasets.Loader no datasets.Shard", ErrConfig, part, parts)
	case parts == 1:
		return fmt.Errorf("gan: %w: the source of process %d yields whole batches, and there are %d processes; give a datasets.Loader the option datasets.Shard(%d, %d)", ErrConfig, rank, size, rank, size)
	default:
		return fmt.Errorf("gan: %w: the source yields part %d of %d of each batch, and this is process %d of %d; give a datasets.Loader the option datasets.Shard(%d, %d)", ErrConfig, part, parts, rank, size, rank, size)
	}
}

// dataset is what a source says about itself, which may take long to find out
// and is asked for once.
type dataset struct {
	settings func() (settings, error)
}

func newDataset(src Source) *dataset {
	batches := strconv.Itoa(src.Batches())
	return &dataset{sync.OnceValues(func() (settings, error) {
		s := settings{"data.batches": batches}
		if f, ok := src.(Fingerprinter); ok {
			fields, err := f.Fingerprint()
			if err != nil {
				return nil, fmt.Errorf("gan: asking the source for its fingerprint: %w", err)
			}
			for name, value := range fields {
				s["data."+name] = value
			}
		}
		return s, nil
	})}
}

// resumable is what a checkpoint says about the data, until training goes on.
type resumable struct {
	path    string
	data    settings
	allowed []string
}

// compare returns where a source differs from the data of a checkpoint.
func (r *resumable) compare(d *dataset) ([]Difference, error) {
	if len(r.data) == 0 {
		return nil, nil // it was made before any training
	}
	now, err := d.settings()
	if err != nil {
		return nil, err
	}
	if len(r.data) == 1 { // the source of then was no Fingerprinter
		now = settings{"data.batches": now["data.batches"]}
	}
	return now.differences(r.data, r.allowed), nil
}

// allows reports whether what training goes on from may differ from it in a setting.
func (t *Trainer) allows(setting string) bool {
	return t.before != nil && slices.ContainsFunc(t.before.allowed, func(a string) bool { return covers(a, setting) })
}

// adopt makes src the source of the data that training sees.
func (t *Trainer) adopt(src Source) error {
	d := newDataset(src)
	if t.before != nil {
		diff, err := t.before.compare(d)
		if err != nil {
			return err
		}
		if len(diff) > 0 {
			return &SettingsError{Path: t.before.path, Differences: diff}
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before, t.data = nil, d
	return nil
}

// dataSettings returns what a checkpoint says about the data.
func (t *Trainer) dataSettings() func() (settings, error) {
	switch {
	case t.before != nil:
		data := maps.Clone(t.before.data)
		return func() (settings, error) { return data, nil }
	case t.data != nil:
		return t.data.settings
	}
	return func() (settings, error) { return nil, nil }
}

// trySize runs the networks on as many samples as the smallest batch has, and
// returns an error if a layer cannot: a batch norm that gets a single sample. It
// draws from streams of its own and changes nothing.
func (g *game) trySize(src Source) error {
	sized, ok := src.(Sized)
	if !ok {
		return nil
	}
	n := sized.SmallestBatch()
	if n < 1 {
		return nil
	}
	gMixes, gKnown := nn.MixesBatch(g.generator)
	dMixes, dKnown := nn.MixesBatch(g.discriminator)
	if gKnown && dKnown && !gMixes && !dMixes {
		return nil
	}
	misuse := g.try(n)
	var failure *tensor.DeviceFailure
	switch {
	case misuse == nil:
		return nil
	case errors.As(misuse, &failure):
		return fmt.Errorf("gan: %w", misuse)
	}
	for k := 2; k <= 64; k *= 2 { // layers that want pairs, groups of four, …
		if g.try((n/k+1)*k) == nil {
			return fmt.Errorf("gan: %w: the networks cannot take the smallest batch of the data, of %d, though they can take larger ones; leave the last batch out (datasets.DropLast), or choose another batch size: %w", ErrConfig, n, misuse)
		}
	}
	return fmt.Errorf("gan: %w: the networks cannot be run: %w", ErrConfig, misuse)
}

// try runs the networks on n samples and returns the error of a layer that does not
// take them.
func (g *game) try(n int) error {
	var at place
	misuse := tensor.Catch(func() {
		defer g.scope.Close()
		z := g.scope.Empty(g.device, g.dtype, n, g.latentSize)
		tensor.NewStream(0, "trial").NormalInto(z)
		ctx := &nn.Ctx{Train: true, Condition: g.trialCondition(n), Rand: tensor.NewStream(0, "trial, passes"), Enter: at.enter}
		at.network = "generator"
		x := g.generator.Forward(ctx, autograd.Const(z))
		at.network = "discriminator"
		g.discriminator.Forward(ctx, x)
	})
	if misuse == nil {
		return nil
	}
	return at.add(misuse)
}
