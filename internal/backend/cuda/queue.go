package cuda

import (
	"slices"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/op"
)

// queue holds back small operations, which the kernel of sequence.cu does in one
// launch. Work on other memory may overtake them: what touches a block that one of
// them reads or writes is done after them.
type queue struct {
	steps   []step
	first   call            // the launch that the first step stands for
	touched map[*block]bool // by the steps
	held    []*block        // scratch of theirs, lent until they are done
	current [8]*block       // of the operation that is being queued
	more    []*block        // and those beyond
	n       int             // in current
	filling filling
	room    []byte // for arguments

	always bool // tests: a single step is a sequence, too
}

// call is a launch with its arguments.
type call struct {
	kernel  kernel
	x, y, z int
	args    []byte
}

// maxSteps is the length of a sequence.
const maxSteps = 64

// small is the number of elements up to which an operation is done in a sequence, by
// one block.
const small = 4096

// A step is the operation of a sequence, field for field.
type step struct {
	code, n                  uint32
	dst                      driver.Ptr
	p                        [3]driver.Ptr
	stride                   [4]int64
	a, b                     float64
	count, logLanes, columns uint32
	inner                    divisor // of a copy
	row                      [2]int64
}

// The codes of steps: the functions in the order of functions.h, and the rest.
var (
	unarySteps = []op.Unary{op.Neg, op.Abs, op.Sign, op.Square, op.Sqrt, op.Reciprocal, op.Exp, op.Log, op.Sin, op.Cos, op.Tanh, op.Sigmoid,
		op.Softplus, op.ReLU, op.LeakyReLU, op.Scale, op.Shift, op.PowScalar, op.Clamp, op.Erf, op.Erfc, op.GELU, op.ELU}
	binarySteps = []op.Binary{op.Add, op.Sub, op.Mul, op.Div, op.Max, op.Min, op.Greater, op.GreaterEqual, op.Equal, op.AddScaled, op.Lerp, op.TanhGrad,
		op.SigmoidGrad, op.SoftplusGrad, op.ReLUGrad, op.LeakyReLUGrad, op.GELUGrad, op.Gauss, op.ELUGrad, op.PReLU}
	otherSteps = []kernel{
		{moveModule, "copy", "_f32"}, {moveModule, "copy", "_f64"}, {moveModule, "copy", "_f32_f64"}, {moveModule, "copy", "_f64_f32"},
		{moveModule, "fill", "_f32"}, {moveModule, "fill", "_f64"}, {moveModule, "where", "_f32"},
		{reduceModule, "Sum", "_f32"}, {reduceModule, "Sum", "_f64"}, {reduceModule, "Sum", "_f32_f64"}, {trainModule, "norm", "_f64"},
	}

	stepCodes = func() map[kernel]uint32 {
		codes := map[kernel]uint32{}
		add := func(k kernel) { codes[k] = uint32(len(codes)) }
		for _, f := range unarySteps {
			add(kernel{unaryModule, f.String(), "_f32"})
		}
		for _, f := range binarySteps {
			add(kernel{binaryModule, f.String(), "_f32"})
		}
		for _, k := range otherSteps {
			add(k)
		}
		return codes
	}()
)

// operands notes the blocks of the operation that is being queued.
func (q *queue) operands(blocks ...*block) {
	for _, k := range blocks {
		switch {
		case k == nil:
		case q.n < len(q.current):
			q.current[q.n] = k
			q.n++
		default:
			q.more = append(q.more, k)
		}
	}
}

// only says that no other blocks than these are touched by what follows.
func (q *queue) only(blocks ...*block) {
	q.n, q.more = 0, q.more[:0]
	q.operands(blocks...)
}

// uses reports whether the current operation uses a block.
func (q *queue) uses(k *block) bool {
	return slices.Contains(q.current[:q.n], k) || slices.Contains(q.more, k)
}

// conflict reports whether a step touches a block of the current operation.
func (q *queue) conflict() bool {
	if len(q.steps) == 0 {
		return false
	}
	for _, k := range q.current[:q.n] {
		if q.touched[k] {
			return true
		}
	}
	for _, k := range q.more {
		if q.touched[k] {
			return true
		}
	}
	return false
}

// flushTouched queues what is held back if a step touches a block of the current
// operation, whose work is to come after it.
func (b *Backend) flushTouched() {
	if b.queue.conflict() {
		b.flush()
	}
}

// launch queues a kernel with the arguments that were packed since begin.
func (b *Backend) launch(k kernel, x, y, z int) {
	if b.queue.conflict() {
		args := append(b.queue.room, b.args.Bytes()...)
		b.queue.room = nil // flush may launch, too
		b.flush()
		b.submit(call{k, x, y, z, args})
		b.queue.room = args[:0]
		return
	}
	b.submit(call{k, x, y, z, b.args.Bytes()})
}

// launchSmall queues a kernel as a step, if its operation is a step's.
func (b *Backend) launchSmall(k kernel, x, y int, s step) { b.launchStep(k, k, x, y, s) }

// launchStep is launchSmall for a kernel whose step has another's name.
func (b *Backend) launchStep(k, as kernel, x, y int, s step) {
	code, ok := stepCodes[as]
	if !ok {
		b.launch(k, x, y, 1)
		return
	}
	q := &b.queue
	s.code = code
	// What is held back must not fail later, when others' operations depend on it.
	b.function(sequenceKernel)
	if len(q.steps) == 0 {
		b.function(k)
		q.first.kernel, q.first.x, q.first.y, q.first.z = k, x, y, 1
		q.first.args = append(q.first.args[:0], b.args.Bytes()...)
		if q.touched == nil {
			q.touched = map[*block]bool{}
		}
	}
	q.steps = append(q.steps, s)
	for _, k := range q.current[:q.n] {
		q.touched[k] = true
	}
	for _, k := range q.more {
		q.touched[k] = true
	}
	if len(q.steps) == maxSteps {
		b.flush()
	}
}

// sequenceKernel does the steps.
var sequenceKernel = kernel{sequenceModule, "sequence", ""}

// flush queues what is held back. It takes no memory that might be missing.
func (b *Backend) flush() {
	q := &b.queue
	b.fillNow()
	if len(q.steps) == 0 {
		return
	}
	steps := q.steps
	q.steps = nil // to upload the table may launch what is queued
	clear(q.touched)
	if len(steps) == 1 && !q.always {
		b.submit(q.first)
	} else {
		table, kept := b.tableNow(bytesIn(steps))
		if !kept {
			b.graphs.unlike()
		}
		b.begin().Ptr(table).U32(uint32(len(steps)))
		b.submit(call{sequenceKernel, 1, 1, 1, b.args.Bytes()})
	}
	q.steps = steps[:0]
	for _, k := range q.held {
		b.giveBack(k)
	}
	q.held = q.held[:0]
}

// flushAll queues what is held back, and gives it to the driver.
func (b *Backend) flushAll() {
	b.flush()
	b.run()
}
