package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/nn/torch"
	"github.com/gander-ml/gander/tensor"
)

// run does what the flags ask for.
func (j job) run() error {
	state, err := read(j.from)
	if err != nil {
		return err
	}
	if len(state) == 0 {
		return fmt.Errorf("%s holds no tensors", j.from)
	}
	if j.part != "" {
		if state = torch.Part(state, j.part); len(state) == 0 {
			return fmt.Errorf("%s has no part %q", j.from, j.part)
		}
	}
	switch {
	case j.out == "":
		return list(state)
	case j.net != "":
		return j.build(state)
	}
	named := map[string]*tensor.Tensor{}
	for name, t := range state {
		if j.prefix != "" {
			name = j.prefix + "." + name
		}
		named[name] = t
	}
	if err := safetensors.Save(j.out, named, nil); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s, in %s\n", tensors(len(named)), j.out)
	return nil
}

// open opens a regular file and tells how it begins.
func open(path string) (f *os.File, first string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", err
	}
	if !info.Mode().IsRegular() {
		return nil, "", fmt.Errorf("%s is not a regular file", path)
	}
	if f, err = os.Open(path); err != nil {
		return nil, "", err
	}
	b := make([]byte, 4)
	n, _ := f.ReadAt(b, 0)
	return f, string(b[:n]), nil
}

// read returns the tensors of a file by name.
func read(path string) (map[string]*tensor.Tensor, error) {
	f, first, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if first == "PK\x03\x04" { // a ZIP archive
		return torch.Load(path)
	}
	r, err := safetensors.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	whole := tensor.Float32 // what counters of PyTorch become
	for _, name := range r.Names() {
		if kind, _, _ := r.Info(name); kind == "F64" {
			whole = tensor.Float64
		}
	}
	state := map[string]*tensor.Tensor{}
	for _, name := range r.Names() {
		kind, shape, _ := r.Info(name)
		dt := whole
		if kind == "F32" || kind == "F16" || kind == "BF16" {
			dt = tensor.Float32
		}
		if err := tensor.Catch(func() { state[name] = tensor.New(dt, shape...) }); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, name, err)
		}
	}
	if err := r.ReadInto(state); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return state, nil
}

// list prints the tensors of a file.
func list(state map[string]*tensor.Tensor) error {
	for _, name := range slices.Sorted(maps.Keys(state)) {
		if _, err := fmt.Printf("%-40q %v %v\n", name, state[name].DType(), state[name].Shape()); err != nil {
			return err
		}
	}
	return nil
}

// build writes a network with the weights.
func (j job) build(state map[string]*tensor.Tensor) error {
	net, err := described(j.net)
	if err != nil {
		return err
	}
	state, part, err := torch.Match(net, state)
	if err == nil {
		err = nn.LoadState(net, state)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", j.from, err)
	}
	what := "network"
	if j.latent == 0 {
		err = nn.Save(j.out, net, nil)
	} else {
		what = "generator"
		var g *gan.Generator
		g, err = gan.NewGenerator(net, j.latent, j.shape...)
		if err == nil && j.classes != nil {
			g, err = g.WithClasses(j.classes, nil)
		}
		if err == nil {
			err = g.Save(j.out)
		}
	}
	if err != nil {
		return err
	}
	if part != "" {
		part = fmt.Sprintf(" of its part %q", part)
	}
	fmt.Fprintf(os.Stderr, "a %s with %s%s, in %s\n", what, tensors(len(state)), part, j.out)
	return nil
}

// tensors is "1 tensor" or "2 tensors".
func tensors(n int) string {
	if n == 1 {
		return "1 tensor"
	}
	return fmt.Sprint(n, " tensors")
}

// described returns the network of a description, without weights.
func described(path string) (nn.Module, error) {
	f, first, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var text []byte
	if strings.HasPrefix(first, "{") {
		text, err = io.ReadAll(io.LimitReader(f, 2<<20)) // more than a description may have
	} else {
		var r *safetensors.Reader
		if r, err = safetensors.NewReader(f); err == nil {
			if text = []byte(r.Metadata()[nn.ArchitectureKey]); len(text) == 0 {
				err = errors.New("it describes no network")
			}
		}
	}
	var net nn.Module
	if err == nil {
		if net, err = nn.Decode(text); errors.Is(err, nn.ErrUnknownModule) {
			err = fmt.Errorf("%w; known are %s", err, strings.Join(nn.Kinds(), ", "))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return net, nil
}
