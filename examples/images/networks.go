package main

import (
	"math"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
)

// A plan is what is trained: networks and settings, picked for the pictures.
type plan struct {
	size, channels int
	classes        []string // nil: the networks know none
	pictures       int
	latent         int
	batch          int
	steps          int
	width          int // channels of the layers at the full size of a picture
	lr             float64
	seed           uint64
	augment        nn.Augmentations
}

// few pictures are learned by heart.
const few = 3000

// pick makes a plan for n pictures.
func pick(n, channels, size int, classes []string) plan {
	p := plan{size: size, channels: channels, classes: classes, pictures: n, latent: 64, width: 16, lr: 1e-3 * 32 / float64(size), seed: *seed}
	p.batch = min(64, n)
	// Of few pictures, more is changed at random before the discriminator sees them. The
	// shift is cheap, and always helps.
	p.augment = nn.Augmentations{Shift: 0.125}
	if n < few {
		p.augment.Cutout = 0.3
		p.augment.Colour = channels == 3
	}
	p.steps = 6000
	if *data == "" {
		p.steps = 3000 // shapes are simple
	}
	return p
}

// The first weights suit LeakyReLU(0.2). The last convolution of a block begins at a
// tenth, so that a block begins as its skip and a deep network as a shallow one; that
// of the picture is faint, where tanh is steep.
var (
	zero   = nn.BiasInit(nn.Constant(0))
	weight = nn.WeightInit(nn.HeNormal(math.Sqrt(2 / 1.04)))
	small  = nn.WeightInit(nn.HeNormal(0.1))
	linear = nn.WeightInit(nn.HeNormal(1))
	faint  = nn.WeightInit(nn.HeNormal(0.3))
)

// networks returns a generator that enlarges 4×4 features by residual blocks until they
// are a picture, and a discriminator that goes the other way. The one-hot of the class
// is beside the latent vector, and beside the features that the discriminator has
// found; it is louder than they are, so that it is heard early.
func (p plan) networks() (g, d nn.Module) {
	var draw, look []nn.Module
	k := len(p.classes)
	if k > 0 {
		draw = append(draw, nn.ConcatCondition(k, 1.5))
	}
	channels := p.channelsAt(4)
	draw = append(draw, nn.Linear(p.latent+k, 16*channels, weight, zero), nn.LeakyReLU(0.2), nn.Reshape(channels, 4, 4))
	for side := 8; side <= p.size; side *= 2 {
		draw = append(draw, grow(p.channelsAt(side/2), p.channelsAt(side)), nn.LeakyReLU(0.2))
	}
	draw = append(draw, nn.Conv2D(p.width, p.channels, 3, nn.Padding(1), faint, zero), nn.Tanh())

	look = append(look, nn.DiffAugment(p.augment),
		nn.Conv2D(p.channels, p.width, 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2))
	for side := p.size / 2; side > 4; side /= 2 {
		look = append(look, shrink(p.channelsAt(2*side), p.channelsAt(side)), nn.LeakyReLU(0.2))
	}
	channels = p.channelsAt(8)
	look = append(look, nn.Flatten())
	if k > 0 {
		look = append(look, nn.ConcatCondition(k, 3))
	}
	look = append(look, nn.Linear(16*channels+k, 128, weight, zero), nn.LeakyReLU(0.2), nn.Linear(128, 1, linear, zero))
	return nn.Sequential(draw...), nn.Sequential(look...)
}

// channelsAt returns the channels of features of side×side pixels: more, the smaller.
func (p plan) channelsAt(side int) int {
	channels := p.width
	for s := p.size; s > side; s /= 2 {
		channels += channels / 2
	}
	return channels
}

// grow is a block that doubles the side of images.
func grow(in, out int) nn.Module {
	return nn.Residual(
		nn.Sequential(nn.UpsampleNearest(2), nn.Conv2D(in, out, 3, nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
			nn.Conv2D(out, out, 3, nn.Padding(1), small, zero)),
		nn.Sequential(nn.Conv2D(in, out, 1, nn.NoBias(), linear), nn.UpsampleNearest(2)))
}

// shrink is a block that halves the side of images.
func shrink(in, out int) nn.Module {
	return nn.Residual(
		nn.Sequential(nn.Conv2D(in, out, 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
			nn.Conv2D(out, out, 3, nn.Padding(1), small, zero)),
		nn.Sequential(nn.AvgPool2D(2), nn.Conv2D(in, out, 1, nn.NoBias(), linear)))
}

// config is the game of Huang et al., "The GAN is dead; long live the GAN!", 2024:
// relativistic pairs and both gradient penalties. The rate falls to a tenth over the
// last fifth of the run.
func (p plan) config() gan.Config {
	// A penalty per pixel that is the same for all sizes.
	gamma := 0.1 * float64(p.size*p.size) / (32 * 32)
	// Ten times as much until the generator has found its feet, or it is lost where
	// tanh is flat; and five times as much to the end if there are few pictures.
	calm := optim.Cosine{From: 10, To: 1, Steps: max(p.steps/5, 600)}
	if p.pictures < few {
		calm.To = 5
	}
	fifth := max(p.steps/5, 1)
	fall := optim.Linear{From: 1, To: 0.1, Steps: fifth}
	return gan.Config{
		Latent:    p.latent,
		Classes:   p.classes,
		Objective: gan.Relativistic{},
		Penalties: []gan.Penalty{gan.R1{Gamma: gamma, Schedule: calm}, gan.R2{Gamma: gamma, Schedule: calm}},
		Optimizer: optim.Adam{
			LR: p.lr, Betas: [2]float64{0, 0.9}, Beta2Schedule: optim.Cosine{From: 0.9, To: 0.99, Steps: p.steps},
			Schedule: optim.ScheduleFunc(func(step int) float64 { return fall.At(max(step-(p.steps-fifth), 0)) }),
		},
		EMAHalfLife: 200,
		Seed:        p.seed,
	}
}
