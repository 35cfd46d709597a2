"""Safetensors files in plain numpy, with the same bytes on every run.

The safetensors package would do, but it orders metadata by a hash that changes
from run to run; golden files should change only when their numbers do.
"""
import json
import os
import struct

import numpy as np

_NAMES = {np.dtype('float32'): 'F32', np.dtype('float64'): 'F64', np.dtype('int64'): 'I64'}
_TYPES = {name: dtype for dtype, name in _NAMES.items()}


def save(path, tensors, meta):
    """Write arrays (a dict by name) and metadata (values become strings) to path."""
    arrays = {name: np.array(a, order='C') for name, a in tensors.items()}
    # Widest elements first keeps every tensor aligned to its element size.
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header, offset = {'__metadata__': {k: str(meta[k]) for k in sorted(meta)}}, 0
    for name in order:
        a = arrays[name]
        header[name] = {'dtype': _NAMES[a.dtype], 'shape': list(a.shape), 'data_offsets': [offset, offset + a.nbytes]}
        offset += a.nbytes
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text)
        for name in order:
            f.write(arrays[name].tobytes())


def load(path):
    """Read a safetensors file: (arrays by name, metadata)."""
    with open(path, 'rb') as f:
        data = f.read()
    size, = struct.unpack_from('<Q', data)
    header = json.loads(data[8:8 + size])
    meta = header.pop('__metadata__', {})
    body = data[8 + size:]
    tensors = {}
    for name, entry in header.items():
        begin, end = entry['data_offsets']
        tensors[name] = np.frombuffer(body[begin:end], _TYPES[entry['dtype']]).reshape(entry['shape'])
    return tensors, meta
