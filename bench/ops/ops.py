"""PyTorch's times of the rows of bench/ops/main.go, which see: python ops.py [REGEXP] [ROUNDS]"""
import re
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(1)
flat, square, images, small = (1 << 20,), (1024, 1024), (16, 64, 32, 32), (16, 64, 16, 16)
other = torch.rand(flat) + 0.5
labels = (torch.rand(flat) > 0.5).float()
classes = torch.arange(1024)
bias = torch.rand(1, 64, 1, 1) + 0.5
prelu, batchnorm = torch.nn.PReLU(64), torch.nn.BatchNorm2d(64)
layernorm, groupnorm = torch.nn.LayerNorm(1024), torch.nn.GroupNorm(8, 64)
rows = [
    ("neg", flat, torch.neg), ("abs", flat, torch.abs), ("square", flat, torch.square), ("sqrt", flat, torch.sqrt),
    ("reciprocal", flat, torch.reciprocal), ("exp", flat, torch.exp), ("log", flat, torch.log), ("sin", flat, torch.sin),
    ("cos", flat, torch.cos), ("erf", flat, torch.erf), ("erfc", flat, torch.erfc), ("tanh", flat, torch.tanh), ("sigmoid", flat, torch.sigmoid),
    ("softplus", flat, F.softplus), ("relu", flat, F.relu), ("leakyrelu", flat, lambda x: F.leaky_relu(x, 0.2)),
    ("elu", flat, F.elu), ("gelu", flat, F.gelu), ("gelutanh", flat, lambda x: F.gelu(x, approximate="tanh")),
    ("silu", flat, F.silu), ("prelu", images, prelu), ("clamp", flat, lambda x: x.clamp(0.7, 1.2)),
    ("pow3", flat, lambda x: x**3), ("pow1.7", flat, lambda x: x**1.7), ("pow-0.5", flat, lambda x: x**-0.5),
    ("add", flat, lambda x: x + other), ("mul", flat, lambda x: x * other), ("div", flat, lambda x: other / x),
    ("max", flat, lambda x: torch.maximum(x, other)), ("addbias", images, lambda x: x + bias),
    ("sum", flat, torch.sum), ("sum0", square, lambda x: x.sum(0)), ("sum1", square, lambda x: x.sum(1)),
    ("max1", square, lambda x: x.amax(1)), ("softmax", square, lambda x: x.softmax(1)),
    ("logsoftmax", square, lambda x: x.log_softmax(1)), ("logsumexp", square, lambda x: x.logsumexp(1)),
    ("batchnorm", images, batchnorm), ("layernorm", square, layernorm), ("groupnorm", images, groupnorm),
    ("instancenorm", images, F.instance_norm), ("avgpool2", images, lambda x: F.avg_pool2d(x, 2)),
    ("avgpool3s1", images, lambda x: F.avg_pool2d(x, 3, 1, 1)), ("maxpool2", images, lambda x: F.max_pool2d(x, 2)),
    ("adaptive7", images, lambda x: F.adaptive_avg_pool2d(x, 7)), ("adaptive1", images, lambda x: F.adaptive_avg_pool2d(x, 1)),
    ("nearest2", small, lambda x: F.interpolate(x, scale_factor=2)),
    ("bilinear2", small, lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    ("pixelshuffle", images, lambda x: F.pixel_shuffle(x, 2)), ("dropout", flat, lambda x: F.dropout(x, 0.3)),
    ("transpose", square, lambda x: x.t() + torch.zeros(1)), ("concat", square, lambda x: torch.cat([x, x], 1)),
    ("mse", flat, lambda x: F.mse_loss(x, other)), ("l1", flat, lambda x: F.l1_loss(x, other)),
    ("bcelogits", flat, lambda x: F.binary_cross_entropy_with_logits(x, labels)),
    ("bce", flat, lambda x: F.binary_cross_entropy(0.5 * x, labels)),
    ("crossentropy", square, lambda x: F.cross_entropy(x, classes)),
]
only, rounds = re.compile(sys.argv[1] if len(sys.argv) > 1 else "."), int(sys.argv[2]) if len(sys.argv) > 2 else 10


def least(step):
    step(), step()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return min(times)


for name, shape, f in rows:
    if not only.search(name):
        continue
    x = torch.rand(shape) + 0.5
    leaf = x.clone().requires_grad_()
    seed = None

    def value():
        with torch.no_grad():
            f(x)

    def both():
        global seed
        y = f(leaf)
        if seed is None:
            seed = torch.rand(y.shape) + 0.5
        torch.autograd.grad(y, leaf, seed)

    print(f"{name} {least(value):.3f} {least(both):.3f}", flush=True)
