package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/diagnose"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/optim"
)

func main() {
	name := flag.String("r", "ring", "")
	steps := flag.Int("steps", 0, "")
	every := flag.Int("every", 0, "")
	fault := flag.String("fault", "", "")
	lr := flag.Float64("lr", 1, "")
	bare := flag.Bool("bare", false, "")
	flag.Parse()
	var r recipe.Recipe
	for _, x := range append(recipe.Digits(), recipe.Mixtures()...) {
		if x.Name == *name {
			r = x
		}
	}
	full := r.Steps
	_ = full
	r.LR *= *lr
	if *fault == "tinylatent" { r.Latent = 1 }
	g, d := r.Networks()
	c := r.Config()
	if *fault == "nopenalty" { c.Penalties = nil }
	if *fault == "nor2" { c.Penalties = c.Penalties[:1] }
	if *fault == "const" { c.Optimizer = optim.Adam{LR: r.LR, Betas: [2]float64{0, 0.99}} }
	tr, err := gan.New(g, d, c)
	if err != nil { panic(err) }
	var src gan.Source
	if r.Latent <= 2 { mix := datasets.Ring(); if *name == "grid" { mix = datasets.GaussianGrid() }
		src = datasets.Synthetic{From: mix, Batch: r.Batch, PerEpoch: 500, Seed: 1}
	} else { im, err := digits.Load(); if err != nil { panic(err) }; src = datasets.NewLoader(im, r.Batch, datasets.Seed(1), datasets.Conditions()) }
	n := r.Steps
	if *steps > 0 { n = *steps }
	start := time.Now()
	e := *every
	if e == 0 { e = max(r.Steps/100, 10) }
	h := diagnose.Hook(diagnose.Options{Every: e, Measured: func(m *diagnose.Measurement, _ *gan.Generator) {
		fmt.Printf("%5d D%7.3f G%7.3f acc %.3f slope %8.3g %8.3g dist %.3g %.3g upd %.4f %.4f dead %.2f %s %.2f %s  %.0f/s\n", m.Step, m.Losses.Discriminator(), m.Losses.Generator, m.Accuracy, m.RealSlope, m.FakeSlope, m.RealDistance, m.FakeDistance, m.Generator.Update, m.Discriminator.Update, m.Generator.Dead, m.Generator.DeadLayer, m.Discriminator.Dead, m.Discriminator.DeadLayer, m.PerSecond)
	}})
	o := gan.On(h, gan.Hook{Note: func(s int, t string) { fmt.Println("NOTE", s, t) }})
	if *bare { o = gan.On() }
	_, err = tr.Fit(context.Background(), src, gan.Steps(n), o)
	fmt.Println(time.Since(start), err)
}
