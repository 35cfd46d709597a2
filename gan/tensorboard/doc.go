// Package tensorboard writes a run as TensorBoard reads it, which other tools import
// as well:
//
//	events := tensorboard.New("runs/ring", tensorboard.Options{})
//	_, err := trainer.Fit(ctx, source, gan.Steps(5000), gan.On(events.Hook()))
//
// and then, in a terminal,
//
//	tensorboard --logdir runs
//
// The tags are those of StyleGAN's tools where these have one:
//
//	Loss/scores/real, Loss/scores/fake    means of D's outputs over a batch
//	Loss/signs/real, Loss/signs/fake      means of their signs
//	Loss/G/loss                           the generator's loss
//	Loss/D/loss                           the discriminator's, without penalties
//	Loss/r1_penalty                       all penalties, weighted and added up
//	Gradients/generator, …/discriminator  norms, by the weights
//	Progress/generator_lr, …_lr           learning rates
//	Timing/steps_per_sec
//	Samples/grid                          samples of the same latent vectors, if they are images
//	Notes                                 what hooks have to say, such as gan/diagnose
//
// and what a program adds by [Writer.Scalar] and [Writer.Image]: Metrics/fid, say.
//
// Each start of a run writes a file of its own, with a name that sorts after the
// older ones. If a run is resumed from before its last events, TensorBoard is told to
// forget those. Checkpoints hold what the next means are made of ([gan.State]), so that
// they are those of a run without a stop. Of the last second before a run is killed, by
// kill -9 or a power cut, events may be missing.
package tensorboard
