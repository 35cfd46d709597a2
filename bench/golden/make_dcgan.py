#!/usr/bin/env python3
"""Write files of a DCGAN's generator that PyTorch has trained, as other people's programs save them.

Run:    python3 bench/golden/make_dcgan.py [REPOSITORY]     (default: two folders up)
        python3 bench/golden/make_dcgan.py --check FILE     loads what examples/convert made of dcgan.pth with -prefix
                                                            main, draws, and compares; exit status 1 if it differs
Needs:  pip install torch numpy safetensors
Writes: nn/torch/testdata/dcgan.pth            the state_dict of a class with a field "main"
        nn/torch/testdata/checkpoint.pth       a checkpoint: both networks, one of them DataParallel, in float16 and
                                               channels_last, an optimizer, numbers; the old spectral_norm
        nn/torch/testdata/dcgan.safetensors    "latent", and "samples" as PyTorch draws them

The networks are those of Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional
generative adversarial networks", 2016, on images of 32x32 pixels, with few channels. They see fifty batches of noise
in squares, so that all weights and running averages are what training makes of them.
"""
import os
import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn

LATENT, WIDTH = 16, 4


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        up = lambda i, o: [nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(True)]
        self.main = nn.Sequential(
            nn.ConvTranspose2d(LATENT, 4 * WIDTH, 4, 1, 0, bias=False), nn.BatchNorm2d(4 * WIDTH), nn.ReLU(True),
            *up(4 * WIDTH, 2 * WIDTH), *up(2 * WIDTH, WIDTH),
            nn.ConvTranspose2d(WIDTH, 3, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        norm = torch.nn.utils.spectral_norm
        self.main = nn.Sequential(
            norm(nn.Conv2d(3, WIDTH, 4, 2, 1)), nn.LeakyReLU(0.2), norm(nn.Conv2d(WIDTH, WIDTH, 4, 2, 1)), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(64 * WIDTH, 1))

    def forward(self, x):
        return self.main(x)


HERE = os.path.join(os.path.dirname(__file__), '..', '..')


def testdata(repository):
    return os.path.join(repository, 'nn', 'torch', 'testdata')


def check(path):
    g = Generator().eval()
    print(g.load_state_dict(load_file(path)))
    values = load_file(os.path.join(testdata(HERE), 'dcgan.safetensors'))
    with torch.no_grad():
        difference = (g(values['latent'][:, :, None, None]) - values['samples']).abs().max().item()
    print(f'PyTorch {torch.__version__}: largest difference {difference:.3g}')
    return difference <= 1e-5                             # false for NaN


def main(repository):
    torch.manual_seed(1)
    folder = testdata(repository)
    os.makedirs(folder, exist_ok=True)
    g, d = Generator(), nn.DataParallel(Discriminator())
    steps = [torch.optim.Adam(m.parameters(), lr=2e-3, betas=(0.5, 0.999)) for m in (g, d)]
    loss = nn.BCEWithLogitsLoss()
    for _ in range(50):
        real = nn.functional.interpolate(torch.rand(32, 3, 4, 4) * 2 - 1, scale_factor=8)
        fake = g(torch.randn(32, LATENT, 1, 1))
        steps[1].zero_grad()
        (loss(d(real), torch.ones(32, 1)) + loss(d(fake.detach()), torch.zeros(32, 1))).backward()
        steps[1].step()
        steps[0].zero_grad()
        loss(d(fake), torch.ones(32, 1)).backward()
        steps[0].step()

    g.eval()
    z = torch.randn(3, LATENT)
    with torch.no_grad():
        samples = g(z[:, :, None, None])
    save_file({'latent': z, 'samples': samples}, os.path.join(folder, 'dcgan.safetensors'),
              metadata={'torch': torch.__version__, 'script': 'bench/golden/make_dcgan.py'})
    torch.save(g.state_dict(), os.path.join(folder, 'dcgan.pth'))
    torch.save({
        'epoch': 7, 'loss': 0.25, 'name': 'DCGAN', 'args': {'lr': 2e-3, 'betas': (0.5, 0.999), 'resume': None},
        'netG': g.state_dict(), 'netD': d.state_dict(), 'optimizer': steps[0].state_dict(),
        'half': {k: v.half().to(memory_format=torch.channels_last) if v.dim() == 4 else v for k, v in g.state_dict().items()},
    }, os.path.join(folder, 'checkpoint.pth'))


if __name__ == '__main__':
    if sys.argv[1:2] == ['--check']:
        sys.exit(0 if check(sys.argv[2]) else 1)
    main(sys.argv[1] if len(sys.argv) > 1 else HERE)
