#!/usr/bin/env python3
"""Write a reference trajectory: PyTorch trains the classic MNIST GAN on given batches.

Another implementation that starts from the same weights and sees the same batches
must report the same losses and end at the same weights.

Run:    python3 bench/golden/make_trajectory.py MNIST_DIR OUT.safetensors [options]   (--help lists them)
Needs:  pip install torch numpy, and train-images-idx3-ubyte.gz in MNIST_DIR

Keys of the file:
    initial.generator.*, initial.discriminator.*   weights [out, in] and biases by state-dict name
    rows      [steps, batch] int64    MNIST training images of each batch
    latent    [steps, batch, latent]  z of each step
    losses    [steps, 3] float64      BCE(D(x),1), BCE(D(G(z)),0); BCE(D(G(z)),1) after D's update
    final.generator.*, final.discriminator.*       weights after the last step
The metadata holds batch, steps, adam_lr (betas 0.9 and 0.999, eps 1e-8), side, dtype, the
sizes and the activations.  Pixels are x/255, at side 14 the means of 2x2 blocks, then (x-0.5)/0.5.

Each step updates D on the sum of its two losses with G(z) detached, then G through the
updated D on the same G(z).  G's hidden activations are Tanh and ReLU in turn and its last
is Tanh; D's are Tanh and a Sigmoid at the end.  The files in bench/trajectory/testdata
follow this layout.
"""
import argparse
import gzip
import os

import numpy as np
import torch
from torch import nn

import tensors


def mnist(folder):
    """The 60,000 training images, uint8 [60000, 28, 28]."""
    with gzip.open(os.path.join(folder, 'train-images-idx3-ubyte.gz')) as f:
        return np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28)


def mlp(sizes, activations, dtype):
    layers = []
    for fan_in, fan_out, name in zip(sizes, sizes[1:], activations):
        layers += [nn.Linear(fan_in, fan_out), getattr(nn, name)()]
    return nn.Sequential(*layers).to(dtype)


def pixels(images, side, dtype):
    """A batch of images as rows of side*side numbers in [-1, 1]."""
    x = images.astype(np.float64) / 255
    if side == 14:
        x = x.reshape(-1, 14, 2, 14, 2).mean((2, 4))
    return torch.tensor((x.reshape(len(x), -1) - 0.5) / 0.5, dtype=dtype)


def train(images, g_sizes, d_sizes, batch, steps, lr, dtype, seed):
    side = {196: 14, 784: 28}[g_sizes[-1]]
    hidden = len(g_sizes) - 2
    g_names = ['Tanh' if i % 2 == 0 else 'ReLU' for i in range(hidden)] + ['Tanh']
    d_names = ['Tanh'] * (len(d_sizes) - 2) + ['Sigmoid']
    torch.manual_seed(seed)
    nets = {'generator': mlp(g_sizes, g_names, dtype), 'discriminator': mlp(d_sizes, d_names, dtype)}
    G, D = nets.values()
    out = {}

    def keep(when):
        for net, module in nets.items():
            for name, value in module.state_dict().items():
                out[f'{when}.{net}.{name}'] = value.numpy().copy()

    keep('initial')
    g_adam, d_adam = (torch.optim.Adam(net.parameters(), lr=lr) for net in (G, D))
    bce = nn.BCELoss()
    rng = np.random.default_rng(seed)
    rows = np.stack([rng.choice(len(images), batch, replace=False) for _ in range(steps)])
    latent = torch.tensor(rng.standard_normal((steps, batch, g_sizes[0])), dtype=dtype)
    ones, zeros = torch.ones(batch, 1, dtype=dtype), torch.zeros(batch, 1, dtype=dtype)
    losses = []
    for row, z in zip(rows, latent):
        real_loss = bce(D(pixels(images[row], side, dtype)), ones)
        fake = G(z)
        fake_loss = bce(D(fake.detach()), zeros)
        d_adam.zero_grad()
        (real_loss + fake_loss).backward()
        d_adam.step()
        g_loss = bce(D(fake), ones)
        g_adam.zero_grad()
        g_loss.backward()
        g_adam.step()
        losses.append([real_loss.item(), fake_loss.item(), g_loss.item()])
    keep('final')
    out |= {'rows': rows.astype(np.int64), 'latent': latent.numpy(), 'losses': np.array(losses)}
    meta = {'batch': batch, 'steps': steps, 'adam_lr': lr, 'side': side, 'dtype': dtype, 'seed': seed,
            'generator': '-'.join(map(str, g_sizes)), 'discriminator': '-'.join(map(str, d_sizes)),
            'generator.activations': ','.join(g_names), 'discriminator.activations': ','.join(d_names),
            'torch': torch.__version__, 'script': 'bench/golden/make_trajectory.py'}
    return out, meta


def sizes(text):
    return [int(n) for n in text.split('-')]


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description='Write a reference trajectory of the classic MNIST GAN.')
    parser.add_argument('mnist', help='folder with train-images-idx3-ubyte.gz')
    parser.add_argument('out', help='safetensors file to write')
    parser.add_argument('--generator', type=sizes, default=sizes('16-32-64-196'), help='layer sizes, ending in 196 or 784')
    parser.add_argument('--discriminator', type=sizes, default=sizes('196-64-32-16-1'), help='layer sizes, ending in 1')
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--steps', type=int, default=100)
    parser.add_argument('--lr', type=float, default=1e-3)
    parser.add_argument('--dtype', choices=['f32', 'f64'], default='f64')
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    g_sizes, d_sizes = args.generator, args.discriminator
    if g_sizes[-1] not in (196, 784) or d_sizes[0] != g_sizes[-1] or d_sizes[-1] != 1:
        parser.error('the generator must end in 196 or 784 pixels, which the discriminator takes to 1')
    dtype = {'f32': torch.float32, 'f64': torch.float64}[args.dtype]
    result = train(mnist(args.mnist), g_sizes, d_sizes, args.batch, args.steps, args.lr, dtype, args.seed)
    tensors.save(args.out, *result)
    print(args.out, os.path.getsize(args.out), 'bytes; losses', *result[0]['losses'][[0, -1]])
