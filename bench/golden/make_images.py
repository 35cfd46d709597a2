#!/usr/bin/env python3
"""Cut the MNIST pictures that a trajectory uses into one IDX file, in order of use.

So the test of bench/trajectory needs no copy of MNIST: picture i of the file is the
one that entry i of "rows" names.

Run:    python3 bench/golden/make_images.py MNIST_DIR TRAJECTORY.safetensors OUT.gz
Needs:  pip install safetensors numpy, and train-images-idx3-ubyte.gz in MNIST_DIR
"""
import gzip
import os
import struct
import sys

import numpy as np
from safetensors.numpy import load_file

folder, trajectory, out = sys.argv[1:]
with gzip.open(os.path.join(folder, 'train-images-idx3-ubyte.gz')) as f:
    images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28)
used = images[load_file(trajectory)['rows'].reshape(-1)]
with open(out, 'wb') as f, gzip.GzipFile(fileobj=f, mode='wb', compresslevel=9, mtime=0) as z:
    z.write(struct.pack('>4B3I', 0, 0, 8, 3, *used.shape) + used.tobytes())
print(out, os.path.getsize(out), 'bytes,', len(used), 'pictures')
