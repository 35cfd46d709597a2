package main

import (
	"fmt"

	"github.com/gander-ml/gander/gan"
)

// suits returns nil if the page can draw what a generator makes.
func suits(g *gan.Generator) error {
	shape := g.SampleShape()
	switch {
	case len(shape) != 3 || shape[0] != 1:
		return fmt.Errorf("samples of %v are not grey images [1, height, width]", shape)
	case g.Condition() > 0 && g.Classes() == nil:
		return fmt.Errorf("samples have conditions of %d numbers, and not classes", g.Condition())
	}
	return nil
}
