package gan

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"syscall"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Group joins processes that train as one ([Config.Group]): each sees its part of
// every batch, and all make the same update, with the mean over the whole batch. The
// methods are collective: all processes call the same ones in the same order, from
// one goroutine each, with slices of equal lengths. An error ends the group. A process
// that is done closes it, however it has ended, since the others may wait for it.
//
// Package gan/mpi has one for many machines, gan/group one of goroutines.
type Group interface {
	// Rank returns the number of this process, from 0, and Size that of all.
	Rank() int
	Size() int
	// Sum32 and Sum64 replace x by the sum over the processes, with the same bits in
	// each of them.
	Sum32(x []float32) error
	Sum64(x []float64) error
	// Broadcast replaces x by that of process 0.
	Broadcast(x []byte) error
	// Close leaves the group. Whoever waits for this process gets an error or is
	// ended.
	Close() error
}

// PeerError says that training ended because another process of the [Group] could
// not go on. That process's own error tells why. Rank is −1 if there are several.
type PeerError struct{ Rank int }

func (e *PeerError) Error() string {
	if e.Rank < 0 {
		return "several other processes could not go on; their own messages tell why"
	}
	return fmt.Sprintf("process %d could not go on; its own message tells why", e.Rank)
}

// part is which samples of a batch, of all processes, this process has.
type part struct{ from, n, total int }

// peers are the other processes of a game, and what is sent to them.
type peers struct {
	Group
	layers uint64 // key of the random numbers that layers draw
	part   part   // of the current step
	anew   bool   // a journal begins anew before the current step, and so do all
	shared int    // halves of the current step that were added up
	ahead  bool   // the others do the current step, and this process has failed
	flat   [2]*tensor.Tensor
	host   []float64
	host32 []float32
	known  bool // all know that training ends
	err    error
	random *tensor.Stream // of layers that draw, in the current step
}

// alone reports whether there are no other processes.
func (c Config) alone() bool { return c.Group == nil || c.Group.Size() == 1 }

func newPeers(c Config) *peers {
	if c.alone() {
		return nil
	}
	layers, _ := tensor.NewStream(c.Seed, fmt.Sprintf("layers of process %d", c.Group.Rank())).State()
	return &peers{Group: c.Group, layers: layers}
}

// checkGroup returns what cannot be trained by several processes.
func (c Config) checkGroup(g, d nn.Module, dt tensor.DType) error {
	if c.alone() {
		return nil
	}
	for k, m := range []nn.Module{g, d} {
		if mixes, known := nn.MixesBatch(m); mixes || !known {
			return fmt.Errorf("the %s mixes the samples of a batch, of which a process of a group sees only its part; leave out layers such as BatchNorm and MinibatchStdDev",
				[]string{"generator", "discriminator"}[k])
		}
	}
	// Does a term of the objective depend on other samples than its own?
	objective := c.objective()
	mixes := false
	if err := tensor.Catch(func() {
		scores := func() *autograd.Var {
			return autograd.Leaf(tensor.FromFloat64([]float64{0.3, 0.6}, 2, 1).Cast(dt))
		}
		depends := func(terms *autograd.Var, on ...*autograd.Var) {
			if terms == nil {
				return
			}
			first := autograd.Slice(autograd.Reshape(terms, 2), 0, 0, 1)
			for _, g := range autograd.Grad(autograd.Sum(first), on, autograd.Opts{AllowConstant: true}) {
				mixes = mixes || g.Value().Float64s()[1] != 0
			}
		}
		real, fake := scores(), scores()
		terms := objective.Discriminator(real, fake)
		depends(terms.Real, real, fake)
		depends(terms.Fake, real, fake)
		depends(objective.Generator(fake, func() *autograd.Var { return real }), real, fake)
	}); err != nil {
		return err
	}
	if mixes {
		return fmt.Errorf("a term of the objective %s depends on several samples of a batch, of which a process of a group sees only its part; take another, such as Relativistic, whose pairs stay together", objective.Name())
	}
	return nil
}

// The reasons to end training, as the processes tell each other. A signal s is
// stopSignal+s.
const (
	goOn = iota
	stopDone
	stopCancelled
	stopFailed
	stopSignal = 100
)

// reason returns the reason that an error is.
func reason(err error) float64 {
	var signal *Interrupted
	switch {
	case err == nil:
		return goOn
	case !Cancelled(err):
		return stopFailed
	case errors.As(err, &signal):
		if s, ok := signal.Signal.(syscall.Signal); ok {
			return stopSignal + float64(s)
		}
	}
	return stopCancelled
}

// meet is called by all processes before each step, with the number of samples that
// this one has, a reason to end, and whether its journal has to begin anew; and once
// more after the last. It returns the error of the first process that ends, or nil.
func (p *peers) meet(n int, why float64, anew bool) error {
	size := p.Size()
	told := make([]float64, 2*size+1)
	told[p.Rank()], told[size+p.Rank()] = float64(n), why
	if anew {
		told[2*size] = 1
	}
	if err := p.Sum64(told); err != nil {
		return p.lost(err)
	}
	p.part, p.anew, p.shared = part{n: n}, told[2*size] > 0, 0
	p.ahead = false
	for r := range size {
		if r < p.Rank() {
			p.part.from += int(told[r])
		}
		p.part.total += int(told[r])
	}
	for r, why := range told[size : 2*size] {
		if why == goOn {
			continue
		}
		p.known = true
		if r == p.Rank() {
			return nil // it knows
		}
		switch {
		case why == stopDone:
			return doneError(r)
		case why == stopFailed:
			return &PeerError{r}
		case why >= stopSignal:
			return fmt.Errorf("process %d: %w", r, &Interrupted{syscall.Signal(why - stopSignal)})
		}
		return fmt.Errorf("process %d: %w", r, context.Canceled)
	}
	return nil
}

// doneError is the number of a process that has done all its steps.
type doneError int

func (e doneError) Error() string {
	return fmt.Sprintf("process %d has done all its steps; give all the same number", int(e))
}

// lost remembers that the group has failed, so that nobody waits for it again.
func (p *peers) lost(err error) error {
	p.known = true
	p.err = fmt.Errorf("the group of processes: %w", err)
	return p.err
}

// begin prepares for a step. What layers draw is a function of the step and the
// process alone, so that a checkpoint need not hold one stream for each process.
func (p *peers) begin(step int) {
	p.random = tensor.StreamAt(p.layers, uint64(step)<<32)
}

// rows returns numbers [n, …] of this process's samples out of those [total, …] of
// all. fill draws them from a stream, which then stands where drawing all leads to.
func (g *game) rows(n int, shape []int, stream *tensor.Stream, fill func(*tensor.Stream, *tensor.Tensor)) *tensor.Tensor {
	if g.peers == nil {
		t := g.scope.Empty(g.device, g.dtype, shape...)
		fill(stream, t)
		return t
	}
	row := 1
	for _, d := range shape[1:] {
		row *= d
	}
	from := g.peers.part.from * row
	before := from % 4 // streams are divided between every fourth number and the next
	t := g.scope.Empty(g.device, g.dtype, before+n*row)
	mine := *stream
	mine.Skip(g.dtype, from-before)
	fill(&mine, t)
	stream.Skip(g.dtype, g.peers.part.total*row)
	return t.Slice(0, before, before+n*row).Reshape(shape...)
}

// share replaces the discriminator's losses and gradients, which are means over the
// samples of this process, by those over all.
func (h *discriminatorHalf) share(g *game) error {
	if g.peers == nil {
		return nil
	}
	scalars := make([]*tensor.Tensor, 2+len(g.penalties))
	scalars[0], scalars[1] = h.real, h.fake
	copy(scalars[2:], h.penalties)
	if err := g.peers.add(g, 0, h.grads, scalars); err != nil {
		return err
	}
	h.real, h.fake = scalars[0], scalars[1]
	copy(h.penalties, scalars[2:])
	return nil
}

// share does the same for the generator's half.
func (h *generatorHalf) share(g *game) error {
	if g.peers == nil {
		return nil
	}
	scalars := []*tensor.Tensor{h.loss}
	if err := g.peers.add(g, 1, h.grads, scalars); err != nil {
		return err
	}
	h.loss = scalars[0]
	return nil
}

// add replaces gradients and scalars of one half, in place, by their sums over the
// processes, each weighted by its part of the samples. Scalars that are nil count as
// 0 and stay nil. The last numbers sent tell of processes that have failed.
func (p *peers) add(g *game, half int, grads, scalars []*tensor.Tensor) error {
	weight := float64(p.part.n) / float64(p.part.total)
	numbers := 0
	var all []*tensor.Tensor
	for _, t := range grads {
		all = append(all, t.Reshape(t.Len()))
		numbers += t.Len()
	}
	for _, s := range scalars {
		if s != nil {
			all = append(all, s.Reshape(1))
		}
	}
	local := tensor.Scale(tensor.Concat(0, all...), weight)
	length := numbers + len(scalars) + trailer
	if p.flat[half] == nil {
		p.flat[half] = g.device.New(g.dtype, length)
	}
	var failed []float64
	switch g.dtype {
	case tensor.Float32:
		p.host32 = spread(p.host32, local.Float32s(), numbers, scalars)
		if err := p.Sum32(p.host32); err != nil {
			return p.lost(err)
		}
		p.flat[half].SetFloat32(p.host32)
		failed = []float64{float64(p.host32[length-2]), float64(p.host32[length-1])}
	default:
		p.host = spread(p.host, local.Float64s(), numbers, scalars)
		if err := p.Sum64(p.host); err != nil {
			return p.lost(err)
		}
		p.flat[half].SetFloat64(p.host)
		failed = p.host[length-trailer:]
	}
	p.shared++
	switch failed[0] {
	case 0:
	case 1:
		return &PeerError{int(failed[1])}
	default:
		return &PeerError{-1}
	}
	at := 0
	for i, t := range grads {
		grads[i] = p.flat[half].Slice(0, at, at+t.Len()).Reshape(t.Shape()...)
		at += t.Len()
	}
	for i, s := range scalars {
		if s != nil {
			scalars[i] = p.flat[half].Slice(0, at+i, at+i+1).Reshape()
		}
	}
	return nil
}

// trailer is how many numbers follow the gradients and scalars of a half: how many
// processes have failed, and the sum of their ranks.
const trailer = 2

// spread copies what is sent to dst: the first numbers, then the scalars, with a zero
// for each that is nil, and the zeros that say that all is well.
func spread[T float32 | float64](dst, src []T, numbers int, scalars []*tensor.Tensor) []T {
	dst = append(dst[:0], src[:numbers]...)
	src = src[numbers:]
	for _, s := range scalars {
		if s == nil {
			dst = append(dst, 0)
		} else {
			dst, src = append(dst, src[0]), src[1:]
		}
	}
	return append(dst, make([]T, trailer)...)
}

// complete reports whether this process has sent all of its part of the current step,
// so that the others do it.
func (p *peers) complete(g *game) bool {
	if (g.steps+1)%g.generatorEvery == 0 {
		return p.shared == 2
	}
	return p.shared == 1
}

// withdraw tells the processes that wait for this one's part of a step that it has
// failed, so that none of them makes the update. It is too late if this process has
// sent all of it.
func (p *peers) withdraw(g *game) {
	if p.err != nil {
		return
	}
	if p.ahead = p.complete(g); p.ahead {
		return
	}
	leaves, scalars := g.dLeaves, 2+len(g.penalties)
	if p.shared == 1 {
		leaves, scalars = g.gLeaves, 1
	}
	length := scalars + trailer
	for _, q := range leaves {
		length += q.Value().Len()
	}
	var err error
	if g.dtype == tensor.Float32 {
		x := make([]float32, length)
		x[length-2], x[length-1] = 1, float32(p.Rank())
		err = p.Sum32(x)
	} else {
		x := make([]float64, length)
		x[length-2], x[length-1] = 1, float64(p.Rank())
		err = p.Sum64(x)
	}
	if err != nil {
		p.lost(err)
	}
	p.shared++
}

// giveUp tells the others that this process does not do steps again as they do, of
// which one may be under way and some may be left.
func (p *peers) giveUp(g *game, under bool, left int) {
	if p == nil || p.err != nil {
		return
	}
	if under {
		if p.withdraw(g); !p.ahead {
			return // they all stop here
		}
	}
	if left > 0 {
		p.meet(0, stopFailed, false)
	}
}

// checkEvery is the number of steps from one comparison of the processes' networks
// to the next.
const checkEvery = 100

// compare returns an error if a process has other networks than process 0.
func (p *peers) compare(g *game) error {
	sums := make([]uint32, len(g.values))
	failed := tensor.Catch(func() {
		for i, v := range g.values {
			sums[i] = checksum(v)
		}
	})
	first := make([]byte, 4*len(sums))
	for i, s := range sums {
		binary.LittleEndian.PutUint32(first[4*i:], s)
	}
	if err := p.Broadcast(first); err != nil {
		return p.lost(err)
	}
	differs := make([]float64, p.Size()) // 1 + the first value that does; −1: could not tell
	for i := len(sums) - 1; i >= 0; i-- {
		if binary.LittleEndian.Uint32(first[4*i:]) != sums[i] {
			differs[p.Rank()] = float64(i + 1)
		}
	}
	if failed != nil {
		differs[p.Rank()] = -1
	}
	if err := p.Sum64(differs); err != nil {
		return both(failed, p.lost(err))
	}
	if r := slices.Index(differs, -1); r >= 0 {
		p.known = true
		if failed == nil {
			failed = &PeerError{r}
		}
		return fmt.Errorf("gan: step %d: comparing the processes' networks: %w", g.steps, failed)
	}
	for r, i := range differs {
		if i > 0 {
			p.known = true
			return fmt.Errorf("gan: step %d: the processes do not train the same networks any more: %s of process %d is not that of process 0; do all machines have the same instruction set, and the same program?", g.steps, g.nameOf(int(i)-1), r)
		}
	}
	return nil
}

// nameOf returns the name of one of the game's values.
func (g *game) nameOf(i int) string {
	params := nn.Params(g.generator)
	if i < len(params) {
		return "generator." + params[i].Name
	}
	return "discriminator." + nn.Params(g.discriminator)[i-len(params)].Name
}

// checksum returns the CRC-32C of a tensor's numbers.
func checksum(t *tensor.Tensor) uint32 {
	var bits []byte
	switch t.DType() {
	case tensor.Float32:
		for _, v := range t.Float32s() {
			bits = binary.LittleEndian.AppendUint32(bits, math.Float32bits(v))
		}
	default:
		for _, v := range t.Float64s() {
			bits = binary.LittleEndian.AppendUint64(bits, math.Float64bits(v))
		}
	}
	return crc32.Checksum(bits, crc32.MakeTable(crc32.Castagnoli))
}

// gather begins a run of several processes: all take over the state of process 0,
// which says whether they were made with the same settings and see the same data.
// prepare is what each does on its own for that, with the state in place.
func (f *fitting) gather(prepare func() error) error {
	p := f.game.peers
	if p == nil {
		return prepare()
	}
	p.known = false
	var err error
	var state bytes.Buffer
	if p.Rank() == 0 {
		if err = prepare(); err == nil {
			err = f.Trainer.WriteCheckpoint(&state)
		}
	}
	length := make([]byte, 8) // 0: process 0 cannot begin
	if err == nil {
		binary.LittleEndian.PutUint64(length, uint64(state.Len()))
	}
	if lost := p.Broadcast(length); lost != nil {
		return both(err, p.lost(lost))
	}
	if n := binary.LittleEndian.Uint64(length); n > 0 {
		bits := state.Bytes()
		if p.Rank() != 0 {
			bits = make([]byte, n)
		}
		if lost := p.Broadcast(bits); lost != nil {
			return both(err, p.lost(lost))
		}
		if p.Rank() != 0 {
			if err = f.resumeFrom("process 0", bytes.NewReader(bits), newResuming(nil)); err == nil {
				err = prepare()
			}
			if s := (*SettingsError)(nil); errors.As(err, &s) {
				s.group = true // there is nothing to be allowed
			}
		}
	}
	told := p.meet(0, reason(err), true)
	if err == nil && told == nil && binary.LittleEndian.Uint64(length) == 0 {
		told = &PeerError{0}
	}
	return both(err, told)
}

// batchSize returns the number of samples, 0 if there are none.
func batchSize(b Batch) int {
	if b.X == nil || b.X.Rank() == 0 {
		return 0
	}
	return b.X.Dim(0)
}

// meet tells the other processes that this one is about to do a step on n samples,
// or why it is not, and returns why training ends, if it does.
func (f *fitting) meet(n int, why error) error {
	p := f.game.peers
	if p == nil || p.known {
		return why
	}
	told := p.meet(n, reason(why), !f.game.journal.current(f.game))
	if why != nil {
		return why
	}
	if told != nil {
		return fmt.Errorf("gan: %w", told)
	}
	return nil
}

// leave tells the others that this process has done what it was asked for, or why it
// ends, unless they know.
func (f *fitting) leave(err error) error {
	p := f.game.peers
	if p == nil || p.known {
		return err
	}
	why := reason(err)
	if err == nil {
		why = stopDone
	}
	told := p.meet(0, why, false)
	switch told.(type) {
	case doneError, *PeerError: // which fails after the last step
		return err
	}
	return both(err, told)
}
