package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/tensor"
)

// kind is something to learn.
type kind struct {
	name, about string
	says        string // what trials have told, for its table
	words       []word
	columns     []table.Column
	best        func(split string) string // the column that trials are sorted by
	// tera returns the 10¹² operations of the matrix products of a training; nil: it is
	// not known.
	tera func(choices) float64
	// recipe returns what is trained.
	recipe func(choices) recipe.Recipe
	// load reads what it is trained on, from a folder with MNIST if that is not "".
	load func(ctx context.Context, folder string) (*subject.Subject, error)
	// plain: it is not trained on digits.
	plain bool
}

// kinds are all, in the order of the tables.
var kinds = []*kind{digits, ring, grid, half, quarter, whole, small}

// split is the split that it is trained on.
func (k *kind) split(folder string) string {
	if k.plain {
		return ""
	}
	return subject.Split(folder)
}

// word is a number that a trial can change.
type word struct {
	name, means string
	usual       float64
	least       float64
	most        float64 // 0: there is no such
	whole       bool    // numbers only
}

func number(name, means string, usual float64) word {
	return word{name: name, means: means, usual: usual}
}

func integer(name, means string, usual int) word {
	return word{name: name, means: means, usual: float64(usual), whole: true}
}

// choice is a whole number up to most.
func choice(name, means string, usual, most int) word {
	return word{name: name, means: means, usual: float64(usual), most: float64(most), whole: true}
}

// choices are the numbers of all words.
type choices map[string]float64

// n returns a whole number.
func (c choices) n(name string) int { return int(c[name]) }

// is reports whether a number is not 0.
func (c choices) is(name string) bool { return c[name] != 0 }

// parse reads arguments of the form word=number, of which one may have several.
func (k *kind) parse(args ...string) (choices, error) {
	c := choices{}
	for _, w := range k.words {
		c[w.name] = w.usual
	}
	for _, a := range strings.Fields(strings.Join(args, " ")) {
		name, value, _ := strings.Cut(a, "=")
		at := slices.IndexFunc(k.words, func(w word) bool { return w.name == name })
		v, err := strconv.ParseFloat(value, 64)
		if at < 0 || err != nil {
			return nil, fmt.Errorf("%q is not word=number, with a word of %s", a, k.name)
		}
		switch w := k.words[at]; {
		case w.most > 0 && (!(v >= w.least && v <= w.most) || v != math.Trunc(v)):
			return nil, fmt.Errorf("%q: %s is a whole number from %v to %v", a, name, w.least, w.most)
		case w.whole && (!(v >= w.least) || v != math.Trunc(v) || math.IsInf(v, 1)):
			return nil, fmt.Errorf("%q: %s is a whole number from %v on", a, name, w.least)
		case !(v >= w.least) || math.IsInf(v, 1):
			return nil, fmt.Errorf("%q: %s is a number from %v on", a, name, w.least)
		}
		c[name] = v
	}
	for _, name := range []string{"steps", "batch", "latent", "lr", "gamma"} {
		if c[name] == 0 {
			return nil, fmt.Errorf("%s must be above 0", name)
		}
	}
	return c, nil
}

// check returns an error for numbers that layers or the trainer do not take.
func (k *kind) check(c choices) (err error) {
	caught := tensor.Catch(func() {
		r := k.recipe(c)
		g, d := r.Networks()
		_, err = gan.New(g, d, r.Config())
	})
	return errors.Join(caught, err)
}

// changes lists what is not usual, as a trial has it.
func (k *kind) changes(c choices) string {
	var parts []string
	for _, w := range k.words {
		if c[w.name] != w.usual {
			parts = append(parts, fmt.Sprintf("%s=%v", w.name, c[w.name]))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// always is a column for every split.
func always(name string) func(string) string { return func(string) string { return name } }
