#!/usr/bin/env python3
"""The classic MNIST GAN as tutorials write it in PyTorch: the reference for behaviour and for time per epoch.

Run:    python3 bench/peers/classic_gan.py MNIST_DIR [--epochs 1] [--threads 2] [--save FOLDER]
Needs:  pip install -r bench/peers/requirements.txt, and MNIST's four .gz files in MNIST_DIR

Prints one line per epoch in the format of Go benchmarks.  The losses are means over the epoch.
"""
import argparse
import gzip
import os
import shutil
import tempfile
import time

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST
from tqdm import tqdm


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(128, 256), nn.Tanh(),
            nn.Linear(256, 512), nn.ReLU(),
            nn.Linear(512, 784), nn.Tanh())

    def forward(self, x):
        return self.fc(x)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(784, 512), nn.Tanh(),
            nn.Linear(512, 256), nn.Tanh(),
            nn.Linear(256, 128), nn.Tanh(),
            nn.Linear(128, 1), nn.Sigmoid())

    def forward(self, x):
        return self.fc(x)


def train(root, epochs, save):
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean=0.5, std=0.5)])
    data = MNIST(root, transform=transform, download=False)
    loader = DataLoader(data, batch_size=64, num_workers=4, shuffle=True)
    G, D = Generator(), Discriminator()
    g_optimizer = torch.optim.Adam(G.parameters(), lr=1e-4)
    d_optimizer = torch.optim.Adam(D.parameters(), lr=1e-4)
    bce = nn.BCELoss()
    for epoch in range(epochs):
        start, d_sum, g_sum = time.perf_counter(), 0, 0
        for x, _ in tqdm(loader, disable=None):
            x = x.reshape(-1, 784)
            z = torch.normal(0, 1, size=(x.shape[0], 128))

            real = D(x)
            real_loss = bce(real, torch.ones_like(real))
            fake_x = G(z)
            fake = D(fake_x.detach())
            fake_loss = bce(fake, torch.zeros_like(fake))
            d_loss = real_loss + fake_loss
            d_optimizer.zero_grad()
            d_loss.backward()
            d_optimizer.step()

            judged = D(fake_x)
            g_loss = bce(judged, torch.ones_like(judged))
            g_optimizer.zero_grad()
            g_loss.backward()
            g_optimizer.step()

            with torch.no_grad():
                d_sum += d_loss
                g_sum += g_loss
        elapsed, steps = time.perf_counter() - start, len(loader)
        print(f'BenchmarkEpoch/impl=torch-classic/threads={torch.get_num_threads()} 1 {elapsed * 1e9:.0f} ns/op '
              f'{elapsed:.2f} s/epoch {elapsed / steps * 1e3:.3f} ms/step '
              f'{float(d_sum) / steps:.4f} d-loss {float(g_sum) / steps:.4f} g-loss', flush=True)
        if save:
            torch.save(G, os.path.join(save, 'G.pth'))
            torch.save(D, os.path.join(save, 'D.pth'))


def unpack(source, root):
    """Lay the .gz files out as torchvision wants them: unpacked in root/MNIST/raw."""
    raw = os.path.join(root, 'MNIST', 'raw')
    os.makedirs(raw)
    for name in os.listdir(source):
        if name.endswith('-ubyte.gz'):
            with gzip.open(os.path.join(source, name)) as f, open(os.path.join(raw, name[:-3]), 'wb') as g:
                shutil.copyfileobj(f, g)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description='Train the classic MNIST GAN in PyTorch.')
    parser.add_argument('mnist', help="folder with MNIST's .gz files")
    parser.add_argument('--epochs', type=int, default=1)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--save', help='folder for G.pth and D.pth')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        unpack(args.mnist, folder)
        train(folder, args.epochs, args.save)
