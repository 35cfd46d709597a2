package archtest

// A room is a folder with Go code, and what it may import.
type room struct {
	// folder from the module's root; "examples/*" is any folder just below
	// examples.
	folder string
	// imports are folders of this module; "gan/..." is gan and all below.
	imports []string
	// outside are prefixes of other modules' import paths.
	outside []string
	// tests are folders that the tests may import besides imports.
	tests []string
}

const (
	cpuid    = "github.com/klauspost/cpuid/v2"
	gonum    = "gonum.org/v1/gonum/"
	blas     = "gonum.org/v1/gonum/blas"
	pickles  = "github.com/nlpodyssey/gopickle/"
	terminal = "golang.org/x/term"
	formats  = "golang.org/x/image/"
)

// testFriends may be imported by any test: reference implementations, tables,
// golden values, and the switches between implementations.
var testFriends = []string{
	"internal/backend/backendtest", "internal/backend/backendtest/far", "internal/backend/ref", "internal/clitest", "internal/isa", "internal/optest", "nn/safetensors",
}

// testModules may be imported by any test: gonum as a reference for linear algebra.
var testModules = []string{"github.com/stretchr/testify/", gonum}

// house lists every folder with Go code, the lowest first: a folder imports only
// folders above it in the list. A new folder needs a line here. A new import needs a
// reason, because the importing package can then no longer be changed, tested or
// left out by itself.
var house = []room{
	// The lowest: helpers, and arithmetic on slices.
	{folder: "internal/archtest"},
	{folder: "internal/atomicfile"},
	{folder: "internal/exact", tests: []string{"autograd", "gan", "internal/isa", "internal/op", "nn", "tensor"}},
	{folder: "internal/excerpt"},
	{folder: "internal/clitest", outside: []string{"github.com/stretchr/testify/"}},
	{folder: "internal/gunzip"},
	{folder: "internal/isa", outside: []string{cpuid}},
	{folder: "internal/layout"},
	{folder: "internal/mnist", imports: []string{"internal/excerpt", "internal/gunzip"}},
	{folder: "internal/op"},
	{folder: "internal/parallel"},
	{folder: "internal/pixel"},
	{folder: "internal/strictjson", imports: []string{"internal/excerpt"}},
	{folder: "internal/ptx"},
	{folder: "internal/givens", imports: []string{"internal/isa"}},
	{folder: "internal/philox", imports: []string{"internal/isa"}},
	{folder: "internal/gemm", imports: []string{"internal/isa", "internal/parallel"}},
	{folder: "internal/vec", imports: []string{"internal/isa", "internal/op"}},
	{folder: "internal/gemm/gemmgen"}, // the generators of their assembly
	{folder: "internal/vec/vecgen", imports: []string{"internal/op"}},

	// Devices.
	{folder: "internal/backend", imports: []string{"internal/layout", "internal/op"}, tests: []string{"internal/backend/..."}},
	{folder: "internal/backend/ref", imports: []string{"internal/backend", "internal/layout", "internal/op", "internal/philox"}},
	{folder: "internal/backend/cpu", outside: []string{blas},
		imports: []string{"internal/backend", "internal/gemm", "internal/isa", "internal/layout", "internal/op", "internal/parallel", "internal/philox", "internal/vec"}},
	{folder: "internal/backend/cuda/driver"},
	{folder: "internal/backend/cuda/driver/sim", imports: []string{"internal/backend/cuda/driver", "internal/ptx"}},
	{folder: "internal/backend/cuda/driver/real", outside: []string{"C"}, imports: []string{"internal/backend/cuda/driver"}},
	{folder: "internal/backend/cuda",
		imports: []string{"internal/backend", "internal/backend/cuda/driver", "internal/backend/cuda/driver/real", "internal/layout", "internal/op", "internal/philox"},
		tests:   []string{"gan", "gan/recipe", "internal/backend/cuda/driver/sim", "internal/ptx", "nn", "optim", "tensor"}},
	{folder: "internal/backend/backendtest", imports: []string{"internal/backend", "internal/backend/ref", "internal/layout", "internal/op", "internal/parallel", "internal/philox"}},

	{folder: "internal/backend/backendtest/far", imports: []string{"internal/backend", "internal/backend/ref", "internal/layout", "internal/op"}},

	// Tensors and derivatives. No package below in this list imports a backend.
	{folder: "tensor", outside: []string{blas},
		imports: []string{"internal/backend", "internal/backend/cpu", "internal/backend/cuda", "internal/layout", "internal/op", "internal/parallel", "internal/philox"}},
	{folder: "tensor/simdblas", imports: []string{"internal/gemm"}, outside: []string{gonum}},
	{folder: "tensor/simdlapack", imports: []string{"internal/gemm", "internal/givens", "internal/parallel"}, outside: []string{gonum}, tests: []string{"tensor/simdblas"}},
	{folder: "autograd", imports: []string{"tensor"}},
	{folder: "internal/repanic", imports: []string{"tensor"}},
	{folder: "internal/optest", imports: []string{"autograd", "internal/backend/backendtest/far", "tensor"}},

	// Networks and optimizers, which do not import each other.
	{folder: "nn", imports: []string{"autograd", "internal/atomicfile", "internal/excerpt", "internal/strictjson", "nn/safetensors", "tensor"}},
	{folder: "nn/safetensors", imports: []string{"internal/atomicfile", "internal/excerpt", "tensor"}},
	{folder: "nn/onnx", imports: []string{"internal/atomicfile", "internal/excerpt", "nn", "tensor"}, tests: []string{"autograd", "gan", "gan/pretrained", "gan/recipe"}},
	{folder: "nn/torch", imports: []string{"internal/atomicfile", "internal/excerpt", "nn", "tensor"}, outside: []string{pickles}, tests: []string{"autograd", "gan"}},
	{folder: "tensor/npy", imports: []string{"internal/atomicfile", "tensor"}},
	{folder: "optim", imports: []string{"tensor"}},

	// Data.
	{folder: "datasets", imports: []string{"internal/atomicfile", "internal/excerpt", "internal/gunzip", "internal/mnist", "internal/parallel", "internal/philox", "internal/pixel", "internal/repanic", "tensor"}, tests: []string{"datasets/digits"}},
	{folder: "datasets/download", imports: []string{"internal/atomicfile", "internal/excerpt", "internal/mnist"}, tests: []string{"datasets"}},
	{folder: "datasets/digits", imports: []string{"datasets", "tensor"}},
	{folder: "datasets/imagefolder", imports: []string{"datasets", "internal/atomicfile", "internal/excerpt", "internal/pixel", "tensor"}, outside: []string{formats}},

	// Adversarial training. The core imports no data set, plot or terminal; those
	// are in folders of their own that a program may leave out.
	{folder: "gan", imports: []string{"autograd", "internal/atomicfile", "internal/excerpt", "internal/repanic", "internal/strictjson", "nn", "nn/safetensors", "optim", "tensor"},
		tests: []string{"datasets/...", "gan/..."}},
	{folder: "gan/chart", imports: []string{"gan", "internal/atomicfile"}, outside: []string{formats}, tests: []string{"nn", "tensor"}},
	{folder: "gan/diagnose", imports: []string{"autograd", "gan", "internal/repanic", "internal/strictjson", "nn", "tensor"}, tests: []string{"datasets", "gan/recipe", "optim"}},
	{folder: "gan/group", imports: []string{"gan", "tensor"}, tests: []string{"autograd", "datasets", "gan/recipe", "internal/backend/backendtest/far", "nn", "optim"}},
	{folder: "gan/mpi", outside: []string{"C"}, imports: []string{"gan"}, tests: []string{"datasets", "gan/group", "nn", "optim", "tensor"}},
	{folder: "gan/metrics", imports: []string{"internal/parallel", "tensor"}, outside: []string{gonum}, tests: []string{"datasets"}},
	{folder: "gan/metrics/mnistfeatures", imports: []string{"autograd", "datasets/digits", "gan/metrics", "nn", "nn/safetensors", "tensor"}, outside: []string{gonum}, tests: []string{"datasets"}},
	{folder: "gan/pretrained", imports: []string{"gan"}, tests: []string{"gan/metrics/mnistfeatures"}},
	{folder: "gan/recipe", imports: []string{"autograd", "gan", "nn", "optim", "tensor"}, tests: []string{"datasets"}},
	{folder: "gan/gallery", imports: []string{"gan", "internal/atomicfile", "tensor"}, outside: []string{formats}, tests: []string{"datasets", "nn", "optim"}},
	{folder: "gan/rundir", imports: []string{"gan", "internal/atomicfile"}, tests: []string{"datasets", "nn", "optim", "tensor"}},
	{folder: "gan/tensorboard", imports: []string{"gan", "gan/diagnose", "gan/gallery", "internal/strictjson", "tensor"}, tests: []string{"datasets", "nn", "optim"}},
	{folder: "gan/watch", imports: []string{"gan", "gan/diagnose", "gan/gallery", "nn", "tensor"}, tests: []string{"datasets", "gan/recipe", "optim"}},
	{folder: "gan/progress", imports: []string{"gan"}, outside: []string{terminal}},

	// Programs. Examples use what any other module may use.
	{folder: "bench", imports: []string{"..."}, outside: []string{gonum}},
	{folder: "bench/*", imports: []string{"..."}, outside: []string{gonum}},
	{folder: "bench/quality/*", imports: []string{"..."}, outside: []string{gonum}},
	{folder: "examples"},
	{folder: "examples/*", imports: []string{"autograd", "datasets/...", "gan/...", "nn/...", "optim", "tensor/..."}, outside: []string{gonum}},
}
