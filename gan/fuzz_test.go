package gan_test

import (
	"bytes"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// architectures of small generators, with the weights that they need.
func seedGenerators(f *testing.F) (files [][]byte) {
	for _, m := range []nn.Module{
		nn.Sequential(nn.Linear(3, 4), nn.Tanh()),
		nn.Sequential(nn.Linear(2, 4, nn.NoBias()), nn.Reshape(1, 2, 2), nn.UpsampleNearest(2), nn.SpectralNorm(nn.Conv2D(1, 2, 3, nn.Padding(1))), nn.LeakyReLU(0.2), nn.MaxPool2D(2)),
		nn.Sequential(nn.Embedding(3, 2), nn.Flatten(), nn.Residual(nn.BatchNorm1D(4), nil), nn.Dropout(0.5), nn.Softmax(1)),
		nn.Sequential(nn.ConcatCondition(2, 3), nn.EmbedCondition(nn.SpectralNorm(nn.Linear(2, 3))), nn.Linear(7, 4), nn.Projection(nn.Linear(4, 1), nn.Linear(2, 4))),
		nn.Sequential(nn.Linear(2, 4), nn.Reshape(4, 1, 1), nn.ConvTranspose2D(4, 4, 2, nn.Stride(2), nn.OutputPadding(1)), nn.PixelShuffle(2), nn.AdaptiveAvgPool2D(2, 3), nn.GroupNorm(1, 1), nn.PReLU(1)),
	} {
		nn.Init(m, 1, tensor.Float32, tensor.CPU())
		var b bytes.Buffer
		require.NoError(f, nn.Write(&b, m, withClasses(m, map[string]string{"gander.latent": "2"})))
		files = append(files, b.Bytes(), withoutChecksum(f, b.Bytes()))
	}
	return files
}

// withClasses adds names of classes to metadata if a network reads two numbers.
func withClasses(m nn.Module, meta map[string]string) map[string]string {
	if n, err := nn.ConditionSize(m); err == nil && n == 2 {
		meta["gander.classes"], meta["gander.class_counts"] = `["cat","dog"]`, `[1,2]`
	}
	return meta
}

// FuzzLoadGenerator: whatever a file says, it is refused with a bounded message,
// or makes a generator that samples and is saved as it was.
func FuzzLoadGenerator(f *testing.F) {
	for _, file := range seedGenerators(f) {
		f.Add(file)
	}
	f.Fuzz(checkGeneratorFile)
}

// FuzzResume: whatever a checkpoint says, it is refused, and then the trainer is
// as it was, or taken over, and then training goes on.
func FuzzResume(f *testing.F) {
	trainer := newTiny(f, gan.Hinge{}, func(c *gan.Config) { c.EMAHalfLife = 3 })
	var b bytes.Buffer
	require.NoError(f, trainer.WriteCheckpoint(&b))
	f.Add(b.Bytes())
	f.Add(withoutChecksum(f, b.Bytes()))
	real := tensor.NewStream(5, "real").Normal(tensor.Float32, 4, 4)
	f.Fuzz(func(t *testing.T, file []byte) {
		trainer := newTiny(t, gan.Hinge{}, func(c *gan.Config) { c.EMAHalfLife = 3 })
		before := trainer.Sample(2, 1).Float32s()
		if err := trainer.ReadCheckpoint(bytes.NewReader(file)); err != nil {
			require.Less(t, len(err.Error()), 1000)
			require.NotContains(t, err.Error(), "\x1b")
			require.Equal(t, before, trainer.Sample(2, 1).Float32s())
		}
		trainer.Step(gan.Batch{X: real}) // which may well report numbers that are not finite
	})
}

// checkGeneratorFile is what FuzzLoadGenerator does with a file.
func checkGeneratorFile(t *testing.T, file []byte) {
	g, err := gan.ReadGenerator(bytes.NewReader(file), gan.SampleMemory(1<<20))
	if _, streamed := gan.ReadGenerator(struct{ io.Reader }{bytes.NewReader(file)}, gan.SampleMemory(1<<20)); (streamed == nil) != (err == nil) {
		t.Fatalf("a stream gives %v, a file %v", streamed, err)
	}
	if err != nil {
		require.Less(t, len(err.Error()), 1000)
		require.NotContains(t, err.Error(), "\x1b")
		return
	}
	var x *tensor.Tensor
	draw := func(g *gan.Generator) (*tensor.Tensor, error) {
		if g.Condition() == 0 || g.Classes() != nil {
			return g.Draw(t.Context(), gan.Request{N: 2, Seed: 1})
		}
		return g.Draw(t.Context(), gan.Request{Seed: 1, Condition: tensor.Full(tensor.Float32, 0.5, 2, g.Condition())})
	}
	if x, err = draw(g); err != nil {
		return // an embedding's index, for instance, is known only then
	}
	var b bytes.Buffer
	require.NoError(t, g.Write(&b))
	again, err := gan.ReadGenerator(&b, gan.SampleMemory(1<<20))
	require.NoError(t, err)
	y, err := draw(again)
	require.NoError(t, err)
	require.True(t, equalBits(x.Float64s(), y.Float64s()))
	require.Equal(t, g.Classes(), again.Classes())
}

// FuzzDescribedGenerator is FuzzLoadGenerator with files that are whole and hold
// the weights that their description asks for.
func FuzzDescribedGenerator(f *testing.F) {
	for _, file := range seedGenerators(f) {
		r, err := safetensors.NewReader(bytes.NewReader(file))
		require.NoError(f, err)
		f.Add(r.Metadata()[nn.ArchitectureKey], "2", "")
	}
	f.Add(`{"type":"Sequential","layers":[{"type":"Linear","in":1,"out":4,"bias":false},{"type":"Reshape","shape":[1,2,-1]},{"type":"UpsampleNearest","scale":65536},{"type":"AvgPool2D","size":[9,9],"stride":[1,2],"padding":[4,0]}]}`, "1", "[4,1]")
	f.Fuzz(func(t *testing.T, architecture, latent, shape string) {
		m, err := nn.Decode([]byte(architecture))
		if err != nil {
			return
		}
		state, most := map[string]*tensor.Tensor{}, 1<<16
		for _, p := range nn.Params(m) {
			n := 1
			for _, d := range p.Param.Shape() {
				if d > most {
					return
				}
				if n *= d; n > most {
					return
				}
			}
			state[p.Name] = tensor.Full(tensor.Float32, 0.5, p.Param.Shape()...)
		}
		meta := withClasses(m, map[string]string{nn.ArchitectureKey: architecture, "gander.latent": latent})
		if shape != "" {
			meta["gander.sample_shape"] = shape
		}
		var b bytes.Buffer
		if safetensors.Write(&b, state, meta) == nil {
			checkGeneratorFile(t, b.Bytes())
		}
	})
}

// FuzzCheckpoint is FuzzResume with files that are whole, but for what they say of
// the run's progress and for one number.
func FuzzCheckpoint(f *testing.F) {
	trainer := newTiny(f, gan.Hinge{}, func(c *gan.Config) { c.EMAHalfLife = 3 })
	var b bytes.Buffer
	require.NoError(f, trainer.WriteCheckpoint(&b))
	sound, err := safetensors.Read(&b)
	require.NoError(f, err)
	progress := sound.Metadata()["gander.checkpoint"]
	names := sound.Names()
	for i := range names {
		f.Add(progress, uint8(i), uint16(0), math.NaN(), "")
	}
	f.Add(progress, uint8(0), uint16(3), -1.0, "another")
	// What it says of the progress, made wrong in one place.
	for old, now := range map[string]string{
		`"steps":0`: `"steps":-1`, `"steps":0,"batch":0`: `"steps":9007199254740993,"batch":1`, `"batch":0`: `"batch":7`,
		`"generator_steps":0`: `"generator_steps":1`, `"latent_key":`: `"latent_key":1e3,"latent_key":`, `"random_counter":0`: `"random_counter":18446744073709551615`,
		`"arithmetic":`: `"untold":true,"arithmetic":`, `"settings":{`: `"data":null,"settings":{"":"",`, `"seed":"7"`: `"seed":"8"`,
		`"steps":0,`: ``, `"arithmetic":"`: `"arithmetic":"\u001b]0;\u0007`, `{"steps"`: ` [{"steps"`, `"7"}}`: ``,
	} {
		changed := strings.Replace(progress, old, now, 1)
		require.NotEqual(f, progress, changed, old)
		f.Add(changed, uint8(0), uint16(0), 0.5, "")
	}
	real := tensor.NewStream(5, "real").Normal(tensor.Float32, 4, 4)
	f.Fuzz(func(t *testing.T, progress string, which uint8, at uint16, value float64, rename string) {
		state := map[string]*tensor.Tensor{}
		for _, name := range names {
			state[name], err = sound.Tensor(name)
			require.NoError(t, err)
		}
		name := names[int(which)%len(names)]
		if x := state[name]; x.Len() > 0 {
			x.Reshape(x.Len()).Set(value, int(at)%x.Len())
		}
		if rename != "" {
			state[rename] = state[name]
			delete(state, name)
		}
		var b bytes.Buffer
		if safetensors.Write(&b, state, map[string]string{"gander.checkpoint": progress}) != nil {
			return
		}
		trainer := newTiny(t, gan.Hinge{}, func(c *gan.Config) { c.EMAHalfLife = 3 })
		before := trainer.Sample(2, 1).Float32s()
		if err := trainer.ReadCheckpoint(&b); err != nil {
			require.Less(t, len(err.Error()), 1000)
			require.NotContains(t, err.Error(), "\x1b")
			require.Equal(t, before, trainer.Sample(2, 1).Float32s())
		}
		trainer.Step(gan.Batch{X: real})
		trainer.Fit(t.Context(), tinyNoise(2), gan.Steps(trainer.Steps()+1))
	})
}
