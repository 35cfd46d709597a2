#!/usr/bin/env python3
"""Write the values of spectral normalisation from PyTorch that the tests of nn compare with.

Run:    python3 bench/golden/make_spectral.py [REPOSITORY]     (default: two folders up)
Needs:  pip install torch numpy
Writes: nn/testdata/spectral.safetensors
bench/golden/README.md lists the keys.  Everything is float64.
"""
import json
import os
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

import tensors

STEPS = 6
LR, BETAS, EPS = 0.02, (0.5, 0.9), 1e-8


def pair(n):
    return list(n) if isinstance(n, tuple) else [n, n]


def conv(kind, i, o, kernel, stride=1, padding=0, groups=1, bias=True):
    """A convolution, and Gander's description of it."""
    module = getattr(nn, kind.replace('D', 'd'))(i, o, kernel, stride=stride, padding=padding, groups=groups, bias=bias)
    return module, {'type': kind, 'in': i, 'out': o, 'kernel': pair(kernel), 'stride': pair(stride), 'padding': pair(padding),
                    'dilation': [1, 1], 'groups': groups, 'bias': bias}


def linear(i, o, bias=True):
    return nn.Linear(i, o, bias=bias), {'type': 'Linear', 'in': i, 'out': o, 'bias': bias}


def normalised(layer, iterations=1, eps=1e-12):
    module, architecture = layer
    module = spectral_norm(module, n_power_iterations=iterations, eps=eps)
    return module, {'type': 'SpectralNorm', 'layer': architecture, 'iterations': iterations, 'eps': eps}


def randomise(module, rng):
    """First values that do not depend on PyTorch's own, and vectors that have not converged."""
    for p in module.parameters():
        p.data = torch.tensor(rng.standard_normal(p.shape) / p[0].numel() ** 0.5)
    for b in module.buffers():
        b.data = F.normalize(torch.tensor(rng.uniform(0.2, 1, b.shape)), dim=0)


def put(out, prefix, values):
    for name, t in values.items():
        out[f'{prefix}.{name}'] = t.detach().numpy().copy()


def layers(out, about):
    """As conv_layers of make_golden.py."""
    rng = np.random.default_rng(1)
    numbers, pictures = rng.standard_normal((3, 5)), rng.standard_normal((2, 2, 4, 3))
    for name, layer, x in (
            ('linear', normalised(linear(5, 4)), numbers),
            ('linear_nobias', normalised(linear(5, 2, False), 3), numbers),
            ('conv', normalised(conv('Conv2D', 2, 3, 3, padding=1)), pictures),
            ('conv_groups', normalised(conv('Conv2D', 2, 4, (2, 3), stride=2, groups=2), 2, 0.5), pictures),
            ('transposed', normalised(conv('ConvTranspose2D', 2, 3, 3, stride=2, padding=1)), pictures),
            ('transposed_groups', normalised(conv('ConvTranspose2D', 2, 4, (2, 3), groups=2, bias=False), 2), pictures),
            ('embedding', normalised((nn.Embedding(5, 3), {'type': 'Embedding', 'n': 5, 'dim': 3})), np.array([[4, 0, 1], [1, 1, 3]]))):
        for train in True, False:
            case = name if train else f'{name}_eval'
            module, architecture = layer
            module = module.double().train(train)
            randomise(module, rng)
            about[case] = {'architecture': architecture, 'train': train}
            put(out, f'{case}.param', module.state_dict())
            x = torch.as_tensor(x)
            inputs = [x.requires_grad_()] if x.is_floating_point() else []
            params = dict(module.named_parameters())
            y = module(x)                                 # once: each pass in training iterates
            vector = torch.tensor(rng.standard_normal(y.shape))
            leaves = ['input', *params][1 - len(inputs):], [*inputs, *params.values()]
            first = torch.autograd.grad((y * vector).sum(), leaves[1], create_graph=True)
            second = torch.autograd.grad((first[0] ** 2).sum(), leaves[1], allow_unused=True)
            second = [torch.zeros_like(p) if g is None else g for p, g in zip(leaves[1], second)]
            put(out, case, {'input': x.double(), 'output': y, 'vector': vector})
            put(out, f'{case}.grad', dict(zip(leaves[0], first)))
            put(out, f'{case}.grad2', dict(zip(leaves[0], second)))
            put(out, f'{case}.after', dict(module.named_buffers()))


def training(out, about):
    """A critic learns by Adam from a loss with a gradient penalty."""
    rng = np.random.default_rng(2)
    parts = [normalised(conv('Conv2D', 1, 4, 3, padding=1)), (nn.LeakyReLU(0.2), {'type': 'LeakyReLU', 'slope': 0.2}),
             normalised(conv('ConvTranspose2D', 4, 2, 2, stride=2), 2), (nn.Tanh(), {'type': 'Tanh'}),
             (nn.Flatten(), {'type': 'Flatten'}),
             normalised(linear(96, 6)), (nn.LeakyReLU(0.2), {'type': 'LeakyReLU', 'slope': 0.2}),
             normalised(linear(6, 1))]
    model = nn.Sequential(*(module for module, _ in parts)).double().train()
    randomise(model, rng)
    about['training'] = {'architecture': {'type': 'Sequential', 'layers': [a for _, a in parts]},
                         'steps': STEPS, 'lr': LR, 'betas': BETAS, 'eps': EPS, 'loss': 'mean(softplus(-y)) + mean(|dy/dx|^2)'}
    put(out, 'training.param', model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, betas=BETAS, eps=EPS)
    for step in range(STEPS):
        x = torch.tensor(rng.standard_normal((3, 1, 4, 3)), requires_grad=True)
        y = model(x)
        slope, = torch.autograd.grad(y.sum(), x, create_graph=True)
        loss = F.softplus(-y).mean() + slope.square().sum((1, 2, 3)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        put(out, f'training.{step}', {'input': x, 'loss': loss})
        put(out, f'training.{step}.after', model.state_dict())
    put(out, 'training', {'evaluated': model.eval()(x)})


if __name__ == '__main__':
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, '..', '..')
    out, about = {}, {}
    layers(out, about)
    training(out, about)
    meta = {'torch': torch.__version__, 'script': 'bench/golden/make_spectral.py'}
    path = os.path.join(root, 'nn/testdata/spectral.safetensors')
    tensors.save(path, out, meta | {name: json.dumps(a) for name, a in about.items()})
    print(os.path.normpath(path), os.path.getsize(path), 'bytes')
