#!/usr/bin/env python3
"""Write the golden values from PyTorch that the tests of nn and optim compare with.

Run:    python3 bench/golden/make_golden.py [REPOSITORY]     (default: two folders up)
Needs:  pip install torch numpy
Writes: nn/testdata/losses.safetensors     losses: value, gradient, second derivative
        nn/testdata/layers.safetensors     layers and the classic networks, likewise
        optim/testdata/optim.safetensors   optimizers, schedules, clipping, averaging
bench/golden/README.md lists the keys.  Everything is float64 unless the case says otherwise.
"""
import json
import os
import sys

import numpy as np
import torch
from torch import nn

import tensors

META = {'torch': torch.__version__, 'script': 'bench/golden/make_golden.py'}


def describe(cases):
    """The metadata of a file: its origin, and each case's description as JSON."""
    return META | {name: json.dumps(about) for name, about in cases.items()}


def grad(y, xs, create_graph=False):
    """Gradients of the scalar y, with zeros where y does not depend on an x."""
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in xs]
    found = torch.autograd.grad(y, xs, create_graph=create_graph, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(xs, found)]


# ---- losses ----

def losses():
    rng = np.random.default_rng(1)
    out, about = {}, {}

    def case(name, module, input, target, **more):
        input = torch.tensor(input, dtype=torch.float64, requires_grad=True)
        target = torch.as_tensor(target)
        vector = torch.tensor(rng.standard_normal(input.shape))
        value = module(input, target)
        g, = grad(value, [input], create_graph=True)
        g2, = grad((g * vector).sum(), [input])
        about[name] = {'loss': type(module).__name__, 'reduction': module.reduction} | more
        for key, t in dict(input=input, target=target, value=value, grad=g, vector=vector, grad2=g2).items():
            out[f'{name}.{key}'] = t.numpy(force=True)

    soft = rng.uniform(0, 1, (6, 4))
    hard = (soft > 0.5).astype(float)
    p = rng.uniform(0.02, 0.98, (6, 4))
    case('bce', nn.BCELoss(), p, hard)
    case('bce_soft', nn.BCELoss(), p, soft)
    # Each probability against targets 0, 1 and 0.3: the logs are cut at -100, the
    # denominator p(1-p) of PyTorch's gradient at 1e-12.
    edge = np.repeat([[0.0], [1.0], [1e-50], [1e-40], [1e-6], [1 - 1e-6]], 3, axis=1)
    case('bce_edge', nn.BCELoss(), edge, np.tile([0.0, 1.0, 0.3], (6, 1)))

    logits = 3 * rng.standard_normal((6, 4))
    case('bce_logits', nn.BCEWithLogitsLoss(), logits, hard)
    case('bce_logits_soft', nn.BCEWithLogitsLoss(), logits, soft)
    edge = np.repeat([[-1000.0], [-100.0], [-1.0], [0.0], [1.0], [100.0], [1000.0]], 3, axis=1)
    case('bce_logits_edge', nn.BCEWithLogitsLoss(), edge, np.tile([0.0, 1.0, 0.3], (7, 1)))

    a, b = rng.standard_normal((2, 6, 4))
    b[0, 0] = a[0, 0]                                     # the kink of |x|
    case('mse', nn.MSELoss(), a, b)
    case('l1', nn.L1Loss(), a, b)

    scores = 2 * rng.standard_normal((6, 5))
    index = rng.integers(0, 5, 6)
    index[:2] = 0, 4
    probs = rng.uniform(0, 1, (6, 5))
    probs /= probs.sum(1, keepdims=True)
    case('cross_entropy', nn.CrossEntropyLoss(), scores, index, targets='class index')
    case('cross_entropy_probs', nn.CrossEntropyLoss(), scores, probs, targets='class probabilities')
    wide = np.array([[1000.0, 0, -1000], [-1000, -1000, -1000], [0, 100, 100]])
    case('cross_entropy_edge', nn.CrossEntropyLoss(), wide, np.array([0, 1, 2]), targets='class index')
    return out, describe(about)


# ---- layers ----

def layers():
    rng = np.random.default_rng(2)
    out, about = {}, {}

    def case(name, module, input, **more):
        module = module.double()
        params = dict(module.named_parameters())
        for p in params.values():
            p.data = torch.tensor(rng.standard_normal(p.shape) / p.shape[-1] ** 0.5)
        x = torch.tensor(input, requires_grad=True)
        y = module(x)
        vector = torch.tensor(rng.standard_normal(y.shape))
        names, leaves = ['input', *params], [x, *params.values()]
        first = grad((y * vector).sum(), leaves, create_graph=True)
        second = grad((first[0] ** 2).sum(), leaves)
        about[name] = {'layer': type(module).__name__} | more
        result = {'input': x, 'output': y, 'vector': vector}
        result |= {f'param.{k}': p for k, p in params.items()}
        result |= {f'grad.{k}': g for k, g in zip(names, first)}
        result |= {f'grad2.{k}': g for k, g in zip(names, second)}
        for key, t in result.items():
            out[f'{name}.{key}'] = t.numpy(force=True)

    for bias in True, False:
        kind = 'linear' if bias else 'linear_nobias'
        case(f'{kind}_2d', nn.Linear(5, 3, bias=bias), rng.standard_normal((4, 5)), bias=bias)
        case(f'{kind}_3d', nn.Linear(5, 3, bias=bias), rng.standard_normal((2, 3, 5)), bias=bias)

    x = np.concatenate([3 * rng.standard_normal(17), [0.0, -0.0, 1e-8, -1e-8, 15, -15, 50, -50]]).reshape(5, 5)
    case('tanh', nn.Tanh(), x)
    case('relu', nn.ReLU(), x)
    case('leaky_relu', nn.LeakyReLU(0.2), x, slope=0.2)
    case('sigmoid', nn.Sigmoid(), x)
    case('softplus', nn.Softplus(), x, beta=1, threshold=20)
    case('flatten', nn.Flatten(), rng.standard_normal((3, 2, 2, 4)))

    # The classic networks, each layer scaled down: 6x6 images, 8 latent numbers.
    generator = nn.Sequential(nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 36), nn.Tanh())
    discriminator = nn.Sequential(nn.Linear(36, 16), nn.Tanh(), nn.Linear(16, 12), nn.Tanh(),
                                  nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
    case('generator', generator, rng.standard_normal((5, 8)), activations=['Tanh', 'ReLU', 'Tanh'])
    case('discriminator', discriminator, rng.uniform(-1, 1, (5, 36)), activations=['Tanh', 'Tanh', 'Tanh', 'Sigmoid'])
    return out, describe(about)


# ---- optimizers, schedules, clipping, averaging ----

SHAPES, STEPS = [(3, 4), (4,), (1,)], 10

OPTIMIZERS = {
    'sgd': (torch.optim.SGD, dict(lr=0.1)),
    'sgd_momentum': (torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    'sgd_nesterov': (torch.optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True)),
    'sgd_weight_decay': (torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.01)),
    'adam': (torch.optim.Adam, dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8)),
    'adam_decay': (torch.optim.Adam, dict(lr=2e-3, betas=(0.0, 0.99), eps=1e-8, weight_decay=0.01)),
    'adam_f32': (torch.optim.Adam, dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8)),
    'adamw': (torch.optim.AdamW, dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)),
    'rmsprop': (torch.optim.RMSprop, dict(lr=1e-2, alpha=0.99, eps=1e-8)),
    'rmsprop_centered': (torch.optim.RMSprop, dict(lr=1e-2, alpha=0.9, eps=1e-8, momentum=0.9, centered=True)),
    'rmsprop_decay': (torch.optim.RMSprop, dict(lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.01)),
}


def optimizers():
    rng = np.random.default_rng(3)
    out, about = {}, {}

    def draw():
        return [rng.standard_normal(s) for s in SHAPES]

    def put(prefix, values):
        for i, v in enumerate(values):
            out[f'{prefix}.{i}'] = v.numpy(force=True) if torch.is_tensor(v) else v

    for name, (kind, options) in OPTIMIZERS.items():
        dtype = torch.float32 if name.endswith('_f32') else torch.float64
        params = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in draw()]
        optimizer = kind(params, **options)
        put(f'{name}.param', [p.clone() for p in params])
        for step in range(STEPS):
            for p, g in zip(params, draw()):
                p.grad = torch.tensor(g, dtype=dtype)
            params[1].grad[step % 4] = 0                  # a dead unit
            put(f'{name}.grad.{step}', [p.grad for p in params])
            optimizer.step()
            put(f'{name}.after.{step}', [p.clone() for p in params])
        about[name] = {'optimizer': kind.__name__, 'steps': STEPS, 'dtype': str(dtype)[6:]} | options

    def schedule(name, kind, **options):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        scheduler, values = kind(optimizer, **options), []
        for _ in range(20):
            values.append(optimizer.param_groups[0]['lr'])
            optimizer.step()
            scheduler.step()
        out[f'{name}.values'] = np.array(values)
        about[name] = {'schedule': kind.__name__, 'lr': 0.1} | options

    schedule('step_lr', torch.optim.lr_scheduler.StepLR, step_size=6, gamma=0.5)
    schedule('cosine_lr', torch.optim.lr_scheduler.CosineAnnealingLR, T_max=15, eta_min=0.01)
    schedule('linear_lr', torch.optim.lr_scheduler.LinearLR, start_factor=0.25, end_factor=1.0, total_iters=8)

    def clip(name, function, grads, **options):
        params = [torch.zeros(s, dtype=torch.float64, requires_grad=True) for s in SHAPES]
        for p, g in zip(params, grads):
            p.grad = torch.tensor(g)
        put(f'{name}.grad', grads)
        norm = function(params, *options.values())
        if norm is not None:
            out[f'{name}.norm'] = norm.numpy()
        put(f'{name}.after', [p.grad for p in params])
        about[name] = options

    clip('clip_norm', torch.nn.utils.clip_grad_norm_, draw(), max_norm=1.5)
    clip('clip_norm_small', torch.nn.utils.clip_grad_norm_, [0.01 * g for g in draw()], max_norm=1.5)
    clip('clip_value', torch.nn.utils.clip_grad_value_, draw(), clip_value=0.5)

    average = draw()
    put('ema.param', average)
    for step in range(STEPS):
        values = draw()
        put(f'ema.value.{step}', values)
        average = [0.9 * a + 0.1 * v for a, v in zip(average, values)]
        put(f'ema.after.{step}', average)
    about['ema'] = {'decay': 0.9, 'steps': STEPS}
    return out, describe(about)


if __name__ == '__main__':
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, '..', '..')
    for path, make in (('nn/testdata/losses', losses), ('nn/testdata/layers', layers),
                       ('optim/testdata/optim', optimizers)):
        path = os.path.join(root, path + '.safetensors')
        tensors.save(path, *make())
        print(os.path.normpath(path), os.path.getsize(path), 'bytes')
