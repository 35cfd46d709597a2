#!/usr/bin/env python3
"""Check that PyTorch reads a network that Gander saved and computes the same outputs.

Run:    python3 bench/golden/check_torch_load.py NETWORK.safetensors OUTPUTS.safetensors
        python3 bench/golden/check_torch_load.py --example FOLDER     (writes two such files)
Needs:  pip install torch numpy

NETWORK holds the state dict under PyTorch's names, and the architecture as JSON in the metadata
under "gander.architecture".  OUTPUTS holds "input", a batch, and, as Gander computed it, "output".
Prints the largest difference; the exit status is 1 when it exceeds 1e-5 or is not a number.
"""
import json
import os
import sys

import numpy as np
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

import tensors

ARCHITECTURE = 'gander.architecture'
TOLERANCE = 1e-5


def build(layer):
    """The PyTorch module for one description, a dict with the key "type"."""
    kind = layer['type']
    if kind == 'Sequential':
        return nn.Sequential(*map(build, layer['layers']))
    if kind == 'Linear':
        return nn.Linear(layer['in'], layer['out'], bias=layer['bias'])
    if kind in ('Conv2D', 'ConvTranspose2D'):
        options = {'output_padding': layer['output_padding']} if 'output_padding' in layer else {}
        return getattr(nn, kind.replace('D', 'd'))(
            layer['in'], layer['out'], layer['kernel'], stride=layer['stride'], padding=layer['padding'],
            dilation=layer['dilation'], groups=layer['groups'], bias=layer['bias'], **options)
    if kind == 'SpectralNorm':
        return spectral_norm(build(layer['layer']), n_power_iterations=layer['iterations'], eps=layer['eps'])
    if kind == 'LeakyReLU':
        return nn.LeakyReLU(layer['slope'])
    if kind == 'Reshape':                                 # of each sample
        return nn.Sequential(nn.Flatten(), nn.Unflatten(1, layer['shape']))
    if kind in ('Tanh', 'ReLU', 'Sigmoid', 'Softplus', 'Flatten'):
        return getattr(nn, kind)()
    raise ValueError(f'no PyTorch module for {kind}')


def check(network, outputs):
    state, meta = tensors.load(network)
    model = build(json.loads(meta[ARCHITECTURE]))
    values, _ = tensors.load(outputs)
    x, want = (torch.from_numpy(values[key].copy()) for key in ('input', 'output'))
    model.to(x.dtype).eval()
    model.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in state.items()})
    with torch.no_grad():
        got = model(x)
    if got.shape != want.shape:
        print(f'PyTorch {torch.__version__}: output is {list(got.shape)}, Gander wrote {list(want.shape)}')
        return False
    difference = (got - want).abs().max().item()
    print(f'PyTorch {torch.__version__}: {len(state)} tensors loaded, output {list(got.shape)}, '
          f'largest difference {difference:.3g}')
    return difference <= TOLERANCE                        # false for NaN


def example(folder):
    """Write a network of every kind of layer and its outputs, computed in numpy."""
    rng = np.random.default_rng(1)
    weights = {'0.weight': (6, 4), '0.bias': (6,), '2.weight': (8, 6), '4.0.weight': (12, 8), '4.0.bias': (12,)}
    state = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in weights.items()}
    layers = [
        {'type': 'Linear', 'in': 4, 'out': 6, 'bias': True}, {'type': 'Tanh'},
        {'type': 'Linear', 'in': 6, 'out': 8, 'bias': False}, {'type': 'LeakyReLU', 'slope': 0.2},
        {'type': 'Sequential', 'layers': [{'type': 'Linear', 'in': 8, 'out': 12, 'bias': True}, {'type': 'ReLU'}]},
        {'type': 'Softplus'}, {'type': 'Reshape', 'shape': [3, 2, 2]}, {'type': 'Flatten'}, {'type': 'Sigmoid'},
        {'type': 'Reshape', 'shape': [1, 3, 4]}]
    x = rng.standard_normal((5, 4)).astype(np.float32)
    y = np.tanh(x @ state['0.weight'].T + state['0.bias']) @ state['2.weight'].T
    y = np.where(y > 0, y, np.float32(0.2) * y)
    y = np.maximum(y @ state['4.0.weight'].T + state['4.0.bias'], 0)
    y = 1 / (1 + np.exp(-np.log1p(np.exp(y))))
    architecture = json.dumps({'type': 'Sequential', 'layers': layers})
    tensors.save(os.path.join(folder, 'network.safetensors'), state, {ARCHITECTURE: architecture})
    tensors.save(os.path.join(folder, 'outputs.safetensors'), {'input': x, 'output': y.reshape(5, 1, 3, 4)}, {})


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if sys.argv[1] == '--example':
        example(sys.argv[2])
    else:
        sys.exit(0 if check(*sys.argv[1:]) else 1)
