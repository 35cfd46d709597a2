package nn_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

func ExampleSequential() {
	m := nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	x := autograd.Const(tensor.NewStream(1, "input").Normal(tensor.Float32, 5, 3))
	y := m.Forward(nil, x)
	fmt.Println(y.Shape(), y.Tracked())
	for _, p := range nn.Params(m) {
		fmt.Println(p.Name, p.Param.Shape())
	}
	// Output:
	// [5 1] false
	// 0.weight [8 3]
	// 0.bias [8]
	// 2.weight [1 8]
	// 2.bias [1]
}

func ExampleSummary() {
	g := nn.Sequential(
		nn.Linear(128, 256), nn.Tanh(),
		nn.Linear(256, 512), nn.ReLU(),
		nn.Linear(512, 784), nn.Tanh(),
		nn.Reshape(1, 28, 28))
	fmt.Print(nn.Summary(g, 128))
	// Output:
	// layer      output       parameters
	// 0 Linear   [n 256]          33,024
	// 1 Tanh     [n 256]               0
	// 2 Linear   [n 512]         131,584
	// 3 ReLU     [n 512]               0
	// 4 Linear   [n 784]         402,192
	// 5 Tanh     [n 784]               0
	// 6 Reshape  [n 1 28 28]           0
	// total                      566,800
}

func ExampleBCELoss() {
	p := autograd.Leaf(tensor.FromFloat64([]float64{0.9, 0.5, 0.2}))
	t := autograd.Const(tensor.FromFloat64([]float64{1, 1, 0}))
	loss := nn.BCELoss(p, t)
	fmt.Printf("%.4f\n", loss.Item())
	fmt.Printf("%.4f\n", nn.BCELoss(p, t, nn.ReduceNone).Value().Float64s())
	g := autograd.Grad(loss, []*autograd.Var{p}, autograd.Opts{})[0]
	fmt.Printf("%.4f\n", g.Value().Float64s()) // (p−t)/(p·(1−p))/3
	// Output:
	// 0.3406
	// [0.1054 0.6931 0.2231]
	// [-0.3704 -0.6667 0.4167]
}

// A linear layer learns y = 2x − 1, by steps against the gradient.
func ExampleCtx() {
	m := nn.Linear(1, 1)
	nn.Init(m, 1, tensor.Float64, tensor.CPU())
	leaves := nn.Leaves(m)
	x := autograd.Const(tensor.FromFloat64([]float64{-1, 0, 1, 2}, 4, 1))
	y := autograd.Shift(autograd.Scale(x, 2), -1)
	for range 200 {
		loss := nn.MSELoss(m.Forward(&nn.Ctx{Train: true, Track: true}, x), y)
		for i, g := range autograd.Grad(loss, leaves, autograd.Opts{}) {
			w := leaves[i].Value()
			tensor.AddScaledInto(w, w, -0.2, g.Value())
		}
	}
	fmt.Printf("%.3f %.3f\n", leaves[0].Item(), leaves[1].Item())
	// Output:
	// 2.000 -1.000
}

func ExampleSnapshot() {
	m := nn.Linear(2, 1, nn.WeightInit(nn.Constant(1)), nn.BiasInit(nn.Constant(0)))
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	w := nn.Snapshot(m)
	nn.State(m)["weight"].Fill(10) // training goes on
	x := autograd.Const(tensor.Full(tensor.Float32, 3, 1, 2))
	fmt.Println(m.Forward(&nn.Ctx{Weights: w}, x).Item(), m.Forward(nil, x).Item())
	// Output:
	// 6 60
}

func ExampleFreeze() {
	body, head := nn.Linear(4, 3), nn.Linear(3, 1)
	m := nn.Sequential(body, nn.Tanh(), head)
	nn.Freeze(body, true)
	for _, p := range nn.Params(m) {
		fmt.Println(p.Name, p.Param.Frozen())
	}
	// Output:
	// 0.weight true
	// 0.bias true
	// 2.weight false
	// 2.bias false
}

func ExampleSave() {
	dir, err := os.MkdirTemp("", "nn")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "critic.safetensors")

	m := nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	if err := nn.Save(path, m, map[string]string{"epochs": "100"}); err != nil {
		fmt.Println(err)
		return
	}

	same, notes, err := nn.Load(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("epochs:", notes["epochs"])
	fmt.Println(notes[nn.ArchitectureKey])
	x := autograd.Const(tensor.Full(tensor.Float32, 0.5, 1, 4))
	fmt.Println(m.Forward(nil, x).Item() == same.Forward(nil, x).Item())
	// Output:
	// epochs: 100
	// {"type":"Sequential","layers":[{"type":"Linear","in":4,"out":8,"bias":true},{"type":"LeakyReLU","slope":0.2},{"type":"Linear","in":8,"out":1,"bias":true}]}
	// true
}

// Weights that do not fit are refused as a whole.
func ExampleLoadState() {
	m := nn.Linear(3, 2)
	err := nn.LoadState(m, map[string]*tensor.Tensor{"weight": tensor.New(tensor.Float32, 3, 2)})
	fmt.Println(err)
	fmt.Println(nn.Ready(m))
	// Output:
	// nn: the state does not fit the network: weight has shape [3 2], the network [2 3]; bias[2] is missing
	// false
}

// Net is a network as a class of PyTorch has it: its fields are its parts, whose
// names begin those of the parameters.
//
//	class Net(nn.Module):
//	    def __init__(self):
//	        super().__init__()
//	        self.fc1 = nn.Linear(2, 3)
//	        self.fc2 = nn.Linear(3, 1)
//	    def forward(self, x):
//	        return self.fc2(torch.relu(self.fc1(x)))
type Net struct{ fc1, fc2 nn.Module }

func (n Net) Children() []nn.Child {
	return []nn.Child{{Name: "fc1", Module: n.fc1}, {Name: "fc2", Module: n.fc2}}
}

func (n Net) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return n.fc2.Forward(ctx, autograd.ReLU(n.fc1.Forward(ctx, x)))
}

// In Python, safetensors.torch.save_file(model.state_dict(), "net.safetensors")
// writes such a file; [nn.LoadInto] reads it.
func ExampleReadInto_pyTorch() {
	var file bytes.Buffer
	err := safetensors.Write(&file, map[string]*tensor.Tensor{
		"fc1.weight": tensor.Full(tensor.Float32, 1, 3, 2), "fc1.bias": tensor.Full(tensor.Float32, 0, 3),
		"fc2.weight": tensor.Full(tensor.Float32, 2, 1, 3), "fc2.bias": tensor.Full(tensor.Float32, 1, 1),
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	net := Net{nn.Linear(2, 3), nn.Linear(3, 1)}
	if err := nn.ReadInto(&file, net); err != nil {
		fmt.Println(err)
		return
	}
	x := autograd.Const(tensor.FromFloat32([]float32{1, 2}, 1, 2))
	fmt.Println(net.Forward(nil, x).Item()) // 3·2·(1+2) + 1
	// Output: 19
}

// A layer that would stretch its input threefold in one direction stretches it
// by 1 once its weight is normalised.
func ExampleSpectralNorm() {
	m := nn.SpectralNorm(nn.Linear(2, 2, nn.NoBias()))
	nn.Init(m, 1, tensor.Float64, tensor.CPU())
	nn.State(m)["parametrizations.weight.original"].CopyFrom(tensor.FromFloat64([]float64{3, 0, 0, 0.3}, 2, 2))

	ctx := &nn.Ctx{Train: true, Updates: new(nn.Updates)}
	x := autograd.Const(tensor.FromFloat64([]float64{1, 0, 0, 1}, 2, 2))
	for range 10 { // steps of training, each an iteration of the power method
		m.Forward(ctx, x)
		ctx.Updates.Apply()
	}
	fmt.Printf("%.3f\n", m.Forward(nil, x).Value().Float64s())
	for _, p := range nn.Params(m) {
		fmt.Println(p.Name, p.Param.Shape(), p.Param.Buffer())
	}
	// Output:
	// [1.000 0.000 0.000 0.100]
	// parametrizations.weight.original [2 2] false
	// parametrizations.weight.0._u [2] true
	// parametrizations.weight.0._v [2] true
}

// A generator that reads a class beside its latent vector, and a discriminator that
// judges by a projection.
func ExampleProjection() {
	g := nn.Sequential(nn.ConcatCondition(10, 1.5), nn.Linear(64+10, 128), nn.LeakyReLU(0.2), nn.Linear(128, 784), nn.Tanh())
	d := nn.Sequential(nn.Linear(784, 128), nn.LeakyReLU(0.2), nn.Projection(nn.Linear(128, 1), nn.Linear(10, 128, nn.NoBias())))
	nn.Init(g, 1, tensor.Float32, tensor.CPU())
	nn.Init(d, 2, tensor.Float32, tensor.CPU())

	ctx := &nn.Ctx{Condition: autograd.Const(tensor.OneHot(tensor.Float32, 10, []int{7, 7, 3}))}
	z := tensor.NewStream(1, "latent").Normal(tensor.Float32, 3, 64)
	x := g.Forward(ctx, autograd.Const(z))
	fmt.Println(x.Shape(), d.Forward(ctx, x).Shape())
	fmt.Print(nn.Summary(d, 784))
	// Output:
	// [3 784] [3 1]
	// layer         output   parameters
	// 0 Linear      [n 128]     100,480
	// 1 LeakyReLU   [n 128]           0
	// 2 Projection  [n 1]         1,409
	// total                     101,889
}
