//go:build http

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/gander-ml/gander/datasets/download"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/gan/watch"
)

// again does nothing in a program that has package net/http.
func again() {}

// fetched returns the folder of MNIST's files, which are downloaded once.
func fetched(ctx context.Context) (string, error) { return download.MNIST(ctx, download.Options{}) }

// served returns the page that browsers may look at from now on, nil if nobody wants
// one.
func served(r recipe.Recipe) (*page, error) {
	if *address == "" {
		return nil, nil
	}
	p := watch.New(watch.Options{Title: "mnist, recipe " + r.Name, Seed: r.Seed, Classes: strings.Split("0123456789", "")})
	url, err := p.Listen(*address)
	if err != nil {
		return nil, err
	}
	fmt.Println("look at", url)
	return &page{p.Hook(), func(step int, report *mnistfeatures.Report) {
		d := report.Values.Get(mnistfeatures.Distance)
		p.Judged(step, watch.Judgement{Name: d.Name, Value: d.Value, Floor: d.Floor, Shares: report.Digits})
	}}, nil
}
