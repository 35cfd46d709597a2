#!/usr/bin/env python3
"""Write the Fréchet distances from SciPy that the tests of gan/metrics compare with.

Run:    python3 bench/golden/make_metrics.py [REPOSITORY]     (default: two folders up)
Needs:  pip install scipy numpy
Writes: gan/metrics/testdata/frechet.safetensors
bench/golden/README.md lists the keys.  Everything is float64.
"""
import os
import sys

import numpy as np
import scipy
from scipy import linalg

import tensors


def distance(a, b):
    """The usual formula, with the root of the covariances' product."""
    difference = a.mean(0) - b.mean(0)
    s, t = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    return difference @ difference + np.trace(s) + np.trace(t) - 2 * np.trace(linalg.sqrtm(s @ t)).real


rng = np.random.default_rng(4)
correlated = rng.standard_normal((3, 12, 12)) * 0.5 ** np.arange(12)
cases = {
    'one': (rng.normal(1, 2, (50, 1)), rng.normal(0, 3, (40, 1))),
    'plain': (rng.standard_normal((200, 6)), rng.standard_normal((150, 6)) + 0.3),
    # Spectra that fall by a factor of 10⁷, in different directions.
    'steep': (rng.standard_normal((120, 12)) @ correlated[0], rng.standard_normal((90, 12)) @ correlated[1]),
    # As features after a ReLU are: never negative, and far from Gaussian.
    'rectified': tuple(np.maximum(rng.standard_normal((150, 12)) @ correlated[2] + shift, 0) for shift in (0, 0.5)),
    # Barely more samples than dimensions, at a large offset.
    'few': (rng.standard_normal((13, 12)) + 1000, rng.standard_normal((14, 12)) + 1001),
    'same': (rng.standard_normal((9, 4)),) * 2,
}
out = {}
for name, (a, b) in cases.items():
    out |= {f'{name}.a': a, f'{name}.b': b, f'{name}.distance': np.array(distance(a, b))}
    print(name, distance(a, b))

root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
tensors.save(os.path.join(root, 'gan/metrics/testdata/frechet.safetensors'), out,
             {'scipy': scipy.__version__, 'numpy': np.__version__, 'script': 'bench/golden/make_metrics.py'})
