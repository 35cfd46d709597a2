package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

const (
	seed   = 1
	epochs = 5
	batch  = 100
	rate   = 4e-3 // at its peak
	least  = 0.992
)

// writeClassifier trains the network and writes it, with the statistics of the
// training digits, and the Go file with its SHA-256.
func writeClassifier(ctx context.Context, train, test *datasets.Images) error {
	body, head := mnistfeatures.Network()
	whole := nn.Sequential(body, head)
	nn.Init(whole, seed, tensor.Float32, tensor.CPU())
	start := time.Now()
	if err := fit(ctx, whole, train, test); err != nil {
		return err
	}
	accuracy := accuracyOf(whole, test)
	fmt.Printf("%.2f %% of the test digits, after %.0f s\n", 100*accuracy, time.Since(start).Seconds())
	if accuracy < least {
		return fmt.Errorf("that is less than %.2f %%", 100*least)
	}

	tensors := map[string]*tensor.Tensor{}
	for name, t := range nn.State(body) {
		tensors["body."+name] = t
	}
	for name, t := range nn.State(head) {
		tensors["head."+name] = t
	}
	g, err := metrics.FitGaussian(forward(body, train))
	if err != nil {
		return err
	}
	tensors["training.mean"] = tensor.FromFloat64(g.Mean)
	covariance := tensor.New(tensor.Float64, mnistfeatures.Features, mnistfeatures.Features)
	for i := range mnistfeatures.Features {
		for k := range mnistfeatures.Features {
			covariance.Set(g.Cov.At(i, k), i, k)
		}
	}
	tensors["training.covariance"] = covariance
	tensors["training.count"] = tensor.Scalar(tensor.Float64, float64(g.N))
	path := filepath.Join(folder, "classifier.safetensors")
	if err := safetensors.Save(path, tensors, map[string]string{
		"made by": "bench/classifier", "test accuracy": fmt.Sprintf("%.4f", accuracy),
	}); err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return writeGo("sha256.go", "train", fmt.Sprintf("// fileSHA256 is that of classifier.safetensors.\nconst fileSHA256 = %q\n", fmt.Sprintf("%x", sha256.Sum256(content))))
}

// fit trains with Adam, its rate rising for 30 % of the steps and falling for the
// others, on images moved by up to a pixel.
func fit(ctx context.Context, m nn.Module, train, test *datasets.Images) error {
	loader := datasets.NewLoader(train, batch, datasets.Seed(seed), datasets.KeepShape(), datasets.DropLast(), datasets.Conditions())
	steps := epochs * loader.Batches()
	rise := steps * 3 / 10
	up, down := optim.Cosine{From: 1. / 25, To: 1, Steps: rise}, optim.Cosine{From: 1, To: 1e-5, Steps: steps - rise}
	leaves := nn.Leaves(m)
	optimizer := optim.New(optim.Adam{LR: rate, Schedule: optim.ScheduleFunc(func(step int) float64 {
		if step < rise {
			return up.At(step)
		}
		return down.At(step - rise)
	})}, autograd.Values(leaves))

	pass := &nn.Ctx{Train: true, Track: true, Rand: tensor.NewStream(seed, "dropout")}
	random := tensor.NewStream(seed, "augment")
	scope := tensor.NewScope()
	for epoch := range epochs {
		mean := 0.0
		for b, err := range loader.Epoch(ctx, epoch, 0) {
			if err != nil {
				return err
			}
			x := autograd.Const(scope.Adopt(moved(b.X, random)))
			loss := nn.CrossEntropyLoss(m.Forward(pass, x), tensor.ArgMax(b.Condition, 1))
			optimizer.Step(autograd.Values(autograd.Grad(loss, leaves, autograd.Opts{})))
			mean += loss.Item() / float64(loader.Batches())
			scope.Close()
		}
		fmt.Printf("epoch %d: loss %.4f, %.2f %% of the test digits\n", epoch+1, mean, 100*accuracyOf(m, test))
		if math.IsNaN(mean) {
			return fmt.Errorf("the loss is NaN")
		}
	}
	return nil
}

// moved returns images [n, 1, 28, 28], each moved by −1, 0 or 1 pixel along both
// axes.
func moved(x *tensor.Tensor, random *tensor.Stream) *tensor.Tensor {
	const side = 28
	n := x.Dim(0)
	from := x.Float32s()
	to := make([]float32, len(from))
	by := random.Uniform(tensor.Float64, n, 2).Float64s()
	for i := range n {
		dy, dx := int(3*by[2*i])-1, int(3*by[2*i+1])-1
		for r := range side {
			for c := range side {
				v := float32(-1) // the background
				if y, x := r+dy, c+dx; y >= 0 && y < side && x >= 0 && x < side {
					v = from[(i*side+y)*side+x]
				}
				to[(i*side+r)*side+c] = v
			}
		}
	}
	return tensor.FromFloat32(to, x.Shape()...)
}

// forward runs a network over all images of a set.
func forward(m nn.Module, set *datasets.Images) *tensor.Tensor {
	const chunk = 500
	scope := tensor.NewScope()
	var out []*tensor.Tensor
	for lo := 0; lo < set.Len(); lo += chunk {
		hi := min(lo+chunk, set.Len())
		x := scope.Adopt(images(set, lo, hi).Reshape(hi-lo, 1, 28, 28))
		out = append(out, m.Forward(nil, autograd.Const(x)).Value().Keep())
		scope.Close()
	}
	return tensor.Concat(0, out...)
}

func accuracyOf(m nn.Module, set *datasets.Images) float64 {
	logits := forward(m, set)
	top := tensor.MaxOver(logits, 1).Unsqueeze(1)
	best := tensor.Equal(logits, top)
	right := 0
	for i := range set.Len() {
		right += int(best.At(i, set.Label(i)))
	}
	return float64(right) / float64(set.Len())
}
