// Package chart draws training curves into PNG files. It is separate from package gan
// so that programs without charts link nothing that draws. It draws lines over two
// axes and nothing else: a plotting library with its fonts took longer to compile
// than package gan with all that it needs.
//
// [Losses] is a hook that keeps a PNG file of the losses up to date while training
// goes on:
//
//	_, err := trainer.Fit(ctx, source, gan.Steps(2000), gan.On(chart.Losses("losses.png")))
//
// The curves are the mean losses of each epoch. Do not expect them to fall: each
// network's loss depends on how good the other one is, and two curves that stay
// where they are belong to a healthy run. One that goes to 0 says that its network
// has won, and that the other learns nothing any more. How good samples are is
// measured by package gan/metrics.
//
// [WritePNG] draws curves of anything else, such as a metric by step.
package chart
