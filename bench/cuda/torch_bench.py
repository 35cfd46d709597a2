#!/usr/bin/env python3
"""Time in PyTorch, on the first GPU, what bench/cuda/main.go times of Gander.

Run:    python3 bench/cuda/torch_bench.py [memory] [products] [convolutions] [steps] [compiled]
Needs:  PyTorch with CUDA.

Prints lines in main.go's format, the names beginning with float32/ or tf32/, and for steps with eager/, compiled/ or
graph/ as well.  Times are medians of CUDA events around many calls.
"""
import statistics
import sys
import time

import torch
from torch import nn
import torch.nn.functional as F

dev = torch.device('cuda')
torch.manual_seed(0)


def report(name, work, unit, call, least=0.05):
    for _ in range(3):
        call()
    torch.cuda.synchronize()

    def run(n):
        start = time.perf_counter()
        for _ in range(n):
            call()
        torch.cuda.synchronize()
        return time.perf_counter() - start
    n = 3
    while run(n) < least:
        n *= 2
    t = statistics.median(run(n) / n for _ in range(5))
    rate = f' {work / t / {"TFLOP/s": 1e12, "GB/s": 1e9}[unit]:10.3f} {unit}' if unit else ''
    print(f'{name:<44} {t * 1e6:12.1f} us{rate}', flush=True)


def memory():
    n = 1 << 28
    x, y = torch.full((n,), 0.5, device=dev), torch.full((n,), 0.25, device=dev)
    out, wide = torch.empty_like(x), x.view(-1, 1024)
    report('ceiling/copy', 8 * n, 'GB/s', lambda: y.copy_(x))
    report('memory/add', 12 * n, 'GB/s', lambda: torch.add(x, y, out=out))
    report('memory/tanh', 8 * n, 'GB/s', lambda: torch.tanh(x, out=out))
    report('memory/sum', 4 * n, 'GB/s', lambda: x.sum())
    report('memory/column_sums', 4 * n, 'GB/s', lambda: wide.sum(0))
    report('memory/transpose', 8 * n, 'GB/s', lambda: y.view(1024, -1).copy_(wide.t()))
    p = torch.zeros(n // 4, device=dev, requires_grad=True)
    p.grad = torch.full_like(p, 0.1)
    adam = torch.optim.Adam([p], fused=True)
    report('memory/adam', 28 * n // 4, 'GB/s', adam.step)
    report('memory/normal', 4 * n, 'GB/s', x.normal_)


def products():
    for m, n, k in [(64, 512, 784), (64, 256, 512), (64, 784, 512), (512, 784, 64), (128, 512, 784), (1024, 512, 784), (1024,) * 3, (2048,) * 3, (4096,) * 3]:
        x, w = torch.randn(m, k, device=dev), torch.randn(n, k, device=dev)
        for precision, tf32 in (('float32', False), ('tf32', True)):
            torch.backends.cuda.matmul.allow_tf32 = tf32
            report(f'{precision}/product/{m}x{n}x{k}', 2 * m * n * k, 'TFLOP/s', lambda: F.linear(x, w))


def convolutions():
    for n, cin, cout, side, k, s in [(64, 1, 16, 28, 4, 2), (64, 16, 32, 14, 4, 2), (64, 16, 1, 28, 3, 1), (64, 64, 64, 14, 3, 1), (64, 64, 128, 14, 4, 2),
                                     (128, 256, 256, 16, 3, 1)]:
        x = torch.randn(n, cin, side, side, device=dev).to(memory_format=torch.channels_last)
        w = torch.randn(cout, cin, k, k, device=dev).to(memory_format=torch.channels_last)
        y = F.conv2d(x, w, stride=s, padding=1)
        work = 2 * y.numel() * cin * k * k
        what = f'{n}_{cin}_{cout}_{side}_k{k}_s{s}'
        for precision, tf32 in (('float32', False), ('tf32', True)):
            torch.backends.cudnn.allow_tf32 = tf32
            torch.backends.cudnn.benchmark = True
            report(f'{precision}/conv/forward/{what}', work, 'TFLOP/s', lambda: F.conv2d(x, w, stride=s, padding=1))
            for which, mask in (('input', [True, False, False]), ('weight', [False, True, False])):
                report(f'{precision}/conv/{which}/{what}', work, 'TFLOP/s', lambda: torch.ops.aten.convolution_backward(
                    y, x, w, None, [s, s], [1, 1], [1, 1], False, [0, 0], 1, mask))


def classic():
    g = nn.Sequential(nn.Linear(128, 256), nn.Tanh(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784), nn.Tanh()).to(dev)
    d = nn.Sequential(nn.Linear(784, 512), nn.Tanh(), nn.Linear(512, 256), nn.Tanh(), nn.Linear(256, 128), nn.Tanh(),
                      nn.Linear(128, 1), nn.Sigmoid()).to(dev)
    gp, dp = list(g.parameters()), list(d.parameters())
    go, do = (torch.optim.Adam(p, lr=1e-4, fused=True, capturable=True) for p in (gp, dp))
    real, bce = torch.rand(64, 784, device=dev), nn.BCELoss()
    one, zero = torch.ones(64, 1, device=dev), torch.zeros(64, 1, device=dev)

    def step():
        z = torch.randn(64, 128, device=dev)
        fake = g(z)
        loss = bce(d(real), one) + bce(d(fake.detach()), zero)
        for p, v in zip(dp, torch.autograd.grad(loss, dp)):
            p.grad = v
        do.step()
        loss = bce(d(fake), one)
        for p, v in zip(gp, torch.autograd.grad(loss, gp)):
            p.grad = v
        go.step()
    return step


def quick():
    act = lambda: nn.LeakyReLU(0.2)
    body = nn.Sequential(nn.Linear(110, 160), act(), nn.Linear(160, 1568)).to(dev)
    skip = nn.Linear(110, 1568, bias=False).to(dev)
    shape = nn.Sequential(act(), nn.Unflatten(1, (32, 7, 7)),
                          nn.Upsample(scale_factor=2), nn.Conv2d(32, 16, 3, padding=1), act(),
                          nn.Upsample(scale_factor=2), nn.Conv2d(16, 1, 3, padding=1), nn.Tanh()).to(dev)
    look = nn.Sequential(nn.Conv2d(1, 16, 4, 2, 1), act(), nn.Conv2d(16, 32, 4, 2, 1), act(), nn.Flatten()).to(dev)
    judge = nn.Sequential(nn.Linear(1578, 128), act(), nn.Linear(128, 128), act(), nn.Linear(128, 1)).to(dev)
    gp, dp = [p for part in (body, skip, shape) for p in part.parameters()], list(look.parameters()) + list(judge.parameters())
    average = [p.detach().clone() for p in gp]
    go, do = (torch.optim.Adam(p, lr=2e-3, betas=(0.0, 0.9), fused=True, capturable=True) for p in (gp, dp))
    real = torch.rand(64, 1, 28, 28, device=dev)
    label = F.one_hot(torch.arange(64, device=dev) % 10, 10).float()
    d = lambda x: judge(torch.cat([look(x), 3 * label], 1))

    def draw():
        z = torch.cat([torch.randn(64, 100, device=dev), 1.5 * label], 1)
        return shape(body(z) + skip(z))

    def step():
        x, y = real.clone().requires_grad_(), draw().detach().requires_grad_()
        a, b = d(x), d(y)
        loss = F.softplus(b - a).mean()
        for v, out in ((x, a), (y, b)):
            loss = loss + 0.25 * torch.autograd.grad(out.sum(), v, create_graph=True)[0].square().sum((1, 2, 3)).mean()
        for p, v in zip(dp, torch.autograd.grad(loss, dp)):
            p.grad = v
        do.step()
        loss = F.softplus(d(real).detach() - d(draw())).mean()
        for p, v in zip(gp, torch.autograd.grad(loss, gp)):
            p.grad = v
        go.step()
        torch._foreach_lerp_(average, [p.detach() for p in gp], 0.0035)
    return step


def steps():
    for name, make in (('classic', classic), ('quick', quick)):
        for precision, tf32 in (('float32', False), ('tf32', True)):
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
            step = make()
            report(f'{precision}/eager/step/{name}', 0, '', step)
            side = torch.cuda.Stream()
            with torch.cuda.stream(side):
                for _ in range(3):
                    step()
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                step()
            report(f'{precision}/graph/step/{name}', 0, '', graph.replay)


def compiled():  # of classic alone: torch.compile has no second derivatives
    for precision, tf32 in (('float32', False), ('tf32', True)):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        report(f'{precision}/compiled/step/classic', 0, '', torch.compile(classic()))


def warm():  # a GPU that had nothing to do takes some tenths of a second to raise its clocks
    x, start = torch.zeros(1 << 20, device=dev), time.perf_counter()
    while time.perf_counter() - start < 0.5:
        for _ in range(100):
            x.clone()
        torch.cuda.synchronize()


print('# device', torch.cuda.get_device_name(), 'torch', torch.__version__, 'cuda', torch.version.cuda, 'cudnn', torch.backends.cudnn.version())
warm()
for part in sys.argv[1:] or ['memory', 'products', 'convolutions', 'steps', 'compiled']:
    try:
        globals()[part]()
    except Exception as e:  # the next part may do well
        print('# failed:', part, type(e).__name__, str(e).splitlines()[:1], flush=True)
