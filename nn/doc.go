// Package nn builds networks: modules and their parameters, first values,
// losses, and files.
//
// # Modules
//
// A [Module] computes an output from an input. [Sequential] chains them:
//
//	g := nn.Sequential(
//		nn.Linear(128, 256), nn.Tanh(),
//		nn.Linear(256, 784), nn.Tanh(),
//	)
//	nn.Init(g, 1, tensor.Float32, tensor.CPU())
//	y := g.Forward(nil, x) // [n, 128] to [n, 784]
//
// Constructors only describe a network, and [Summary] prints the description.
// [Init] gives every parameter its first value, from the seed, and a dtype and a
// device that the whole network has. Weights start as in PyTorch, unless [WeightInit]
// and [BiasInit] choose another [Initializer].
//
// Each layer has a file of its own. [Residual] adds what two modules make of the same
// input, and [SpectralNorm] runs a layer with a normalised weight.
//
// # Passes
//
// A module remembers nothing of a pass, and there are no global settings: what a
// pass depends on is its argument, a [Ctx]. A nil Ctx evaluates. Training sets
// Track, so that operations on the parameters are recorded and gradients can be
// taken:
//
//	loss := nn.BCELoss(d.Forward(&nn.Ctx{Train: true, Track: true}, x), target)
//	grads := autograd.Grad(loss, nn.Leaves(d), autograd.Opts{})
//
// [Freeze] makes parameters constants for all passes. Without Track all of them
// are, but gradients by the input still flow: so a generator learns from a
// discriminator whose own gradients are not needed.
//
// The condition, such as the class that each sample is to be of, is an argument as well:
// [Ctx.Condition]. The layers that read it are [ConcatCondition], [EmbedCondition] and
// [Projection], and modules of your own with a method ConditionSize ([Conditioned]):
//
//	c := autograd.Const(tensor.OneHot(tensor.Float32, 10, []int{7, 7}))
//	y := g.Forward(&nn.Ctx{Condition: c}, z) // z is [2, latent]
//
// Any number of goroutines may run a network at once while none changes it.
// To serve one that is being trained, give the passes a [Snapshot]:
//
//	w := nn.Snapshot(g)                           // between two steps
//	y := g.Forward(&nn.Ctx{Weights: w}, x)        // at any time, in any goroutine
//
// # Parameters
//
// A [Param] has a name within its module, "weight", and [Params] lists those of
// a whole network under their paths: "0.weight" is that of a Sequential's first
// part. Shapes and names are those of PyTorch, [out, in] for a linear layer, so
// that weights can be exchanged. The values of a network lie side by side in
// one block of memory.
//
// Some layers keep more than parameters: [BatchNorm2D] has running averages, and
// [SpectralNorm] has singular vectors of the weight. These are buffers, see
// [NewBuffer], which belong to the network's state and are not trained. A pass does
// not change them either: it asks for the change, if its Ctx has [Updates], and the
// training loop calls [Updates.Apply] after the step.
//
// # Losses
//
// A loss is a function of predictions and targets, such as [BCELoss] or
// [CrossEntropyLoss], and takes the mean unless a [Reduction] says otherwise. All
// have PyTorch's values and gradients, also for extreme arguments.
//
// # Files
//
// [Save] writes a safetensors file with the weights and, in its metadata, the
// architecture; [Load] builds the network from it, and [LoadInto] reads weights
// into an existing one. Whatever does not fit is refused before anything is
// changed. Python reads such a file without Gander:
//
//	model.load_state_dict(safetensors.torch.load_file("generator.safetensors"))
//
// And the other way round: write safetensors.torch.save_file(model.state_dict(),
// path) in Python, build the same network here, and read the file with [LoadInto].
// The package nn/torch reads what torch.save writes.
// Layers have the names of PyTorch's arguments as options, such as [Stride] and
// [NoBias], and its parameters' names and shapes. A class whose fields are layers
// becomes a [Parent] whose parts have the fields' names; see the example of
// [ReadInto]. gan.NewGenerator makes a generator of the network.
//
// Names tell what a file is read from and written to, here and in the other
// packages of this module: Save and Load take a path, Write and Read a stream,
// and LoadFS a file of an [fs.FS], such as files that are part of the program:
//
//	//go:embed generator.safetensors
//	var models embed.FS
//
//	g, notes, err := nn.LoadFS(models, "generator.safetensors")
//
// A file takes little more memory than the weights in it. A checksum over all
// of it shows damage; see the package safetensors.
//
// # Modules of your own
//
// A module needs only Forward; it reads its parameters by [Ctx.Var], so that
// tracking, freezing and snapshots work. What else it can do, it says by methods,
// which others ask for:
//
//   - [Owner] has parameters, [Parent] has parts; a [Chain] runs its parts one after
//     another, and a [Wrapper] runs a module in a pass of its own making;
//   - [Shaper] knows its output's shape, for [Summary] and checks before training;
//   - [BatchMixer] says whether a sample's output depends on the batch. If a
//     discriminator does not say, penalties per sample are allowed after a trial only,
//     and real and generated samples take two passes instead of one;
//   - [Describer], together with [Register], is for [Save] and [Load];
//   - [Exporter] is for [Export], which nn/onnx writes for other programs;
//   - [PiecewiseLinear] lets R1 and R2 do without second derivatives, also of a module
//     that needs to know its pass ([PassBound]);
//   - [Conditioned] reads a condition;
//   - [Fusing] and [Activator] let a layer apply the activation that follows it.
//
// [CheckGrad] compares a module's derivatives with finite differences.
//
//	// Scale multiplies by one learned number.
//	type Scale struct{ factor *nn.Param }
//
//	func NewScale() Scale {
//		return Scale{nn.NewParam("factor", nn.Constant(1), 1, 1)}
//	}
//
//	func (s Scale) Params() []*nn.Param { return []*nn.Param{s.factor} }
//
//	func (s Scale) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
//		return autograd.Mul(x, ctx.Var(s.factor))
//	}
//
// A complete one, with parts and a description, is in the example of [Register].
//
// # Errors
//
// Inputs that do not fit panic with a [tensor.ShapeError], impossible arguments of
// constructors with that or a [tensor.ArgumentError], and use of a network that is
// not ready for it with a [StateError]; [tensor.Catch] returns all of them as errors.
// Files and descriptions from outside give errors.
package nn
