#!/usr/bin/env python3
"""Write the kernel distances, densities and coverages that the tests of gan/metrics compare with, by their definitions.

Run:    python3 bench/golden/make_overlap.py [REPOSITORY]     (default: two folders up)
Needs:  pip install numpy
Writes: gan/metrics/testdata/overlap.safetensors
bench/golden/README.md lists the keys.  Everything is float64.
"""
import os
import sys

import numpy as np

import tensors


def kernel(a, b):
    return (a @ b.T / a.shape[1] + 1) ** 3


def discrepancy(a, b):
    """The unbiased estimate of MMD² (Gretton et al., "A kernel two-sample test", 2012, lemma 6)."""
    n, m = len(a), len(b)
    return ((kernel(a, a).sum() - np.trace(kernel(a, a))) / (n * (n - 1)) +
            (kernel(b, b).sum() - np.trace(kernel(b, b))) / (m * (m - 1)) - 2 * kernel(a, b).mean())


def in_blocks(a, b, blocks):
    """The mean over blocks, of which the i-th of both sets are compared, and its standard error."""
    cut = lambda x, i: x[i * len(x) // blocks:(i + 1) * len(x) // blocks]
    values = [discrepancy(cut(a, i), cut(b, i)) for i in range(blocks)]
    return np.array([np.mean(values), np.std(values, ddof=1) / np.sqrt(blocks) if blocks > 1 else np.nan])


def distances(a, b):
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(2))


def density_coverage(real, fake, k):
    """Equations 3 and 4 of Naeem et al., 2020."""
    radius = np.sort(distances(real, real), 1)[:, k]          # the nearest is the point itself
    inside = distances(real, fake) <= radius[:, None]
    return np.array([inside.sum() / (k * len(fake)), inside.any(1).mean()])


rng = np.random.default_rng(5)
cases = {
    'plain': (rng.standard_normal((120, 5)), rng.standard_normal((90, 5)) + 0.4),
    'one': (rng.normal(1, 2, (40, 1)), rng.normal(0, 1, (50, 1))),
    'rectified': tuple(np.maximum(rng.standard_normal((101, 12)) + shift, 0) for shift in (0, 0.3)),
    'narrow': (rng.standard_normal((80, 3)), 0.1 * rng.standard_normal((60, 3))),
    'far': (rng.standard_normal((30, 4)), rng.standard_normal((31, 4)) + 50),
}
out = {}
for name, (a, b) in cases.items():
    out |= {f'{name}.a': a, f'{name}.b': b, f'{name}.kernel.1': in_blocks(a, b, 1)[:1], f'{name}.kernel.3': in_blocks(a, b, 3)}
    for k in (1, 5):
        out[f'{name}.density_coverage.{k}'] = density_coverage(a, b, k)
    print(name, out[f'{name}.kernel.3'], out[f'{name}.density_coverage.5'])

root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
tensors.save(os.path.join(root, 'gan/metrics/testdata/overlap.safetensors'), out,
             {'numpy': np.__version__, 'script': 'bench/golden/make_overlap.py'})
