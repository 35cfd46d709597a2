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
//	loader := datasets.NewLoader(images, r.Batch, datasets.Conditions())
//	_, err = t.Fit(ctx, loader, gan.Steps(r.Steps), gan.On(progress.Bar(os.Stderr)))
//	if err != nil {
//		return err
//	}
//	return t.Generator().Save("generator.safetensors")
//
// Fit takes batches from any [Source]; a datasets.Loader is one. A step is
// one page of code, step.go. A loop of your own, without a [Trainer], is the example
// byHand.
//
// # Data of your own
//
// A datasets.Loader makes batches of any datasets.Dataset: a type with three
// methods, a tensor [n, …] by datasets.FromTensor, or a folder of pictures by
// datasets/imagefolder. The batches must have the shape of what the generator makes,
// rows unless the loader has datasets.KeepShape; any other fails in the first step. Their
// values must be ones that it can make, from −1 to 1 if it ends in nn.Tanh; gan/diagnose
// warns of others.
//
// # Labels
//
// A generator that draws what it is asked for is trained on samples whose class is
// known, with networks that know it, too: G(z|c) and D(x|c) with the condition c of
// the real sample for both (Mirza and Osindero, "Conditional generative adversarial
// nets", 2014). Three things are needed:
//
//	loader := datasets.NewLoader(images, 64, datasets.Conditions())   // batches with one-hots
//	config.Classes = datasets.Classes(images)                         // their names
//	g := nn.Sequential(nn.ConcatCondition(10, 1.5), nn.Linear(100+10, 256), …)
//	d := nn.Sequential(…, nn.Flatten(), nn.ConcatCondition(10, 3), nn.Linear(1568+10, 128), …)
//
// nn.EmbedCondition learns an embedding in place of the one-hot, and nn.Projection is
// D's last layer as Miyato and Koyama have it. Where D sees the class matters: beside
// the features of a hidden layer, or by projection, rather than beside the image.
// [New] refuses networks that read another condition than the configuration says.
//
// Then
//
//	sevens := t.Generator().SampleOf([]int{7, 7, 7}, 1)
//
// draws three sevens. [Generator.Sample] draws the classes, too, as often as the data
// has them, and a saved generator knows their names. Whether the digits are what was
// asked for is measured in gan/metrics.
//
// A condition may be any vector of numbers that is known about each sample, such as
// the angle of a view: [Config].Condition is its length, and the dataset tells it
// (datasets.Conditioner). The program then gives the conditions of what is drawn, to
// [Generator.MapOf] or [Generator.Draw]. Penalties are about D's gradient by the
// sample, with the condition fixed.
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
// A new penalty, too, is one type with three methods. Its terms are made of gradients
// of D by samples, of which the trainer takes gradients by D's weights:
//
//	func (ZeroCentred) Terms(p *gan.Pass) *autograd.Var {
//		g := autograd.Grad(autograd.Sum(p.Real.D), []*autograd.Var{p.Real.X},
//			autograd.Opts{CreateGraph: true})[0]      // [n, features]
//		return autograd.Sum(autograd.Square(g), 1) // [n]
//	}
//
// [nn.CheckGrad] checks it, as a module whose output it is; the example of [Penalty]
// has all of that.
//
// # Hooks
//
// A [Hook] is told what happens: after each step with losses, their terms and
// the gradients' norms; after each epoch with the mean losses. Its error ends
// training as a cancelled context does: the current step is finished, and each
// hook's Epoch and End are still called, so that what they save is whole. An error
// that training need not end for is a [Warning]. A hook never meets a half-updated
// network. [SaveNetworks], [Checkpoints] and [Log] are hooks; those that draw samples,
// charts and progress bars live in packages of their own, gan/gallery, gan/chart and
// gan/progress, so that a program without them links no plotting, no image formats and
// no terminal code. [After] makes a hook of any function, and [Background] one whose
// work continues beside training, on a copy of the generator: what samples are worth,
// say, which is measured in gan/metrics.
//
// gan/diagnose is a hook that looks for what usually goes wrong, and says so in a
// sentence, by [Run.Note], which [Log] writes down and gan/progress prints. gan/watch
// shows a run in a browser, gan/tensorboard writes it for TensorBoard.
//
// A hook that remembers something from step to step gives a [State]: checkpoints hold it,
// and in a run that is resumed the hook goes on with it. Log, gan/diagnose and
// gan/tensorboard do, so that what a resumed run logs is what an uninterrupted one does, but
// for the times in it.
//
// # Sampling
//
// A [Generator] is a copy of the weights that never changes. Any number of
// goroutines may sample from one at once, also while its trainer continues:
// [Trainer.Generator] and [Trainer.Sample] see the weights as they are between
// two updates, and wait for one update at most. With [Config].EMAHalfLife these
// are averages over the last steps, which draw better samples; buffers, such as the
// statistics of a batch norm, are found anew for them when a generator is first
// used. The same generator and seed draw the same samples, and asking for more does not
// change the first.
//
// [Generator.Save] writes a file that carries the architecture, too, so that
// [LoadGenerator] needs no code of the network's.
//
// # Checkpoints
//
// Every random number of a run comes from [Config].Seed and from the source's,
// in streams of their own. With the same program on the same instruction set, the
// same seed gives the same weights, bit for bit, whatever the number of threads;
// tensor's Device.Arithmetic names what else they depend on. A checkpoint holds all that
// the future depends on, what hooks remember included, so that a run that is resumed
// from it ends with the bits of one that was not stopped, wherever it was: in the
// middle of an epoch, after its last batch, in a hook.
//
// [Checkpoints] keeps the last few of them in a folder while training goes on, and
// the best by a metric:
//
//	checkpoints := gan.Checkpoints{Dir: "run/checkpoints", Every: 1000, Keep: 3}
//	_, err = t.Fit(ctx, loader, gan.Steps(r.Steps), gan.On(checkpoints.Hook()))
//
// They are written beside training, from a copy. By default there is one about
// every second, which takes less than a hundredth of the time. [Trainer.Checkpoint]
// writes one at any time.
//
// # Resuming
//
// Build the same networks with the same configuration, and
//
//	path, err := t.ResumeLatest("run/checkpoints", gan.WithSource(loader))
//	if err != nil && !errors.Is(err, gan.ErrNoCheckpoint) {
//		return err
//	}
//
// continues from the newest checkpoint that is whole, or starts anew if there is
// none. [Trainer.Resume] takes the file's name. Everything that determines the future
// and is not in the checkpoint is compared: the configuration, with the numbers of
// the objective, penalties, optimizers and schedules; both networks' layers; the
// source's data, batches and order, if it is a [Fingerprinter]. A difference is
// refused with a [SettingsError], which lists each setting with both values:
//
//	generator.optimizer.lr was 0.002 and is 0.001
//
// What is changed on purpose is allowed by name: gan.Allow("optimizer.lr"). Another
// instruction set or precision is not refused, but [Notify] tells of it, since the
// bits will differ from there on. The number of steps or epochs is no setting.
//
// Package gan/rundir wraps this up for programs: a folder for each run, one command
// line for starting and continuing, and no repetition that overwrites a run.
//
// # Signals
//
//	ctx, stop := gan.Signals(context.Background())
//	defer stop()
//	_, err := t.Fit(ctx, …)
//	…
//	os.Exit(gan.ExitStatus(err))
//
// Ctrl-C, SIGTERM and SIGHUP then finish the current step and let hooks save; a
// second signal ends the program at once. [ExitStatus] is 0 after Ctrl-C, 143 after
// SIGTERM and 129 after SIGHUP: Kubernetes and Slurm take 0 for a run that is done.
// Writing to a pipe that nobody reads any more does not end the program.
//
// # Many processes
//
// [Config].Group makes several processes train as one: package gan/mpi joins those of
// many machines, gan/group goroutines. Each takes its part of every batch from its
// loader (datasets.Shard), and all make the same update, that of the whole batch:
//
//	group, err := mpi.Join()
//	…
//	defer group.Close()
//	config.Group = group
//	loader := datasets.NewLoader(images, batch, datasets.Shard(group.Rank(), group.Size()))
//
// Process 0 alone gets hooks that write; what it resumes from, all go on from.
//
// # When something fails
//
// A step happens as a whole or not at all. If a loss or a gradient is not finite,
// or a network or a device fails, everything is as before the step, also what its
// first half has done. If a device tells only in the next step that an update is lost,
// it is done again, unless the networks have a few thousand weights only; if a hook is
// the first to hear of it, the run ends and no checkpoint is written.
//
//	what happens                               what becomes of the run
//	kill -9, a crash, a power cut              resumes from the last checkpoint, to the same bits
//	a checkpoint file is damaged               reported, and the one before is taken
//	Ctrl-C, SIGTERM, SIGHUP                    the step is finished, the state saved
//	another run in the same folder             refused before the first step, with its process
//	other settings or data than before         refused before the first step, each by name
//	a loss or gradient is not finite           the step is undone, the state saved, the run ends
//	a real sample is not finite                the same, with the sample's number
//	the state is not finite                    it is not saved; older checkpoints stay
//	a hook or the source panics                other hooks' Epoch and End are called first
//	a hook fails                               the step is finished, the state saved, the run ends
//	an image or the log cannot be written      reported, and the run goes on
//	a checkpoint cannot be written             reported, and tried again; at the end an error
//	the source waits for ever                  cancelling ends the run all the same
//	Fit, Step or Resume during Fit             an error at once
//	one process of a group fails               the step is undone by all, which end, each with the reason
//
// [RecordFailure] has a step that is not finite written down, and [Trainer.Replay]
// does it again and tells which operation it was, in which network and layer, and
// what numbers it got; examples/replay prints that.
package gan
