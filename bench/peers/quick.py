#!/usr/bin/env python3
"""Time one step of the quick recipe in PyTorch: small convolutional networks that know classes, relativistic pairs, R1, R2.

Run:    python3 bench/peers/quick.py MNIST_DIR VARIANT THREADS [--steps 60]
Needs:  pip install -r bench/peers/requirements.txt, and the two t10k files in MNIST_DIR

VARIANT is
    double    the penalties by double backward, as everybody writes them; channels first, Adam over lists of tensors
    fused     the same with channels last and Adam in one kernel
    exact     fused, with D's gradient in the form that needs no second derivatives (see gan/exact.go)
    compile   exact, with that form and G under torch.compile (needs a C++ compiler)
    check     times nothing: compares the exact form with double backward, in float64

Set MALLOC_… as for step.py. Prints one line in the format of Go benchmarks: the mean over the steps.
"""
import argparse
import gzip
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_weight

BATCH, LATENT, CLASSES, SLOPE, GAMMA = 64, 100, 10, 0.2, 0.5

parser = argparse.ArgumentParser(description='Time one step of the quick recipe in PyTorch.')
parser.add_argument('mnist', help='folder with t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz')
parser.add_argument('variant', choices=['double', 'fused', 'exact', 'compile', 'check'])
parser.add_argument('threads', type=int)
parser.add_argument('--steps', type=int, default=60)
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(0)
if args.variant == 'check':
    torch.set_default_dtype(torch.float64)
plain = args.variant == 'double'
memory = torch.contiguous_format if plain else torch.channels_last

with gzip.open(os.path.join(args.mnist, 't10k-images-idx3-ubyte.gz')) as f:
    pixels = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
with gzip.open(os.path.join(args.mnist, 't10k-labels-idx1-ubyte.gz')) as f:
    labels = torch.from_numpy(np.frombuffer(f.read(), np.uint8, offset=8).astype(np.int64))
onehot = F.one_hot(labels, CLASSES).to(torch.get_default_dtype())
images = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).to(torch.get_default_dtype()).to(memory_format=memory)


def act():
    return nn.LeakyReLU(SLOPE)


class Generator(nn.Module):  # of 1.5 times the one-hot, beside the latent vector
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(LATENT + CLASSES, 160), act(), nn.Linear(160, 32 * 7 * 7))
        self.skip = nn.Linear(LATENT + CLASSES, 32 * 7 * 7, bias=False)
        self.draw = nn.Sequential(
            act(), nn.Unflatten(1, (32, 7, 7)),
            nn.Upsample(scale_factor=2), nn.Conv2d(32, 16, 3, padding=1), act(),
            nn.Upsample(scale_factor=2), nn.Conv2d(16, 1, 3, padding=1), nn.Tanh())

    def forward(self, z):
        return self.draw(self.body(z) + self.skip(z))


class Critic(nn.Module):  # has three times the one-hot beside the flattened features
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 16, 4, 2, 1), act(), nn.Conv2d(16, 32, 4, 2, 1), act(), nn.Flatten())
        self.answer = nn.Sequential(nn.Linear(32 * 7 * 7 + CLASSES, 128), act(), nn.Linear(128, 128), act(), nn.Linear(128, 1))

    def forward(self, x, label):
        return self.answer(torch.cat([self.features(x), 3 * label], 1))


G, D = Generator().to(memory_format=memory), Critic().to(memory_format=memory)
options = {'foreach': True} if plain else {'fused': True}
d_optimizer, g_optimizer = (torch.optim.Adam(net.parameters(), lr=2e-3, betas=(0.0, 0.9), **options) for net in (D, G))
average = [p.detach().clone() for p in G.parameters()]
run_G = torch.compile(G) if args.variant == 'compile' else G


def double(x, y, label):
    """D's gradients under R1 and R2, by differentiating twice."""
    x, y = x.requires_grad_(), y.requires_grad_()
    dx, dy = D(x, label), D(y, label)
    gx, = torch.autograd.grad(dx.sum(), x, create_graph=True)
    gy, = torch.autograd.grad(dy.sum(), y, create_graph=True)
    penalty = GAMMA / 2 * (gx.square().sum((1, 2, 3)).mean() + gy.square().sum((1, 2, 3)).mean())
    return torch.autograd.grad(F.softplus(dy - dx).mean() + penalty, list(D.parameters()))


@torch.no_grad()
def exact(x, y, label):
    """The same, at the price of first derivatives: D is linear between the kinks of its activations."""
    (c1, _, c2, _, _), (l1, _, l2, _, l3), n = D.features, D.answer, len(x)
    h0 = torch.cat([x, y]).contiguous(memory_format=memory)
    a1 = F.conv2d(h0, c1.weight, c1.bias, 2, 1)
    s1 = torch.where(a1 > 0, 1.0, SLOPE)
    h1 = a1 * s1
    a2 = F.conv2d(h1, c2.weight, c2.bias, 2, 1)
    s2 = torch.where(a2 > 0, 1.0, SLOPE)
    h2 = a2 * s2
    flat = torch.cat([h2.flatten(1), 3 * label.repeat(2, 1)], 1)
    a3 = F.linear(flat, l1.weight, l1.bias)
    s3 = torch.where(a3 > 0, 1.0, SLOPE)
    h3 = a3 * s3
    a4 = F.linear(h3, l2.weight, l2.bias)
    s4 = torch.where(a4 > 0, 1.0, SLOPE)
    h4 = a4 * s4
    d = F.linear(h4, l3.weight, l3.bias)
    loss_grad = torch.sigmoid(d[n:] - d[:n]) / n
    c = torch.cat([-loss_grad, loss_grad])
    # Back: the gradient of each output by the layers' outputs and by the sample.
    g4 = l3.weight * s4
    g3 = (g4 @ l2.weight) * s3
    of_features = l1.weight[:, :32 * 7 * 7]
    g2 = (g3 @ of_features).view_as(h2).contiguous(memory_format=memory) * s2
    g1 = F.conv_transpose2d(g2, c2.weight, None, 2, 1) * s1
    g0 = F.conv_transpose2d(g1, c1.weight, None, 2, 1)
    # Forth: the penalty's gradient by g0, through the linear parts.
    v0 = g0 * (GAMMA / n)
    v1 = F.conv2d(v0, c1.weight, None, 2, 1) * s1
    v2 = (F.conv2d(v1, c2.weight, None, 2, 1) * s2).flatten(1)
    v3 = F.linear(v2, of_features) * s3
    v4 = F.linear(v3, l2.weight) * s4
    v2 = F.pad(v2, (0, CLASSES))  # the label is given
    at = c[:, :, None, None]
    return [
        conv2d_weight(h0 * at + v0, c1.weight.shape, g1, 2, 1), (g1.sum((2, 3)) * c).sum(0),
        conv2d_weight(h1 * at + v1, c2.weight.shape, g2, 2, 1), (g2.sum((2, 3)) * c).sum(0),
        g3.t() @ (flat * c + v2), (g3 * c).sum(0), g4.t() @ (h3 * c + v3), (g4 * c).sum(0),
        (h4 * c + v4).sum(0, keepdim=True), c.sum(0)]


if args.variant == 'check':
    x, y, label = images[:8].clone(), torch.randn(8, 1, 28, 28), onehot[:8]
    for name, a, b in zip(dict(D.named_parameters()), exact(x, y, label), double(x, y, label)):
        print(f'{name}: largest relative difference {float((a - b).abs().max() / b.abs().max()):.1e}')
    raise SystemExit
d_gradients = {'exact': exact, 'compile': torch.compile(exact)}.get(args.variant, double)


def draw(label):
    return run_G(torch.cat([torch.randn(BATCH, LATENT), 1.5 * label], 1))


def step():
    at = torch.randint(0, len(images), (BATCH,))
    x, label = images[at], onehot[at]
    with torch.no_grad():
        y = draw(label)
    for p, g in zip(D.parameters(), d_gradients(x, y, label)):
        p.grad = g.contiguous(memory_format=memory) if g.dim() == 4 else g
    d_optimizer.step()
    D.requires_grad_(False)
    loss = F.softplus(D(x, label) - D(draw(label), label)).mean()
    g_optimizer.zero_grad()
    loss.backward()
    g_optimizer.step()
    D.requires_grad_(True)
    with torch.no_grad():
        torch._foreach_lerp_(average, list(G.parameters()), 0.01)


for _ in range(20):
    step()
start = time.perf_counter()
for _ in range(args.steps):
    step()
seconds = (time.perf_counter() - start) / args.steps
print(f'BenchmarkQuickStep/impl=torch-{args.variant}/threads={args.threads} {args.steps} {seconds * 1e9:.0f} ns/op '
      f'{seconds * 1e3:.3f} ms/step')
