package cuda

import (
	_ "embed"
	"errors"
	"unsafe"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/layout"
)

//go:generate kernels/compile.sh kernels

// The kernels, compiled.
var (
	//go:embed kernels/unary.ptx
	unaryPTX []byte
	//go:embed kernels/binary.ptx
	binaryPTX []byte
	//go:embed kernels/move.ptx
	movePTX []byte
	//go:embed kernels/reduce.ptx
	reducePTX []byte
	//go:embed kernels/product.ptx
	productPTX []byte
	//go:embed kernels/conv.ptx
	convPTX []byte
	//go:embed kernels/train.ptx
	trainPTX []byte
	//go:embed kernels/sequence.ptx
	sequencePTX []byte
)

// module is a file of kernels. The driver compiles it when one of them is first
// needed.
type module uint8

const (
	unaryModule module = iota
	binaryModule
	moveModule
	reduceModule
	productModule
	convModule
	trainModule
	sequenceModule
	numModules
)

var modulePTX = [numModules][]byte{unaryPTX, binaryPTX, movePTX, reducePTX, productPTX, convPTX, trainPTX, sequencePTX}

// kernel is the name of a kernel in two parts: "Tanh" and "_f32_nd".
type kernel struct {
	module       module
	name, suffix string
}

// threads is the number of threads of a block, in every kernel.
const threads = 256

// function returns a kernel, compiled.
func (b *Backend) function(k kernel) driver.Function {
	f, ok := b.functions[k]
	if ok {
		return f
	}
	m := &b.modules[k.module]
	if *m == 0 {
		b.check(b.trimmed(func() (err error) {
			*m, err = b.device.ModuleLoad(modulePTX[k.module])
			return err
		}))
	}
	b.check(b.trimmed(func() (err error) { // which may load its code
		f, err = b.device.Function(*m, k.name+k.suffix)
		return err
	}))
	b.functions[k] = f
	return f
}

// begin returns the empty arguments of a launch.
func (b *Backend) begin() *driver.Args { return b.args.Reset() }

// raw packs a struct that is laid out as the kernel's.
func raw[T any](a *driver.Args, v *T) *driver.Args {
	return a.Raw(unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)), 8)
}

// blocks returns how many blocks of that many elements hold n.
func blocks(n, each int) int { return (n + each - 1) / each }

// divisor divides numbers below 2³¹ by d: n/d = (n·m/2³² + n) / 2ˢ.
type divisor struct{ d, m, s uint32 }

func divide(d int) divisor {
	v := divisor{d: uint32(max(d, 1))}
	for 1<<v.s < uint64(v.d) {
		v.s++
	}
	v.m = uint32((1<<32*(1<<v.s-uint64(v.d)))/uint64(v.d) + 1)
	return v
}

// places are the places of n elements in some arrays, the innermost dim first.
type places struct {
	rank, n uint32
	dim     [layout.MaxRank]divisor
}

type (
	strides [layout.MaxRank]int64
	places1 struct {
		places
		stride [1]strides
	}
	places2 struct {
		places
		stride [2]strides
	}
	places3 struct {
		places
		stride [3]strides
	}
	places4 struct {
		places
		stride [4]strides
	}
)

// set sets p and the strides to some layouts, of the same dims.
func (p *places) set(s []strides, ls ...*layout.Layout) {
	first := ls[0]
	*p = places{rank: uint32(max(1, first.Rank)), n: uint32(first.Len())}
	clear(s)
	for k := range p.dim {
		p.dim[k] = divide(1)
	}
	for k := range first.Rank {
		from := first.Rank - 1 - k
		p.dim[k] = divide(first.Dims[from])
		for a, l := range ls {
			s[a][k] = int64(l.Strides[from])
		}
	}
}

// tables are structs in device memory that kernels read: lists of arrays, and the
// phases of convolutions. The same table is needed step after step, so tables are
// kept, by their bytes.
type tables struct {
	known map[string]*block
	bytes uint64
	spare *block // for the steps of a sequence when there is no other memory
}

// tableLimit is the memory from which all tables are forgotten.
var tableLimit uint64 = 32 << 20

// table returns the address of a table with those bytes.
func (b *Backend) table(content []byte) driver.Ptr {
	if k, ok := b.tables.known[string(content)]; ok {
		return k.ptr
	}
	k, err := b.take(uint64(len(content)))
	b.check(err)
	b.keepTable(content, k)
	return k.ptr
}

// tableNow is table for the steps of a sequence, which cannot wait until there is
// memory. If there is none at once, the table lies where the next such one will, and
// kept is false: no graph may rely on it.
func (b *Backend) tableNow(content []byte) (_ driver.Ptr, kept bool) {
	if k, ok := b.tables.known[string(content)]; ok {
		return k.ptr, true
	}
	k, err := b.takeNow(uint64(len(content)))
	if err == nil {
		b.keepTable(content, k)
		return k.ptr, true
	}
	if !errors.Is(err, driver.OutOfMemory) {
		b.check(err)
	}
	b.upload(b.tables.spare.ptr, content)
	return b.tables.spare.ptr, false
}

func (b *Backend) keepTable(content []byte, k *block) {
	t := &b.tables
	if t.known == nil {
		t.known = map[string]*block{}
	}
	b.upload(k.ptr, content)
	if t.bytes > tableLimit { // now, in the list of launches in which one may need another
		for _, k := range t.known {
			b.giveBack(k)
		}
		clear(t.known)
		t.bytes = 0
	}
	t.known[string(content)] = k
	t.bytes += k.size
}

// bytesIn returns the bytes of a slice of structs without pointers.
func bytesIn[T any](s []T) []byte {
	var v T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(v)))
}
