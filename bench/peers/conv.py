#!/usr/bin/env python3
"""Time convolutions and their gradients in PyTorch, in batches of 64.

Run:    python3 bench/peers/conv.py THREADS [--seconds 0.1]
Needs:  pip install -r bench/peers/requirements.txt

The shapes are those of BenchmarkConv in bench/conv_test.go. Each runs with channels last (impl=torch-nhwc) and in
PyTorch's default memory (impl=torch-nchw): forward (dir=fwd), and the gradients by the pictures (dx) and by the
weight (dw), each alone and without autograd.

Prints lines in the format of Go benchmarks: the mean over the time given, after a few calls to warm up.
"""
import argparse
import time

import torch

BATCH = 64
SHAPES = [  # name, channels in and out, size, kernel, stride, padding
    ('64x64k3s1n14', 64, 64, 14, 3, 1, 1),
    ('64x128k4s2n14', 64, 128, 14, 4, 2, 1),
    ('32x16k3s1n14', 32, 16, 14, 3, 1, 1),
    ('16x1k3s1n28', 16, 1, 28, 3, 1, 1),
    ('1x16k4s2n28', 1, 16, 28, 4, 2, 1),
    ('16x32k4s2n14', 16, 32, 14, 4, 2, 1),
]
FORMATS = {'nhwc': torch.channels_last, 'nchw': torch.contiguous_format}

parser = argparse.ArgumentParser(description='Time convolutions in PyTorch.')
parser.add_argument('threads', type=int)
parser.add_argument('--seconds', type=float, default=0.1)
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(0)


def measure(call):
    """Calls, and seconds for each."""
    for _ in range(3):
        call()
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < args.seconds:
        call()
        calls += 1
    return calls, elapsed / calls


with torch.inference_mode():
    for name, ins, outs, size, kernel, stride, pad in SHAPES:
        out = (size + 2 * pad - kernel) // stride + 1
        flops = 2 * BATCH * out * out * outs * ins * kernel * kernel
        for memory, layout in FORMATS.items():
            x = torch.randn(BATCH, ins, size, size).to(memory_format=layout)
            w = torch.randn(outs, ins, kernel, kernel).to(memory_format=layout)
            gy = torch.randn(BATCH, outs, out, out).to(memory_format=layout)

            def backward(*wanted):
                return torch.ops.aten.convolution_backward(gy, x, w, None, [stride] * 2, [pad] * 2, [1, 1], False,
                                                           [0, 0], 1, wanted)

            for direction, call in (('fwd', lambda: torch.conv2d(x, w, None, stride, pad)),
                                    ('dx', lambda: backward(True, False, False)),
                                    ('dw', lambda: backward(False, True, False))):
                calls, seconds = measure(call)
                print(f'BenchmarkConv/impl=torch-{memory}/dir={direction}/shape={name}/threads={args.threads} {calls} '
                      f'{seconds * 1e9:.0f} ns/op {flops / seconds / 1e9:.2f} GFLOP/s', flush=True)
