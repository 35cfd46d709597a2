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
// [Init] gives every parameter its first value: the seed settles all of them,
// and the dtype that of the whole network. Weights start as in PyTorch, unless
// [WeightInit] and [BiasInit] choose another [Initializer].
//
// # Passes
//
// Nothing in a module remembers a pass, and nothing asks a global switch: what
// a pass depends on is its argument, a [Ctx]. A nil Ctx evaluates. Training
// sets Track, so that operations on the parameters are recorded and gradients
// can be taken:
//
//	loss := nn.BCELoss(d.Forward(&nn.Ctx{Train: true, Track: true}, x), target)
//	grads := autograd.Grad(loss, leaves, autograd.Opts{}) // by Param.Leaf
//
// [Freeze] makes parameters constants for all passes. Without Track all are,
// but gradients by the input still flow: that is how a generator learns from a
// discriminator whose own gradients nobody needs.
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
// [SpectralNorm], which bounds how far a critic stretches its inputs, has singular
// vectors of the weight. Such is a [NewBuffer], which belongs to the network's
// state and is not trained. A pass does not change it either: it asks for the
// change, if its Ctx has [Updates], and whoever trains calls [Updates.Apply] after
// the step.
//
// # Losses
//
// A loss is a function of predictions and targets, such as [BCELoss] or
// [CrossEntropyLoss], and takes the mean unless it is told otherwise. All have
// PyTorch's values and gradients, at the edges too.
//
// # Files
//
// [Save] writes a safetensors file with the weights and, in its metadata, the
// architecture; [Load] builds the network from it, and [LoadInto] reads weights
// into one that is there. Whatever does not fit is refused before anything is
// changed. Python reads such a file without Gander:
//
//	model.load_state_dict(safetensors.torch.load_file("generator.safetensors"))
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
// Forward is all that a module must have; it gets at its parameters by
// [Ctx.Var], so that tracking, freezing and snapshots work. Other methods add
// what else is wanted: [Owner] for parameters, [Parent] for parts, [Shaper] for
// [Summary] and the checks before training, [BatchMixer] for one that keeps the
// samples of a batch apart, and [Describer] together with [Register] for [Load].
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
// Inputs and constructors' arguments that make no sense panic with a
// [tensor.ShapeError], and use of a network that is not ready for it with a
// [StateError]; [tensor.Catch] makes errors of both. Files and descriptions
// from outside give errors.
package nn
