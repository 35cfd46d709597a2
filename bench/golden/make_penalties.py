#!/usr/bin/env python3
"""Write the losses and gradient penalties from PyTorch that the tests of gan compare with.

Run:    python3 bench/golden/make_penalties.py [REPOSITORY]     (default: two folders up)
Needs:  pip install torch numpy
Writes: gan/testdata/penalties.safetensors
bench/golden/README.md lists the keys.  Everything is float64.
"""
import json
import os
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import tensors

N = 4                                                     # samples of each kind


# ---- objectives: the discriminator's loss, the generator's ----

def bce(p, label):
    return F.binary_cross_entropy(p, torch.full_like(p, label))


def bce_logits(d, label):
    return F.binary_cross_entropy_with_logits(d, torch.full_like(d, label))


OBJECTIVES = {
    'minimax': (lambda r, f: bce_logits(r, 1) + bce_logits(f, 0), lambda r, f: -bce_logits(f, 0)),
    'nonsaturating': (lambda r, f: bce_logits(r, 1) + bce_logits(f, 0), lambda r, f: bce_logits(f, 1)),
    'leastsquares': (lambda r, f: (F.mse_loss(r, torch.ones_like(r)) + F.mse_loss(f, torch.zeros_like(f))) / 2,
                     lambda r, f: F.mse_loss(f, torch.ones_like(f)) / 2),
    'hinge': (lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(), lambda r, f: -f.mean()),
    'wasserstein': (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    'relativistic': (lambda r, f: F.softplus(f - r).mean(), lambda r, f: F.softplus(r - f).mean()),
    'relativisticaverage': (lambda r, f: bce_logits(r - f.mean(), 1) + bce_logits(f - r.mean(), 0),
                            lambda r, f: bce_logits(r - f.mean(), 0) + bce_logits(f - r.mean(), 1)),
}
CLASSIC = {'classic': (lambda r, f: bce(r, 1) + bce(f, 0), lambda r, f: bce(f, 1))}


# ---- penalties: one term per sample, weight 1 ----

def slope(critic, x):
    """The gradient of each sample's output by the sample, flat, as a function of the weights."""
    x = x.detach().requires_grad_()
    g, = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return g.flatten(1)


def between(critic, real, fake, epsilon):
    return slope(critic, epsilon * real + (1 - epsilon) * fake).norm(dim=1) - 1


PENALTIES = {
    'R1': lambda critic, real, fake, epsilon: slope(critic, real).square().sum(1) / 2,
    'R2': lambda critic, real, fake, epsilon: slope(critic, fake).square().sum(1) / 2,
    'gradient penalty': lambda *at: between(*at).square(),
    'gradient penalty, one-sided': lambda *at: between(*at).relu().square(),
}


# ---- critics of pictures [n, 1, 4, 4], how large their weights are, and what they play.  The same critics stand
# ---- in gan/penalty_golden_test.go.

def mlp(activation, *last):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 4), activation, nn.Linear(4, 3), activation, nn.Linear(3, 1), *last)


CONDITION = 3                                             # numbers in the condition of a sample


class Conditional(nn.Module):
    """A critic of samples whose condition c, of the real ones and of the generated ones alike, is a field."""

    def __init__(self, body, output):
        super().__init__()
        self.body, self.output, self.c = body, output, None

    def forward(self, x):
        return self.output(self.join(self.body(x)))

    def join(self, h):
        raise NotImplementedError


class Beside(Conditional):
    """The condition, times 2, is beside the features; beside images it is planes."""

    def join(self, h):
        c = 2 * self.c
        return torch.cat([h, c.reshape(c.shape + (1,) * (h.dim() - 2)).expand(-1, -1, *h.shape[2:])], 1)


class Embedded(Conditional):
    """An embedding of the condition is beside the features."""

    def __init__(self, body, embedding, output):
        super().__init__(body, output)
        del self.output                                   # the weights' order is that of the fields
        self.embedding = embedding
        self.output = output

    def join(self, h):
        return torch.cat([h, self.embedding(self.c)], 1)


class Projection(Conditional):
    def __init__(self, body, output, embedding):
        super().__init__(body, output)
        self.embedding = embedding

    def forward(self, x):
        h = self.body(x)
        return self.output(h) + (self.embedding(self.c) * h).sum(1, keepdim=True)


def features(activation):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 4), activation, nn.Linear(4, 3), activation)


CRITICS = {
    'leaky': (mlp(nn.LeakyReLU(0.2)), 1.5, OBJECTIVES),
    'tanh': (mlp(nn.Tanh()), 1.8, OBJECTIVES),
    'softplus': (mlp(nn.Softplus()), 2, OBJECTIVES),
    'convolution': (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.LeakyReLU(0.2),
                                  nn.Conv2d(2, 2, 3, stride=2, padding=1), nn.Tanh(),
                                  nn.Flatten(), nn.Linear(8, 1)), 1.5, OBJECTIVES),
    'probability': (mlp(nn.Tanh(), nn.Sigmoid()), 3, CLASSIC),
    'beside': (Beside(nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.LeakyReLU(0.2)),
                      nn.Sequential(nn.Linear(4 + CONDITION, 3), nn.LeakyReLU(0.2), nn.Linear(3, 1))), 1.8, OBJECTIVES),
    'planes': (Beside(nn.Identity(), nn.Sequential(nn.Conv2d(1 + CONDITION, 2, 3, padding=1), nn.LeakyReLU(0.2),
                                                   nn.Flatten(), nn.Linear(32, 1))), 2.2, OBJECTIVES),
    'embedded': (Embedded(features(nn.Tanh()), nn.Linear(CONDITION, 2, bias=False),
                          nn.Sequential(nn.Linear(5, 3), nn.LeakyReLU(0.2), nn.Linear(3, 1))), 2, OBJECTIVES),
    'projection': (Projection(features(nn.LeakyReLU(0.2)), nn.Linear(3, 1), nn.Linear(CONDITION, 3, bias=False)), 1.5, OBJECTIVES),
    'projection/tanh': (Projection(features(nn.Tanh()), nn.Linear(3, 1), nn.Linear(CONDITION, 3)), 1.5, OBJECTIVES),
}


def flat(grads):
    return torch.cat([g.flatten() for g in grads])


def main(root):
    rng = np.random.default_rng(47)
    out = {}
    for name, (critic, gain, objectives) in CRITICS.items():
        critic = critic.double()
        weights = list(critic.parameters())
        for w in weights:
            scale = gain / w[0].numel() ** 0.5 if w.dim() > 1 else 0.3
            w.data = torch.tensor(scale * rng.standard_normal(w.shape))
        real, fake = (torch.tensor(v) for v in rng.standard_normal((2, N, 1, 4, 4)))
        epsilon = torch.tensor(rng.uniform(0, 1, (N, 1, 1, 1)))
        condition = {}
        if isinstance(critic, Conditional):
            critic.c = torch.tensor(rng.standard_normal((N, CONDITION)))
            critic.c[:2] = torch.eye(CONDITION)[[2, 0]]   # two classes among other vectors
            condition = {'condition': critic.c}
        values = condition | {'weights': flat(weights), 'real': real, 'fake': fake, 'epsilon': epsilon}
        for key, (of_critic, of_generator) in objectives.items():
            loss = of_critic(critic(real), critic(fake))
            values[f'{key}.loss'] = loss
            values[f'{key}.grad'] = flat(torch.autograd.grad(loss, weights))
            on_fake = critic(fake)
            loss = of_generator(critic(real), on_fake)
            values[f'{key}.generator'] = loss
            values[f'{key}.generator.grad'], = torch.autograd.grad(loss, on_fake)
        for key, terms_of in PENALTIES.items():
            terms = terms_of(critic, real, fake, epsilon)
            # The last bias moves no slope, and PyTorch says so by None.
            grads = torch.autograd.grad(terms.mean(), weights, allow_unused=True)
            values[f'{key}.terms'] = terms
            values[f'{key}.grad'] = flat(torch.zeros_like(w) if g is None else g for w, g in zip(weights, grads))
        one_sided = values['gradient penalty, one-sided.terms']
        assert (one_sided == 0).any() and (one_sided > 0).any(), f'{name}: slopes on one side of 1 only; choose another gain'
        out |= {f'{name}.{key}': t.numpy(force=True) for key, t in values.items()}
    path = os.path.join(root, 'gan/testdata/penalties.safetensors')
    about = {name: json.dumps({'critic': str(critic)}) for name, (critic, *_) in CRITICS.items()}
    tensors.save(path, out, {'torch': torch.__version__, 'script': 'bench/golden/make_penalties.py'} | about)
    print(os.path.normpath(path), os.path.getsize(path), 'bytes')


if __name__ == '__main__':
    here = os.path.dirname(os.path.abspath(__file__))
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, '..', '..'))
