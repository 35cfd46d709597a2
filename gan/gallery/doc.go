// Package gallery draws samples: as a grid in one image, as an animation of how they
// change, beside the training samples that are like them, and on the way from one
// latent vector to another.
//
//	grid := gallery.Grid{Columns: 8, Scale: 4, Gap: 4}
//	err := grid.Save("samples.png", samples)
//
// Samples are tensors [n, h·w], [n, 1, h, w] in grey or [n, 3, h, w] in colour, from
// −1, black, to 1, white, unless a grid has another range. A grid with Height and Width
// draws rows of h·w numbers, or give them the generator's SampleShape by Reshape. Points
// in the plane are no images: gan/watch shows them in a browser, and examples/ring2d
// draws them.
//
// [Grid] writes PNG; [Film] collects grids in the course of training and writes an
// animated GIF:
//
//	film := gallery.Film{Grid: grid}
//	shoot := gan.After(gan.Every(50), func(t *gan.Trainer) error { return film.Add(t.Sample(32, 1)) })
//	_, err := trainer.Fit(ctx, loader, gan.Steps(5000), gan.On(shoot))
//	…
//	err = film.Save("film.gif")
//
// [Neighbours] puts beside each sample the training samples that are
// nearest to it: does the generator copy? [Walk] leads from one latent vector to
// another: does it jump from picture to picture? [SaveSamples] is a hook of training.
package gallery
