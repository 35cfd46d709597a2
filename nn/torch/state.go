package torch

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/tensor"
)

// element is a type of numbers.
type element struct {
	size   int
	double bool // more than float32 holds
	whole  bool
	read   func(b []byte) float64
}

var le = binary.LittleEndian

// elements are the classes of storages that are known.
var elements = map[string]element{
	"FloatStorage":    {4, false, false, func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) }},
	"DoubleStorage":   {8, true, false, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }},
	"HalfStorage":     {2, false, false, func(b []byte) float64 { return half(le.Uint16(b)) }},
	"BFloat16Storage": {2, false, false, func(b []byte) float64 { return float64(math.Float32frombits(uint32(le.Uint16(b)) << 16)) }},
	"LongStorage":     {8, false, true, func(b []byte) float64 { return float64(int64(le.Uint64(b))) }},
	"IntStorage":      {4, false, true, func(b []byte) float64 { return float64(int32(le.Uint32(b))) }},
	"ShortStorage":    {2, false, true, func(b []byte) float64 { return float64(int16(le.Uint16(b))) }},
	"CharStorage":     {1, false, true, func(b []byte) float64 { return float64(int8(b[0])) }},
	"ByteStorage":     {1, false, true, func(b []byte) float64 { return float64(b[0]) }},
	"BoolStorage":     {1, false, true, func(b []byte) float64 { return float64(b[0]) }},
}

// half returns the number that a float16 is.
func half(h uint16) float64 {
	exponent, fraction := int(h>>10&31), float64(h&1023)
	var v float64
	switch {
	case exponent == 31 && fraction == 0:
		v = math.Inf(1)
	case exponent == 31:
		return math.NaN()
	case exponent == 0:
		v = math.Ldexp(fraction, -24)
	default:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	if h>>15 == 1 {
		return -v
	}
	return v
}

// What a tree of dictionaries may be, and how often its tensors may share numbers.
const (
	maxDepth  = 32
	maxValues = 1 << 20
	maxNames  = 64 << 20 // bytes of all names: each has those of the dictionaries around it
	maxShared = 16
)

// flattened returns the tensors in a tree, by their names.
func flattened(root any) (map[string]*view, error) {
	views := map[string]*view{}
	visited, named := 0, 0
	var visit func(name string, v any, depth int) error
	visit = func(name string, v any, depth int) error {
		if visited++; visited > maxValues || depth > maxDepth {
			return refuse("its dictionaries are nested too deep, or hold too much")
		}
		inner := func(key any, v any) error {
			var text string
			switch key := key.(type) {
			case string:
				text = key
			case int:
				text = strconv.Itoa(key)
			default: // nothing that a tensor could be called by
				visited++ // a dictionary of many may stand in many places
				return nil
			}
			if depth > 0 {
				if named += len(name) + len(text); named > maxNames {
					return refuse("its dictionaries' names are too long")
				}
				text = name + "." + text
			}
			return visit(text, v, depth+1)
		}
		switch v := v.(type) {
		case *view:
			if views[name] != nil {
				return refuse("two tensors are called %s", excerpt.Quote(name))
			}
			views[name] = v
		case *types.Dict:
			for _, e := range *v {
				if err := inner(e.Key, e.Value); err != nil {
					return err
				}
			}
		case *types.OrderedDict:
			for e := v.List.Front(); e != nil; e = e.Next() {
				entry := e.Value.(*types.OrderedDictEntry)
				if err := inner(entry.Key, entry.Value); err != nil {
					return err
				}
			}
		case *types.List:
			for i, e := range *v {
				if err := inner(i, e); err != nil {
					return err
				}
			}
		case *types.Tuple:
			for i, e := range *v {
				if err := inner(i, e); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return views, visit("", root, 0)
}

// state returns the tensors of a tree.
func (a *archive) state(root any) (map[string]*tensor.Tensor, error) {
	views, err := flattened(root)
	if err != nil {
		return nil, err
	}
	whole := tensor.Float32
	for _, v := range views {
		if v.of.of.double {
			whole = tensor.Float64
		}
	}
	stored := map[string][]byte{}
	uses := map[string]int{}
	for _, v := range views {
		uses[v.of.key]++
	}
	out := map[string]*tensor.Tensor{}
	var bytes int64
	for _, name := range slices.Sorted(maps.Keys(views)) {
		v := views[name]
		dt := tensor.Float32
		if v.of.of.double || v.of.of.whole {
			dt = whole
		}
		n, err := v.check()
		if err == nil {
			if bytes += int64(n) * 8; bytes > maxShared*a.size {
				err = refuse("tensors share their numbers too often")
			}
		}
		if err == nil {
			out[name], err = a.tensor(v, n, dt, stored)
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", excerpt.Quote(name), err)
		}
		if uses[v.of.key]--; uses[v.of.key] == 0 {
			delete(stored, v.of.key)
		}
	}
	return out, nil
}

// check returns the number of a view's elements, or an error if they do not all lie
// in its storage, or are more than that has.
func (v *view) check() (n int, err error) {
	outside := func() (int, error) {
		return 0, refuse("the shape %v with strides %v from %d on is not within a storage of %d numbers", v.shape, v.stride, v.offset, v.of.len)
	}
	if len(v.shape) > tensor.MaxRank {
		return 0, refuse("the shape %v has more than %d dims", v.shape, tensor.MaxRank)
	}
	if empty := slices.Contains(v.shape, 0); slices.ContainsFunc(v.shape, func(d int) bool { return d < 0 || d > v.of.len && !empty }) {
		return outside()
	} else if empty {
		return 0, nil
	}
	last := v.offset
	if n = 1; last < 0 || last >= v.of.len {
		return outside()
	}
	for k, d := range v.shape {
		if n > v.of.len/d || d > 1 && (v.stride[k] < 0 || v.stride[k] > (v.of.len-1-last)/(d-1)) {
			return outside()
		}
		n *= d
		last += (d - 1) * v.stride[k]
	}
	return n, nil
}

// tensor returns a view's n elements. stored holds the records of storages that are
// needed again.
func (a *archive) tensor(v *view, n int, dt tensor.DType, stored map[string][]byte) (t *tensor.Tensor, err error) {
	if n == 0 {
		if tensor.Catch(func() { t = tensor.New(dt, v.shape...) }) != nil {
			return nil, refuse("the shape %v has dims that are too large", v.shape)
		}
		return t, nil
	}
	b, ok := stored[v.of.key]
	if !ok {
		if b, err = a.record("data/"+v.of.key, a.size-a.taken); err != nil {
			return nil, err
		}
		a.taken += int64(len(b))
		stored[v.of.key] = b
	}
	size := v.of.of.size
	if len(b)/size != v.of.len || len(b)%size != 0 {
		return nil, refuse("its storage has %d bytes, and is to hold %d numbers of %d", len(b), v.of.len, size)
	}
	values := make([]float64, n)
	index, at := make([]int, len(v.shape)), v.offset
	for i := range values {
		values[i] = v.of.of.read(b[at*size:])
		for k := len(index) - 1; k >= 0; k-- {
			at += v.stride[k]
			if index[k]++; index[k] < v.shape[k] {
				break
			}
			at -= v.shape[k] * v.stride[k]
			index[k] = 0
		}
	}
	return tensor.FromFloat64(values, n).Reshape(v.shape...).Cast(dt), nil
}
