package nn

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// State returns a network's parameters and buffers by name, "0.weight": PyTorch's state
// dict. The tensors are the network's own, not copies. It panics with a
// [StateError] if the network has no weights yet.
func State(m Module) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for _, p := range Params(m) {
		out[p.Name] = (*Ctx)(nil).Var(p.Param).Value()
	}
	return out
}

// LoadState copies a state into a network. Names, shapes and dtypes must match
// exactly, or the network stays as it was and the error says what does not. A
// network without weights takes its dtype from the state.
func LoadState(m Module, state map[string]*tensor.Tensor) error {
	offer := map[string]offered{}
	for name, t := range state {
		if t != nil {
			offer[name] = offered{t.Shape(), t.DType(), false}
		}
	}
	params := Params(m)
	dtype, err := match(params, offer)
	if err != nil {
		return fmt.Errorf("nn: %w", err)
	}
	// All are copied before one is changed: state may be the network's own with others'
	// names, and a tensor that is of no use panics.
	values := newValues(params, dtype, tensor.CPU())
	for i, p := range params {
		values[i].CopyFrom(state[p.Name])
	}
	take(m, params, values)
	return nil
}

// take makes the values the network's: themselves if it has none, else copies.
func take(m Module, params []NamedParam, values []*tensor.Tensor) {
	if !Ready(m) {
		setValues(params, values)
		return
	}
	for i, p := range params {
		p.Param.Value().CopyFrom(values[i])
	}
}

// offered is what a state or a file has for a parameter.
type offered struct {
	shape []int
	dtype tensor.DType
	whole bool // whole numbers, which go to either dtype
}

// match compares what is offered with what a network needs, and returns the
// dtype that the network has or will have.
func match(params []NamedParam, offer map[string]offered) (tensor.DType, error) {
	rest := maps.Clone(offer)
	var problems []string
	dtype, settled := tensor.Float32, false
	for _, p := range params {
		if v := p.Param.Value(); v != nil {
			dtype, settled = v.DType(), true
			break
		}
	}
	for _, p := range params {
		o, ok := rest[p.Name]
		if !ok {
			problems = append(problems, fmt.Sprintf("%s%v is missing", excerpt.Name(p.Name), p.Param.shape))
			continue
		}
		delete(rest, p.Name)
		if !slices.Equal(o.shape, p.Param.shape) {
			problems = append(problems, fmt.Sprintf("%s has shape %v, the network %v", excerpt.Name(p.Name), o.shape, p.Param.shape))
		}
		if o.whole {
			continue
		}
		if !settled {
			dtype, settled = o.dtype, true
		}
		if o.dtype != dtype {
			problems = append(problems, fmt.Sprintf("%s is %v, the network %v", excerpt.Name(p.Name), o.dtype, dtype))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		problems = append(problems, fmt.Sprintf("%s%v is not part of the network", excerpt.Name(name), rest[name].shape))
	}
	if len(problems) > 0 {
		if more := len(problems) - 4; more > 0 {
			problems = append(problems[:4], fmt.Sprintf("and %d more", more))
		}
		return dtype, fmt.Errorf("the state does not fit the network: %s%s", strings.Join(problems, "; "), renamed(params, offer))
	}
	return dtype, nil
}

// renamed explains a state that has all of a network's names, but under the name of
// a part that the network does not have, or without that of one that it has: a
// network of PyTorch is a class, say, whose layers are its field "main".
func renamed(params []NamedParam, offer map[string]offered) string {
	if len(params) == 0 {
		return ""
	}
	first := params[0].Name
	for _, name := range slices.Sorted(maps.Keys(offer)) {
		if prefix, ok := strings.CutSuffix(name, "."+first); ok && !slices.ContainsFunc(params, func(p NamedParam) bool {
			_, ok := offer[prefix+"."+p.Name]
			return !ok
		}) {
			return fmt.Sprintf("; it has all of them under %[1]s: give a module whose part is named so, see Parent, or save that part alone, model.%[2]s.state_dict()",
				excerpt.Quote(prefix), excerpt.Name(prefix))
		}
		if prefix, ok := strings.CutSuffix(first, "."+name); ok && !slices.ContainsFunc(params, func(p NamedParam) bool {
			rest, ok := strings.CutPrefix(p.Name, prefix+".")
			_, found := offer[rest]
			return !ok || !found
		}) {
			return fmt.Sprintf("; it fits the part %s of the network: load into that", excerpt.Quote(prefix))
		}
	}
	return ""
}

// ArchitectureKey is where a saved file's metadata holds the architecture, as
// [Encode] writes it.
const ArchitectureKey = "gander.architecture"

// Save makes path a safetensors file of a network: the weights under their
// names, and in the metadata the architecture and whatever else is given. The
// file is written whole or not at all. It is an error if [Encode] cannot describe
// the network; [safetensors.Save] of its [State] keeps the weights alone, and
// [LoadInto] reads them.
func Save(path string, m Module, metadata map[string]string) error {
	return SaveWeights(path, m, nil, metadata)
}

// SaveWeights is [Save] with other values for the parameters: those of a
// [Snapshot] of m, or m's own if w is nil.
func SaveWeights(path string, m Module, w *Weights, metadata map[string]string) error {
	state, meta, err := contents(m, w, metadata)
	if err != nil {
		return fmt.Errorf("nn: saving %s: %w", path, err)
	}
	return safetensors.Save(path, state, meta)
}

// Write is [Save] to a stream.
func Write(w io.Writer, m Module, metadata map[string]string) error {
	return WriteWeights(w, m, nil, metadata)
}

// WriteWeights is [SaveWeights] to a stream.
func WriteWeights(out io.Writer, m Module, w *Weights, metadata map[string]string) error {
	state, meta, err := contents(m, w, metadata)
	if err == nil {
		err = safetensors.Write(out, state, meta)
	}
	if err != nil {
		return fmt.Errorf("nn: writing a network: %w", err)
	}
	return nil
}

// contents returns what a network's file holds.
func contents(m Module, w *Weights, metadata map[string]string) (state map[string]*tensor.Tensor, meta map[string]string, err error) {
	if !Ready(m) {
		return nil, nil, errors.New("the network has no weights yet")
	}
	state = State(m)
	if w != nil {
		for _, p := range Params(m) {
			v, ok := w.vars[p.Param]
			if !ok {
				return nil, nil, errors.New("the weights are another network's")
			}
			state[p.Name] = v.Value()
		}
	}
	meta = map[string]string{}
	maps.Copy(meta, metadata)
	delete(meta, ArchitectureKey) // it may come from another network's file
	architecture, err := encodeChecked(m)
	if err != nil {
		return nil, nil, fmt.Errorf("its architecture cannot be described: %w; safetensors.Save(path, nn.State(m), nil) keeps the weights alone", err)
	}
	meta[ArchitectureKey] = string(architecture)
	return state, meta, nil
}

// Load builds the network that [Save] wrote, with its weights, and returns the
// file's metadata too. It takes little more memory than the weights themselves.
func Load(path string) (Module, map[string]string, error) {
	f, err := atomicfile.Open(path)
	return loadNamed(path, f, err)
}

// LoadFS is [Load] of a file of fsys, such as an [embed.FS].
func LoadFS(fsys fs.FS, name string) (Module, map[string]string, error) {
	f, err := atomicfile.OpenFS(fsys, name)
	return loadNamed(name, f, err)
}

// Read is [Load] of a stream, which ends where the file ends. A stream that
// cannot seek is kept in memory until its end has come, beside the weights.
func Read(r io.Reader) (Module, map[string]string, error) {
	m, meta, err := read(r)
	if err != nil {
		return nil, nil, fmt.Errorf("nn: reading a network: %w", err)
	}
	return m, meta, nil
}

// loadNamed is Read of a file that was opened, or could not be.
func loadNamed(name string, f fs.File, err error) (m Module, meta map[string]string, _ error) {
	if err == nil {
		defer f.Close()
		m, meta, err = read(f)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("nn: loading %s: %w", name, err)
	}
	return m, meta, nil
}

func read(r io.Reader) (Module, map[string]string, error) {
	f, err := safetensors.NewReader(r)
	if err != nil {
		return nil, nil, err
	}
	meta := f.Metadata()
	architecture, ok := meta[ArchitectureKey]
	if !ok {
		return nil, nil, errors.New("it holds weights but no architecture; build the network and use LoadInto, or, if this is a checkpoint of training, gan.Trainer.Resume")
	}
	m, err := decodeWhole([]byte(architecture))
	if err != nil {
		return nil, nil, excerpt.Error(fmt.Errorf("its architecture: %w", err))
	}
	if err := fill(m, f); err != nil {
		return nil, nil, err
	}
	return m, meta, nil
}

// LoadInto reads the weights of a safetensors file, from [Save] or from
// PyTorch, into a network. Whatever does not fit is refused, and a damaged file
// too, before the network is touched.
func LoadInto(path string, m Module) error {
	f, err := atomicfile.Open(path)
	return loadNamedInto(m, path, f, err)
}

// LoadIntoFS is [LoadInto] from a file of fsys.
func LoadIntoFS(fsys fs.FS, name string, m Module) error {
	f, err := atomicfile.OpenFS(fsys, name)
	return loadNamedInto(m, name, f, err)
}

// ReadInto is [LoadInto] from a stream, which ends where the file ends.
func ReadInto(r io.Reader, m Module) error {
	if err := readInto(r, m); err != nil {
		return fmt.Errorf("nn: reading weights: %w", err)
	}
	return nil
}

// loadNamedInto is ReadInto of a file that was opened, or could not be.
func loadNamedInto(m Module, name string, f fs.File, err error) error {
	if err == nil {
		defer f.Close()
		err = readInto(f, m)
	}
	if err != nil {
		return fmt.Errorf("nn: loading %s: %w", name, err)
	}
	return nil
}

func readInto(r io.Reader, m Module) error {
	f, err := safetensors.NewReader(r)
	if err != nil {
		return err
	}
	return fill(m, f)
}

// fill gives a network the values of a file: a network without weights takes
// the tensors that they were read into, one with weights a copy.
func fill(m Module, f *safetensors.Reader) error {
	offer := map[string]offered{}
	for _, name := range f.Names() {
		kind, shape, _ := f.Info(name)
		o := offered{shape: shape}
		switch kind {
		case "F32", "F16", "BF16":
			o.dtype = tensor.Float32
		case "F64":
			o.dtype = tensor.Float64
		case "I64": // PyTorch's counters
			o.whole = true
		default:
			return fmt.Errorf("tensor %s holds %s, which a network's weights are not made of", excerpt.Quote(name), kind)
		}
		offer[name] = o
	}
	params := Params(m)
	dtype, err := match(params, offer)
	if err != nil {
		return err
	}
	values := newValues(params, dtype, tensor.CPU())
	dst := map[string]*tensor.Tensor{}
	for i, p := range params {
		dst[p.Name] = values[i]
	}
	if err := f.ReadInto(dst); err != nil {
		return err
	}
	take(m, params, values)
	return nil
}
