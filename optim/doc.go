// Package optim updates parameters by their gradients.
//
// A [Method] is an update rule with its hyper-parameters, a plain value such
// as Adam{LR: 1e-4}. An [Optimizer] applies a method to a list of parameters, and
// keeps the method's state for each of them. A program writes down methods and
// steps optimizers:
//
//	o := optim.New(optim.Adam{LR: 1e-4}, params)
//	for range steps {
//		o.Step(grads) // changes params in place
//	}
//
// The package needs tensors only: not how gradients were computed, nor which
// network a parameter belongs to.
//
// # The methods
//
// With parameter θ, gradient g, rate η and decay λ, at step t = 1, 2, …:
//
//	SGD      b ← μ·b + g                  θ ← θ − η·b, or θ − η·(g + μ·b) with Nesterov
//	Adam     m ← β₁·m + (1−β₁)·g          θ ← θ − η·(m/c₁) / (√(v/c₂) + ε)
//	         v ← β₂·v + (1−β₂)·g²         c = 1 − the product of the β of all steps
//	AdamW    θ ← θ·(1 − η·λ), then Adam
//	RMSprop  v ← α·v + (1−α)·g²           θ ← θ − η·g / (√v + ε)
//
// Except in AdamW, a weight decay adds λ·θ to the gradient first. The
// arithmetic is PyTorch's, so both arrive at the same parameters.
//
//   - [SGD]: Robbins and Monro, "A stochastic approximation method", 1951.
//     Momentum and Nesterov's variant as in Sutskever, Martens, Dahl and
//     Hinton, "On the importance of initialization and momentum in deep
//     learning", 2013.
//   - [Adam]: Kingma and Ba, "Adam: a method for stochastic optimization", 2015.
//   - [AdamW]: Loshchilov and Hutter, "Decoupled weight decay regularization",
//     2019.
//   - [RMSprop]: Tieleman and Hinton, lecture 6.5 of "Neural networks for
//     machine learning", 2012; centered as in Graves, "Generating sequences
//     with recurrent neural networks", 2013.
//
// A hyper-parameter of 0 means its default. Where that is another number, [Zero]
// means 0.
//
// A method of your own is a type with the five methods of [Method]; [Optimizer]
// keeps its state, saves it and restores it.
//
// # Around a step
//
// A [Schedule] is a pure function of the step, so a run that was stopped and
// restored continues with the rate it would have had. [ClipNorm] and [ClipValue]
// limit gradients before a step, and [EMA] averages parameters after it.
//
// [Optimizer.State] and [Optimizer.Restore], and the same methods of [EMA], save
// and restore everything that a step depends on besides parameters and gradients:
// a restored run equals an uninterrupted one bit for bit.
//
// NaN and infinities are not replaced: they reach the parameters.
package optim
