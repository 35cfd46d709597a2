package nn_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func read(t *testing.T, path string) []byte {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// gate is a module of two parts, a parameter and a constant.
type gate struct {
	yes, no nn.Module
	bias    *nn.Param
	power   float64
}

type gateSpec struct {
	Yes   nn.Part `json:"yes"`
	No    nn.Part `json:"no"`
	Power float64 `json:"power"`
}

var errPower = errors.New("the power is negative")

func newGate(c gateSpec) (nn.Module, error) {
	if c.Power < 0 {
		return nil, errPower
	}
	if c.Yes.Module == nil {
		return nil, errors.New("there is no yes")
	}
	return &gate{c.Yes.Module, c.No.Module, nn.NewParam("bias", nn.Normal(1), 1, 1), c.Power}, nil
}

func init() { nn.Register("Gate", newGate) }

func (g *gate) Describe() (string, any) {
	return "Gate", gateSpec{nn.Part{g.yes}, nn.Part{g.no}, g.power}
}
func (g *gate) Params() []*nn.Param  { return []*nn.Param{g.bias} }
func (g *gate) Children() []nn.Child { return []nn.Child{{"yes", g.yes}, {"no", g.no}} }
func (g *gate) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	s := autograd.Sigmoid(autograd.Scale(ctx.Var(g.bias), g.power))
	return autograd.Add(autograd.Mul(s, g.yes.Forward(ctx, x)), g.no.Forward(ctx, x))
}

func TestEncode(t *testing.T) {
	text, err := nn.Encode(everything())
	require.NoError(t, err)
	require.Equal(t, `{"type":"Sequential","layers":[{"type":"Flatten"},{"type":"Linear","in":12,"out":8,"bias":true},{"type":"Tanh"},`+
		`{"type":"Sequential","layers":[{"type":"Linear","in":8,"out":6,"bias":false},{"type":"LeakyReLU","slope":0.1},`+
		`{"type":"Sequential","layers":[]},{"type":"Linear","in":6,"out":6,"bias":true},{"type":"ReLU"}]},`+
		`{"type":"Reshape","shape":[2,-1]},{"type":"Linear","in":3,"out":5,"bias":true},{"type":"Softplus"},{"type":"Reshape","shape":[10]},`+
		`{"type":"LeakyReLU","slope":-1e-300},{"type":"FourierFeatures","frequencies":[[0.1,-1e-300,0,1,2,3,4,5,6,7]]},`+
		`{"type":"Linear","in":12,"out":1,"bias":true},{"type":"Sigmoid"}]}`, string(text))
	m, err := nn.Decode(text)
	require.NoError(t, err)
	require.False(t, nn.Ready(m))
	again, err := nn.Encode(m)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
	require.Equal(t, nn.Summary(everything(), 3, 4), nn.Summary(m, 3, 4))
}

func TestCustomModule(t *testing.T) {
	m, err := newGate(gateSpec{Yes: nn.Part{nn.Sequential(nn.Linear(2, 2), nn.Tanh())}, No: nn.Part{nn.Linear(2, 2)}, Power: 1.5})
	require.NoError(t, err)
	m = ready(nn.Sequential(m, nn.ReLU()), 1, tensor.Float64)
	text, err := nn.Encode(m)
	require.NoError(t, err)
	require.Equal(t, `{"type":"Sequential","layers":[{"type":"Gate","yes":{"type":"Sequential","layers":[{"type":"Linear","in":2,"out":2,"bias":true},{"type":"Tanh"}]},`+
		`"no":{"type":"Linear","in":2,"out":2,"bias":true},"power":1.5},{"type":"ReLU"}]}`, string(text))

	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, nn.Save(path, m, nil))
	loaded, _, err := nn.Load(path)
	require.NoError(t, err)
	var names []string
	for _, p := range nn.Params(loaded) {
		names = append(names, p.Name)
	}
	require.Equal(t, []string{"0.bias", "0.yes.0.weight", "0.yes.0.bias", "0.no.weight", "0.no.bias"}, names)
	x := autograd.Const(tensor.NewStream(1, "input").Normal(tensor.Float64, 3, 2))
	require.Equal(t, m.Forward(nil, x).Value().Float64s(), loaded.Forward(nil, x).Value().Float64s())

	_, err = nn.Decode([]byte(`{"type":"Gate","yes":{"type":"Tanh"},"power":-1}`))
	require.ErrorIs(t, err, errPower)
	require.EqualError(t, err, "nn: reading an architecture: Gate: the power is negative")
	_, err = nn.Decode([]byte(`{"type":"Gate","yes":null,"power":1}`))
	require.EqualError(t, err, "nn: reading an architecture: Gate: there is no yes")
	_, err = nn.Decode([]byte(`{"type":"Gate","yes":{"type":"Gat"},"power":1}`))
	require.EqualError(t, err, `nn: reading an architecture: Gate: unknown module "Gat"; import the package that registers it`)
	requireMisuse[*nn.StateError](t, "nn: module Gate is registered twice; choose another name", func() { nn.Register("Gate", newGate) })
}

// silent does not describe itself; the others do it badly.
type silent struct{ nn.Module }

type described struct {
	silent
	constants any
}

func (d described) Describe() (string, any) { return "Described", d.constants }

func TestEncodeRefuses(t *testing.T) {
	_, err := nn.Encode(nn.Sequential(nn.Tanh(), nn.Sequential(silent{nn.Tanh()})))
	require.ErrorIs(t, err, nn.ErrUnknownModule)
	require.EqualError(t, err, "nn: describing an architecture: unknown module: nn_test.silent does not describe itself")
	_, err = nn.Encode(nil)
	require.ErrorIs(t, err, nn.ErrUnknownModule)

	for _, constants := range []any{3, "x", []int{1}, (*int)(nil)} {
		_, err = nn.Encode(described{constants: constants})
		require.EqualError(t, err, "nn: describing an architecture: Described: its constants are no JSON object")
	}
	_, err = nn.Encode(described{constants: func() {}})
	require.ErrorContains(t, err, "Described: json: unsupported type: func()")
	for _, empty := range []any{nil, struct{}{}, map[string]int{}} {
		text, err := nn.Encode(described{constants: empty})
		require.NoError(t, err)
		require.Equal(t, `{"type":"Described"}`, string(text))
	}

	shared := nn.Linear(1, 1)
	_, err = nn.Encode(nn.Sequential(shared, nn.Sequential(shared)))
	require.EqualError(t, err, "nn: describing an architecture: several parts share 1.0.weight")
	many := make([]nn.Module, 70_000)
	for i := range many {
		many[i] = nn.Tanh()
	}
	_, err = nn.Encode(nn.Sequential(many...))
	require.ErrorContains(t, err, "bytes are too many for an architecture")
}

func TestDecodeRefuses(t *testing.T) {
	nested := func(levels int) string {
		return strings.Repeat(`{"type":"Sequential","layers":[`, levels) + `{"type":"Tanh"}` + strings.Repeat(`]}`, levels)
	}
	for text, want := range map[string]string{
		``:                                  "unexpected end of JSON input",
		`{`:                                 "unexpected end of JSON input",
		`[]`:                                "cannot unmarshal array",
		`3`:                                 "cannot unmarshal number",
		`null`:                              `unknown module ""`,
		`{}`:                                `unknown module ""`,
		`{"type":"tanh"}`:                   `unknown module "tanh"; import the package that registers it`,
		`{"type":3}`:                        "cannot unmarshal number",
		`{"type":"Tanh"}}`:                  "invalid character '}' after top-level value",
		`{"type":"Linear"}`:                 "Linear of [0 0]: a layer needs at least one input and one output",
		`{"type":"Linear","in":-1,"out":1}`: "Linear of [1 -1]: a layer needs at least one input",
		`{"type":"Linear","in":1.5,"out":1,"bias":true}`:                    "Linear: json: cannot unmarshal number 1.5",
		`{"type":"Linear","in":"1","out":1,"bias":true}`:                    "Linear: json: cannot unmarshal string",
		`{"type":"Linear","in":16777217,"out":1}`:                           "a layer of 16777217 inputs and 1 outputs is not possible",
		`{"type":"Linear","in":1,"out":9223372036854775807}`:                "a layer of 1 inputs and 9223372036854775807 outputs is not possible",
		`{"type":"Linear","in":1,"out":9223372036854775808}`:                "Linear: json: cannot unmarshal number",
		`{"type":"LeakyReLU","slope":"x"}`:                                  "LeakyReLU: json: cannot unmarshal string",
		`{"type":"LeakyReLU","slope":1e999}`:                                "LeakyReLU: json: cannot unmarshal number",
		`{"type":"Reshape","shape":[-1,-1]}`:                                "Reshape of [-1 -1]: no tensor has this shape",
		`{"type":"Reshape","shape":[1,2,3,4,5,6]}`:                          "Reshape of [1 2 3 4 5 6]: no tensor has this shape",
		`{"type":"Reshape","shape":{}}`:                                     "Reshape: json: cannot unmarshal object",
		`{"type":"Sequential","layers":{}}`:                                 "Sequential: json: cannot unmarshal object",
		`{"type":"Sequential","layers":[null]}`:                             "Sequential: nn: module 0 of a Sequential is nil",
		`{"type":"Sequential","layers":[{"type":"Tanh"},3]}`:                "Sequential: json: cannot unmarshal number",
		`{"type":"Sequential","layers":[{"type":"Linear","in":0,"out":1}]}`: "Sequential: Linear: Linear of [1 0]",
		nested(101):                "modules are nested too deep",
		nested(3000):               "modules are nested too deep",
		nested(30000):              "modules are nested too deep",
		strings.Repeat(`[`, 1<<20): "modules are nested too deep",
		`{"type":"Tanh","x":` + strings.Repeat(" ", 1<<20): "bytes are too many for an architecture",
	} {
		_, err := nn.Decode([]byte(text))
		require.ErrorContains(t, err, want, "%.80s", text)
		require.ErrorContains(t, err, "nn: reading an architecture: ")
	}
	m, err := nn.Decode([]byte(nested(99)))
	require.NoError(t, err)
	require.Equal(t, []int{1}, m.Forward(nil, autograd.Const(tensor.New(tensor.Float32, 1))).Shape())
	// Brackets within strings are not levels.
	_, err = nn.Decode(fmt.Appendf(nil, `{"type":"Tanh","note":"\"%s"}`, strings.Repeat("[", 1000)))
	require.NoError(t, err)
}

// FuzzDecode: no description crashes, and what is accepted describes itself.
func FuzzDecode(f *testing.F) {
	for _, m := range []nn.Module{everything(), nn.Tanh(), nn.Reshape()} {
		text, err := nn.Encode(m)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"type":"Gate","yes":{"type":"Tanh"},"no":{"type":"Linear","in":1,"out":1,"bias":true},"power":1}`))
	f.Add([]byte(`{"type":"Sequential","layers":[null,{"type":"Reshape","shape":[-1,-1]}]}`))
	f.Fuzz(func(t *testing.T, description []byte) {
		if len(description) > 1<<16 {
			return
		}
		m, err := nn.Decode(description)
		if err != nil {
			return
		}
		text, err := nn.Encode(m)
		require.NoError(t, err)
		again, err := nn.Decode(text)
		require.NoError(t, err)
		other, err := nn.Encode(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(other))
	})
}
