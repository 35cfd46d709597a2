// Package diagnose looks at a run while it trains, and says in plain words what goes
// wrong, with the number that shows it:
//
//	_, err = trainer.Fit(ctx, source, gan.Steps(5000), gan.On(
//		gan.Log("run/log.jsonl"), progress.Bar(os.Stdout), diagnose.Hook(diagnose.Options{})))
//
// prints, if the penalties were forgotten, and writes into the log:
//
//	step 654: The generator collapses: samples of two latent vectors are 3.93e-05
//	apart on average, two real samples 1.79, so that it draws nearly the same again
//	and again. …
//
// Other hooks hear of it by [gan.Run.Note]. A hundred times in a run, unless [Options]
// say otherwise, [Hook] measures a step: a [Measurement] holds the numbers. [Rules]
// look at the last ten or twenty of them. None speaks about the beginning of a run, nor
// about what happens once, but for the one that looks at the data alone. The recipes of
// gan/recipe for the modern game train in silence.
//
//	rule               speaks if                                                          number
//	OutOfReach         numbers of the data lie beyond what G's last layer can make        1 in 100
//	DiscriminatorWins  D ranks a real sample above a generated one                        in 99 of 100 pairs
//	SteepAtSamples     D's gradient at generated samples is larger than at real ones      10 times
//	Collapse           two generated samples are nearer to each other than two real ones  0.3 of the distance
//	Swings             the generator's loss goes up and down                              by half of its mean, and 1
//	Drifts             the generator's loss climbs in a line                              to its double, and by 2
//	DeadUnits          units of a layer give the same for every sample                    19 in 20
//	LearningRate       a step changes the weights                                         by a tenth
//
// They are symptoms that the field knows, and what the sentences advise is what
// usually helps; no rule knows what the data shows. A rule of your own is a function of a
// [Record].
//
// Measuring happens beside training, on copies, and changes no bit of it; training waits
// for a measurement that is not finished when the next is due. What is said and when
// depends on the run alone, also if it is interrupted and resumed.
package diagnose
