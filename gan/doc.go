// Package gan trains generative adversarial networks.
//
// # The idea
//
// A generator G turns random numbers z, the latent vector, into a sample; a
// discriminator D looks at a sample and says whether it is a real one. Both are
// networks, and they are trained against each other: D to tell real samples x
// from generated ones G(z), G to make samples that D takes for real. Nobody
// tells G what a sample should look like; all that it learns comes through the
// gradient of D. When neither can gain anything, the generated samples are
// distributed as the real ones are, and D's best answer is ½ everywhere
// (Goodfellow et al., "Generative adversarial nets", 2014). What is kept is G,
// which draws a new sample from any latent vector.
//
// # A program
//
// examples/hello is this one in full. A recipe, from gan/recipe, is a pair of
// networks and a [Config].
//
//	r := recipe.Quick()
//	g, d := r.Networks()
//	t, err := gan.New(g, d, r.Config())
//	if err != nil {
//		return err
//	}
//	loader := datasets.NewLoader(images, r.Batch)
//	_, err = t.Fit(ctx, loader, gan.Steps(r.Steps), gan.On(progress.Bar(os.Stderr)))
//	if err != nil {
//		return err
//	}
//	return t.Generator().Save("generator.safetensors")
//
// Fit takes batches from any [Source]; a datasets.Loader is one. A step stands
// on one page, step.go.
//
// # A step
//
// A step takes a batch of real samples and as many latent vectors. First D is
// updated: it sees the real samples and the generated ones, detached, so that
// its gradient does not enter G. Then G is updated through the updated D, which
// is constant in that pass. G runs once: its own update continues the pass that
// D has seen ([Config].FreshLatent changes this). If D gives each sample its own
// answer, real and generated samples go through it as one batch, unless a penalty
// takes second derivatives.
//
// The gradient of D under [R1] and [R2] holds second derivatives. If D is linear
// between the kinks of its activations, they are computed at the price of first
// ones.
//
// # Objectives and penalties
//
// An [Objective] says what the two networks minimise, given D's outputs:
//
//	               D, on real       D, on generated    G
//	Classic        −ln D(x)         −ln(1−D(G(z)))     −ln D(G(z))     D is a probability
//	Minimax        softplus(−D(x))  softplus(D(G(z)))  −softplus(D(G(z)))
//	NonSaturating  softplus(−D(x))  softplus(D(G(z)))  softplus(−D(G(z)))
//	LeastSquares   ½(D(x)−1)²       ½D(G(z))²          ½(D(G(z))−1)²
//	Hinge          max(0, 1−D(x))   max(0, 1+D(G(z)))  −D(G(z))
//	Wasserstein    −D(x)            D(G(z))            −D(G(z))
//	Relativistic   softplus(D(G(z))−D(x)), in pairs    softplus(D(x)−D(G(z)))
//
// and [RelativisticAverage] compares with means in place of pairs. [Classic] is
// the recipe of tutorials, on a discriminator that ends in a sigmoid. The others
// take logits: a discriminator that ends in a linear layer. They stay accurate
// when D is sure of itself; [NonSaturating] is Classic on logits, and the
// default.
//
// A [Penalty] goes with any objective and keeps the gradient of D small: [R1]
// and [R2], without which training need not converge, or [GradientPenalty].
// nn.SpectralNorm around D's layers and [Config].ClipWeights bound its weights
// instead.
//
// A new objective is one type; nothing else has to know it:
//
//	type Cautious struct{ gan.NonSaturating } // one-sided label smoothing
//
//	func (Cautious) Name() string { return "cautious" }
//
//	func (Cautious) Discriminator(real, fake *autograd.Var) gan.Terms {
//		t := gan.NonSaturating{}.Discriminator(real, fake)
//		t.Real = autograd.Add(t.Real, autograd.Scale(real, 0.1)) // real is 0.9, not 1
//		return t
//	}
//
// It returns one term per sample, and the trainer takes the means. Check its
// derivatives with [autograd.Check].
//
// # Hooks
//
// A [Hook] is told what happens: after each step with losses, their terms and
// the gradients' norms; after each epoch with the mean losses. Its error ends
// training as a cancelled context does: the current step is finished, and each
// hook's Epoch and End are still called, so that what they save is whole. A hook
// never meets a half-updated network. [SaveNetworks], [SaveSamples],
// [SaveCheckpoint] and [Log] are hooks; those that draw charts and progress bars
// live in packages of their own, gan/chart and gan/progress, so that a program
// without them links no plotting library. [After] makes a hook of any function,
// and [Background] one whose work continues beside training, on a copy of the
// generator: what samples are worth, say, which is measured in gan/metrics.
//
// # Sampling
//
// A [Generator] is a copy of the weights that never changes. Any number of
// goroutines may sample from one at once, also while its trainer continues:
// [Trainer.Generator] and [Trainer.Sample] see the weights as they are between
// two updates, and wait for one update at most. With [Config].EMAHalfLife these
// are averages over the last steps, which draw better samples. The same
// generator and seed draw the same samples, and asking for more does not change
// the first.
//
// [Generator.Save] writes a file that carries the architecture, too, so that
// [LoadGenerator] needs no code of the network's.
//
// # Stopping and resuming
//
// Every random number of a run comes from [Config].Seed and from the source's,
// in streams of their own. With the same program, the same seed gives the same
// weights, bit for bit, whatever the number of threads. [Trainer.Checkpoint]
// writes all that the future depends on, and [Trainer.Resume] continues from it as
// if there had been no stop: in the middle of an epoch, and with the same bits.
//
// A step whose losses or gradients are not finite stops training with a
// [NonFiniteError], and one that a network or a device fails in with its error.
// In either case the step is undone: what a hook saves then leads to that very
// step again.
package gan
