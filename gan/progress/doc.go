// Package progress shows the progress of training: on a terminal as a bar that
// moves with every step, elsewhere (a file, a pipe) as one plain line per epoch.
//
//	report, err := trainer.Fit(ctx, source, gan.Epochs(100), gan.On(progress.Bar(os.Stderr)))
//
// A line has the epoch, the mean losses of the discriminator (D) and the generator
// (G) over it, and its time:
//
//	epoch  2/13  D 0.6438  G 0.9950  2.09 s
//
// It ends in "(part of it)" if training was stopped within the epoch. In a long epoch,
// [Lines] adds a line every ten seconds. What other hooks have to say ([gan.Run.Note])
// is printed as it comes, with the step:
//
//	step 640: The discriminator wins: …
package progress
