package nn_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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

	_, err = nn.Decode([]byte(`{"type":"Gate","yes":{"type":"Tanh"},"no":null,"power":-1}`))
	require.ErrorIs(t, err, errPower)
	require.EqualError(t, err, "nn: reading an architecture: Gate: the power is negative")
	_, err = nn.Decode([]byte(`{"type":"Gate","yes":null,"no":null,"power":1}`))
	require.EqualError(t, err, "nn: reading an architecture: Gate: there is no yes")
	_, err = nn.Decode([]byte(`{"type":"Gate","yes":{"type":"Gat"},"no":null,"power":1}`))
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
	require.EqualError(t, err, "nn: describing an architecture: unknown module: nn_test.silent does not describe itself; give it the method Describe, and its package Register")
	_, err = nn.Encode(nil)
	require.ErrorIs(t, err, nn.ErrUnknownModule)

	for _, constants := range []any{3, "x", []int{1}, (*int)(nil)} {
		_, err = nn.Encode(described{constants: constants})
		require.EqualError(t, err, "nn: describing an architecture: Described: its constants are not a JSON object")
	}
	_, err = nn.Encode(described{constants: func() {}})
	require.ErrorContains(t, err, "Described: json: unsupported type: func()")
	_, err = nn.Encode(described{constants: map[string]any{"a": 1, "type": "Tanh"}})
	require.EqualError(t, err, `nn: describing an architecture: Described: a constant cannot be named "type"`)
	_, err = nn.Encode(described{constants: map[string]float64{"a": math.NaN()}})
	require.ErrorContains(t, err, "unsupported value: NaN")
	for _, empty := range []any{nil, struct{}{}, map[string]int{}} {
		_, err := nn.Encode(nn.Sequential(described{constants: empty}))
		require.ErrorIs(t, err, nn.ErrUnknownModule, "nobody has registered it")
		require.EqualError(t, err, `nn: describing an architecture: it could not be built again: Sequential: unknown module "Described"; import the package that registers it`)
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
		``:                              "unexpected end of JSON input",
		`{`:                             "unexpected end of JSON input",
		"{\"type\":\"Tanh\xff\"}":       "not valid UTF-8",
		`[]`:                            "not a JSON object",
		`3`:                             "not a JSON object",
		`null`:                          "not a JSON object",
		`{}`:                            `a module's "type" is missing`,
		`{"Type":"Tanh"}`:               `a module's "type" is missing`,
		`{"type":"tanh"}`:               `unknown module "tanh"; import the package that registers it`,
		`{"type":3}`:                    `"type" is 3, not a string`,
		`{"type":null}`:                 `"type" is null, not a string`,
		`{"type":"Tanh","type":"Tanh"}`: `"type" is given twice`,
		`{"type":"Tanh"}}`:              "invalid character '}' after top-level value",
		`{"type":"Tanh","note":""}`:     `Tanh: "note" is unknown`,
		`{"type":"Linear"}`:             `Linear: "in" is missing`,
		`{"type":"Linear","in":0,"out":1,"bias":true}`:                                  "Linear of [1 0]: a layer needs at least one input and one output",
		`{"type":"Linear","in":-1,"out":1,"bias":true}`:                                 "Linear of [1 -1]: a layer needs at least one input",
		`{"type":"Linear","in":1.5,"out":1,"bias":true}`:                                "Linear: json: cannot unmarshal number 1.5",
		`{"type":"Linear","in":"1","out":1,"bias":true}`:                                "Linear: json: cannot unmarshal string",
		`{"type":"Linear","in":16777217,"out":1,"bias":true}`:                           "Linear: in is 16777217; sizes are at most 16777216",
		`{"type":"Linear","in":1,"out":9223372036854775807,"bias":true}`:                "Linear: out is 9223372036854775807; sizes are at most 16777216",
		`{"type":"Linear","in":1,"out":9223372036854775808,"bias":true}`:                "Linear: json: cannot unmarshal number",
		`{"type":"Linear","in":1,"out":1,"Bias":true}`:                                  `Linear: "Bias" is unknown`,
		`{"type":"Linear","in":1,"out":1,"bias":null}`:                                  "Linear: bias: null is not a value here",
		`{"type":"LeakyReLU","s,ope":0.2}`:                                              `LeakyReLU: "s,ope" is unknown`,
		`{"type":"LeakyReLU","slope":0.2,"slope":0.3}`:                                  `"slope" is given twice`,
		`{"type":"LeakyReLU","slope":0.2,"\u0073lope":0.3}`:                             `"slope" is given twice`,
		`{"type":"LeakyReLU","slope":"x"}`:                                              "LeakyReLU: json: cannot unmarshal string",
		`{"type":"LeakyReLU","slope":1e999}`:                                            "LeakyReLU: json: cannot unmarshal number",
		`{"type":"AdaptiveAvgPool2D","size":[1000000000,1]}`:                            "AdaptiveAvgPool2D: size is 1000000000; sizes are at most 16777216",
		`{"type":"AdaptiveAvgPool2D","size":[3]}`:                                       "AdaptiveAvgPool2D: size: an array has 1 elements, not 2",
		`{"type":"UpsampleNearest","scale":4611686018427387904}`:                        "UpsampleNearest: scale is 4611686018427387904",
		`{"type":"PixelShuffle","factor":4611686018427387904}`:                          "PixelShuffle: factor is 4611686018427387904",
		`{"type":"Reshape","shape":[-4611686018427387904]}`:                             "Reshape: shape is -4611686018427387904",
		`{"type":"Reshape","shape":[-1,-1]}`:                                            "Reshape of [-1 -1]: no tensor has this shape",
		`{"type":"Reshape","shape":[1,2,3,4,5,6]}`:                                      "Reshape of [1 2 3 4 5 6]: no tensor has this shape",
		`{"type":"Reshape","shape":{}}`:                                                 "Reshape: json: cannot unmarshal object",
		`{"type":"Sequential","layers":{}}`:                                             "Sequential: json: cannot unmarshal object",
		`{"type":"Sequential","layers":[null]}`:                                         "Sequential: nn: module 0 of a Sequential is nil",
		`{"type":"Sequential","layers":[{"type":"Tanh"},3]}`:                            "Sequential: this is not a JSON object",
		`{"type":"Sequential","layers":[{"type":"Linear","in":0,"out":1,"bias":true}]}`: "Sequential: Linear: Linear of [1 0]",
		nested(51):                 "modules are nested too deep",
		nested(3000):               "modules are nested too deep",
		nested(30000):              "modules are nested too deep",
		strings.Repeat(`[`, 1<<20): "modules are nested too deep",
		`{"type":"Tanh","x":` + strings.Repeat(" ", 1<<20): "bytes are too many for an architecture",
	} {
		if number := regexp.MustCompile(`[0-9]{19}`).FindString(text); strconv.IntSize == 32 && number != "" {
			want = number // in other words
		}
		_, err := nn.Decode([]byte(text))
		require.ErrorContains(t, err, want, "%.80s", text)
		require.ErrorContains(t, err, "nn: reading an architecture: ")
	}
	m, err := nn.Decode([]byte(nested(49)))
	require.NoError(t, err)
	require.Equal(t, []int{1}, m.Forward(nil, autograd.Const(tensor.New(tensor.Float32, 1))).Shape())
	// Brackets within strings are not levels.
	_, err = nn.Decode(fmt.Appendf(nil, `{"type":"Tanh","note":"\"%s"}`, strings.Repeat("[", 1000)))
	require.ErrorContains(t, err, `"note" is unknown`)
}

// Foreign text in a message is cut and escaped.
func TestDecodeMessagesAreBounded(t *testing.T) {
	long := strings.Repeat("9", 1<<19)
	for _, text := range []string{
		`{"type":"\u001b[31m` + long + `"}`,
		`{"type":` + long + `}`,
		`{"\u001b[31m` + long + `":1}`,
		`{"type":"Linear","\u001b[31m` + long + `":1}`,
		`{"type":"Linear","in":` + long + `,"out":1,"bias":true}`,
		`{"type":"Linear","in":"\u001b[31m` + long + `","out":1,"bias":true}`,
		`{"type":"Reshape","shape":[1` + strings.Repeat(",1", 1<<17) + `]}`,
		`{"type":"LayerNorm","shape":[1` + strings.Repeat(",1", 1<<17) + `],"eps":1,"affine":true,"momentum":null}`,
		`{"type":"FourierFeatures","frequencies":[[1],[1` + strings.Repeat(",1", 1<<17) + `]]}`,
		strings.Repeat(`{"type":"Sequential","layers":[`, 49) + `{"type":"x"}` + strings.Repeat(`]}`, 49),
	} {
		_, err := nn.Decode([]byte(text))
		require.Error(t, err)
		require.Less(t, len(err.Error()), 450)
		require.NotContains(t, err.Error(), "\x1b")
	}
}

// fickle is a module whose description leaves something out.
type fickle struct {
	nn.Module
	what string
	more []*nn.Param
}

func (f fickle) Params() []*nn.Param { return f.more }

func (f fickle) Describe() (string, any) {
	switch f.what {
	case "constant":
		return "fickle", map[string]int{"n": 2}
	case "size":
		return "fickle", map[string]int{"n": 1<<24 + 1}
	case "text":
		return "fickle", map[string]string{"n": "one"}
	}
	return "fickle", map[string]int{"n": 1}
}

func init() {
	nn.Register("fickle", func(map[string]int) (nn.Module, error) { return fickle{Module: nn.Tanh()}, nil })
}

// What could not be loaded is not described, and so not saved either.
func TestEncodeBuildsAgain(t *testing.T) {
	for what, want := range map[string]string{
		"":          "",
		"constant":  "describes itself differently",
		"parameter": "has other parameters",
		"size":      "it could not be built again: Sequential: fickle: n is 16777217",
		"text":      "it could not be built again: Sequential: fickle: json: cannot unmarshal string",
	} {
		f := fickle{Module: nn.Tanh(), what: what}
		if what == "parameter" {
			f.more = []*nn.Param{nn.NewParam("more", nn.Constant(0), 1, 1, 2)}
		}
		m := ready(nn.Sequential(nn.Linear(1, 1), f), 1, tensor.Float32)
		_, err := nn.Encode(m)
		path := filepath.Join(t.TempDir(), "f")
		saved := nn.Save(path, m, nil)
		if want == "" {
			require.NoError(t, err)
			require.NoError(t, saved)
			_, _, err := nn.Load(path)
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, saved, want)
		require.NoFileExists(t, path)
	}
}

func TestRegisterRefuses(t *testing.T) {
	build := func() (nn.Module, error) { return nn.Tanh(), nil }
	type named struct {
		Kind string `json:"type"`
	}
	type embeds struct{ named }
	for want, register := range map[string]func(){
		"have a field \"type\"":   func() { nn.Register("a", func(named) (nn.Module, error) { return build() }) },
		"have a field \"type\", ": func() { nn.Register("a", func(*named) (nn.Module, error) { return build() }) },
		"\"type\", which is the":  func() { nn.Register("a", func(embeds) (nn.Module, error) { return build() }) },
		"are not a JSON object":   func() { nn.Register("a", func(int) (nn.Module, error) { return build() }) },
		"are not a JSON object; ": func() { nn.Register("a", func([]int) (nn.Module, error) { return build() }) },
	} {
		err := tensor.Catch(register)
		require.ErrorContains(t, err, want)
	}
	_, err := nn.Decode([]byte(`{"type":"a"}`))
	require.ErrorIs(t, err, nn.ErrUnknownModule)
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
