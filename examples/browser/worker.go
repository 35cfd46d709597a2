//go:build js

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"syscall/js"
	"time"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/tensor"
)

// generator is what the page draws by.
var generator *gan.Generator

// main offers functions to the JavaScript of page/worker.js, which runs beside the
// page.
func main() {
	js.Global().Set("gander", map[string]any{
		"load": function(load), "first": function(first), "draw": function(draw),
		"ring": function(ring), "train": function(begin),
	})
	select {}
}

// function makes f a function of JavaScript. Its error, or misuse that it panics
// with, is returned as an Error: a panic would end the program.
func function(f func(args []js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) (result any) {
		var err error
		caught := tensor.Catch(func() { result, err = f(args) })
		if err := errors.Join(err, caught); err != nil {
			return js.Global().Get("Error").New(err.Error())
		}
		return result
	})
}

// load takes the bytes of a generator's file and returns what is to be known of it.
func load(args []js.Value) (any, error) {
	file := make([]byte, args[0].Length())
	js.CopyBytesToGo(file, args[0])
	g, err := gan.ReadGenerator(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	if err := suits(g); err != nil {
		return nil, err
	}
	shape := g.SampleShape()
	generator = g
	var classes []any
	for _, name := range g.Classes() {
		classes = append(classes, name)
	}
	return map[string]any{"latent": g.Latent(), "classes": classes, "height": shape[1], "width": shape[2]}, nil
}

// first returns the latent vector of a seed's first sample and, if there are classes,
// which one is drawn of it.
func first(args []js.Value) (any, error) {
	seed := uint64(args[0].Int())
	what := map[string]any{"z": numbers(generator.Latents(1, seed).Float32s())}
	if generator.Classes() != nil {
		what["label"] = generator.Labels(1, seed)[0]
	}
	return what, nil
}

// draw returns the images of latent vectors that come one after the other and, if
// there are classes, of their conditions, likewise.
func draw(args []js.Value) (any, error) {
	rows := func(array js.Value, k int) *tensor.Tensor {
		x := floats(array)
		return tensor.FromFloat32(x, len(x)/k, k)
	}
	request := gan.Request{Latent: rows(args[0], generator.Latent())}
	if generator.Condition() > 0 {
		request.Condition = rows(args[1], generator.Condition())
	}
	images, err := generator.Draw(context.Background(), request)
	if err != nil {
		return nil, err
	}
	return numbers(images.Float32s()), nil
}

// ring returns the centres of the ring's modes and their standard deviation, and
// what part of the plane frames show.
func ring([]js.Value) (any, error) {
	centers, sigma := datasets.Ring().Modes()
	var flat []float32
	for _, c := range centers {
		flat = append(flat, float32(c[0]), float32(c[1]))
	}
	return map[string]any{"centers": numbers(flat), "sigma": sigma, "half": half, "cells": cells}, nil
}

// begin begins to train with a seed, and calls a function with frames, for which it
// takes a fifth of the time. In between, JavaScript has its turn.
func begin(args []js.Value) (any, error) {
	seed, show := args[0].Int(), args[1]
	start := time.Now()
	next := start
	var began time.Time // with the frame
	due := func(int) bool {
		began = time.Now()
		return began.After(next)
	}
	go func() {
		err := train(context.Background(), uint64(seed), due, func(f frame) {
			show.Invoke(map[string]any{
				"step": f.step, "steps": f.steps, "points": numbers(f.points), "field": numbers(f.field),
				"modes": f.modes, "quality": f.quality, "seconds": time.Since(start).Seconds(),
			})
			time.Sleep(time.Millisecond)
			next = time.Now().Add(max(80*time.Millisecond, 4*time.Since(began)))
		})
		if err != nil {
			show.Invoke(map[string]any{"error": err.Error()})
		}
	}()
	return nil, nil
}

// floats returns the elements of a Float32Array.
func floats(array js.Value) []float32 {
	raw := make([]byte, 4*array.Length())
	js.CopyBytesToGo(raw, js.Global().Get("Uint8Array").New(array.Get("buffer"), array.Get("byteOffset"), len(raw)))
	out := make([]float32, array.Length())
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

// numbers returns a Float32Array.
func numbers(x []float32) js.Value {
	raw := make([]byte, 0, 4*len(x))
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	array := js.Global().Get("Uint8Array").New(len(raw))
	js.CopyBytesToJS(array, raw)
	return js.Global().Get("Float32Array").New(array.Get("buffer"))
}
