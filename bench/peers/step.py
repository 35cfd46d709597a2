#!/usr/bin/env python3
"""Time one step of the classic MNIST GAN in PyTorch, the images already in one tensor.

Run:    python3 bench/peers/step.py MNIST_DIR VARIANT THREADS [--steps 60]
Needs:  pip install -r bench/peers/requirements.txt, and train-images-idx3-ubyte.gz in MNIST_DIR

VARIANT is
    classic   the loop as tutorials write it: Adam with its defaults, D's weight gradients computed in G's phase too
    foreach   Adam over lists of tensors, D frozen in G's phase
    fused     Adam in one kernel, D frozen in G's phase
    compile   fused, with both networks under torch.compile (needs a C++ compiler)

With stock glibc a good part of the step goes to page faults.  These settings avoid that, and add "+malloc" to the name:
    MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=67108864

Prints one line in the format of Go benchmarks: the mean over the steps.
"""
import argparse
import gzip
import os
import time

import numpy as np
import torch
from torch import nn

BATCH, LATENT = 64, 128

parser = argparse.ArgumentParser(description='Time one step of the classic MNIST GAN in PyTorch.')
parser.add_argument('mnist', help='folder with train-images-idx3-ubyte.gz')
parser.add_argument('variant', choices=['classic', 'foreach', 'fused', 'compile'])
parser.add_argument('threads', type=int)
parser.add_argument('--steps', type=int, default=60)
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(0)
tuned = args.variant != 'classic'

with gzip.open(os.path.join(args.mnist, 'train-images-idx3-ubyte.gz')) as f:
    pixels = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 784)
images = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1)

G = nn.Sequential(nn.Linear(LATENT, 256), nn.Tanh(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784), nn.Tanh())
D = nn.Sequential(nn.Linear(784, 512), nn.Tanh(), nn.Linear(512, 256), nn.Tanh(),
                  nn.Linear(256, 128), nn.Tanh(), nn.Linear(128, 1), nn.Sigmoid())
options = {'foreach': {'foreach': True}, 'fused': {'fused': True}, 'compile': {'fused': True}}.get(args.variant, {})
d_optimizer, g_optimizer = (torch.optim.Adam(net.parameters(), lr=1e-4, **options) for net in (D, G))
run_D, run_G = (torch.compile(D), torch.compile(G)) if args.variant == 'compile' else (D, G)
bce = nn.BCELoss()
order = torch.randperm(len(images))
position = 0
sums = torch.zeros(2)


def step():
    global position
    x = images[order[position:position + BATCH]]
    position = (position + BATCH) % (len(images) - BATCH)
    z = torch.normal(0, 1, size=(BATCH, LATENT))

    real = run_D(x)
    fake_x = run_G(z)
    fake = run_D(fake_x.detach())
    d_loss = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    D.requires_grad_(not tuned)
    judged = run_D(fake_x)
    g_loss = bce(judged, torch.ones_like(judged))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    D.requires_grad_(True)
    with torch.no_grad():
        sums[0] += d_loss
        sums[1] += g_loss


for _ in range(20):
    step()
sums.zero_()
start = time.perf_counter()
for _ in range(args.steps):
    step()
seconds = (time.perf_counter() - start) / args.steps
name = args.variant + ('+malloc' if 'MALLOC_MMAP_THRESHOLD_' in os.environ else '')
d_mean, g_mean = (sums / args.steps).tolist()
print(f'BenchmarkClassicStep/impl=torch-{name}/threads={args.threads} {args.steps} {seconds * 1e9:.0f} ns/op '
      f'{seconds * 1e3:.3f} ms/step {d_mean:.4f} d-loss {g_mean:.4f} g-loss')
