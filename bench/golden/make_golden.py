#!/usr/bin/env python3
"""Write the golden values from PyTorch that the tests of nn and optim compare with.

Run:    python3 bench/golden/make_golden.py [REPOSITORY]     (default: two folders up)
Needs:  pip install torch numpy
Writes: nn/testdata/losses.safetensors     losses: value, gradient, second derivative
        nn/testdata/layers.safetensors     layers and the classic networks, likewise
        nn/testdata/conv_layers.safetensors  convolutions, pools, norms, more activations, likewise
        optim/testdata/optim.safetensors   optimizers, schedules, clipping, averaging
bench/golden/README.md lists the keys.  Everything is float64 unless the case says otherwise.
"""
import json
import os
import sys

import numpy as np
import torch
from torch import nn

import tensors

META = {'torch': torch.__version__, 'script': 'bench/golden/make_golden.py'}


def describe(cases):
    """The metadata of a file: its origin, and each case's description as JSON."""
    return META | {name: json.dumps(about) for name, about in cases.items()}


def grad(y, xs, create_graph=False):
    """Gradients of the scalar y, with zeros where y does not depend on an x."""
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in xs]
    found = torch.autograd.grad(y, xs, create_graph=create_graph, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(xs, found)]


# ---- losses ----

def losses():
    rng = np.random.default_rng(1)
    out, about = {}, {}

    def case(name, module, input, target, **more):
        input = torch.tensor(input, dtype=torch.float64, requires_grad=True)
        target = torch.as_tensor(target)
        vector = torch.tensor(rng.standard_normal(input.shape))
        value = module(input, target)
        g, = grad(value, [input], create_graph=True)
        g2, = grad((g * vector).sum(), [input])
        about[name] = {'loss': type(module).__name__, 'reduction': module.reduction} | more
        for key, t in dict(input=input, target=target, value=value, grad=g, vector=vector, grad2=g2).items():
            out[f'{name}.{key}'] = t.numpy(force=True)

    soft = rng.uniform(0, 1, (6, 4))
    hard = (soft > 0.5).astype(float)
    p = rng.uniform(0.02, 0.98, (6, 4))
    case('bce', nn.BCELoss(), p, hard)
    case('bce_soft', nn.BCELoss(), p, soft)
    # Each probability against targets 0, 1 and 0.3: the logs are cut at -100, the
    # denominator p(1-p) of PyTorch's gradient at 1e-12.
    edge = np.repeat([[0.0], [1.0], [1e-50], [1e-40], [1e-6], [1 - 1e-6]], 3, axis=1)
    case('bce_edge', nn.BCELoss(), edge, np.tile([0.0, 1.0, 0.3], (6, 1)))

    logits = 3 * rng.standard_normal((6, 4))
    case('bce_logits', nn.BCEWithLogitsLoss(), logits, hard)
    case('bce_logits_soft', nn.BCEWithLogitsLoss(), logits, soft)
    edge = np.repeat([[-1000.0], [-100.0], [-1.0], [0.0], [1.0], [100.0], [1000.0]], 3, axis=1)
    case('bce_logits_edge', nn.BCEWithLogitsLoss(), edge, np.tile([0.0, 1.0, 0.3], (7, 1)))

    a, b = rng.standard_normal((2, 6, 4))
    b[0, 0] = a[0, 0]                                     # the kink of |x|
    case('mse', nn.MSELoss(), a, b)
    case('l1', nn.L1Loss(), a, b)

    scores = 2 * rng.standard_normal((6, 5))
    index = rng.integers(0, 5, 6)
    index[:2] = 0, 4
    probs = rng.uniform(0, 1, (6, 5))
    probs /= probs.sum(1, keepdims=True)
    case('cross_entropy', nn.CrossEntropyLoss(), scores, index, targets='class index')
    case('cross_entropy_probs', nn.CrossEntropyLoss(), scores, probs, targets='class probabilities')
    wide = np.array([[1000.0, 0, -1000], [-1000, -1000, -1000], [0, 100, 100]])
    case('cross_entropy_edge', nn.CrossEntropyLoss(), wide, np.array([0, 1, 2]), targets='class index')
    return out, describe(about)


# ---- layers ----

def layers():
    rng = np.random.default_rng(2)
    out, about = {}, {}

    def case(name, module, input, **more):
        module = module.double()
        params = dict(module.named_parameters())
        for p in params.values():
            p.data = torch.tensor(rng.standard_normal(p.shape) / p.shape[-1] ** 0.5)
        x = torch.tensor(input, requires_grad=True)
        y = module(x)
        vector = torch.tensor(rng.standard_normal(y.shape))
        names, leaves = ['input', *params], [x, *params.values()]
        first = grad((y * vector).sum(), leaves, create_graph=True)
        second = grad((first[0] ** 2).sum(), leaves)
        about[name] = {'layer': type(module).__name__} | more
        result = {'input': x, 'output': y, 'vector': vector}
        result |= {f'param.{k}': p for k, p in params.items()}
        result |= {f'grad.{k}': g for k, g in zip(names, first)}
        result |= {f'grad2.{k}': g for k, g in zip(names, second)}
        for key, t in result.items():
            out[f'{name}.{key}'] = t.numpy(force=True)

    for bias in True, False:
        kind = 'linear' if bias else 'linear_nobias'
        case(f'{kind}_2d', nn.Linear(5, 3, bias=bias), rng.standard_normal((4, 5)), bias=bias)
        case(f'{kind}_3d', nn.Linear(5, 3, bias=bias), rng.standard_normal((2, 3, 5)), bias=bias)

    x = np.concatenate([3 * rng.standard_normal(17), [0.0, -0.0, 1e-8, -1e-8, 15, -15, 50, -50]]).reshape(5, 5)
    case('tanh', nn.Tanh(), x)
    case('relu', nn.ReLU(), x)
    case('leaky_relu', nn.LeakyReLU(0.2), x, slope=0.2)
    case('sigmoid', nn.Sigmoid(), x)
    case('softplus', nn.Softplus(), x, beta=1, threshold=20)
    case('flatten', nn.Flatten(), rng.standard_normal((3, 2, 2, 4)))

    # The classic networks, each layer scaled down: 6x6 images, 8 latent numbers.
    generator = nn.Sequential(nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 36), nn.Tanh())
    discriminator = nn.Sequential(nn.Linear(36, 16), nn.Tanh(), nn.Linear(16, 12), nn.Tanh(),
                                  nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
    case('generator', generator, rng.standard_normal((5, 8)), activations=['Tanh', 'ReLU', 'Tanh'])
    case('discriminator', discriminator, rng.uniform(-1, 1, (5, 36)), activations=['Tanh', 'Tanh', 'Tanh', 'Sigmoid'])
    return out, describe(about)


# ---- layers for images, normalisation, more activations ----

def conv_layers():
    rng = np.random.default_rng(4)
    out, about = {}, {}

    def case(name, module, input, train=False, **architecture):
        """architecture is Gander's description of the module."""
        module = module.double().train(train)
        params = dict(module.named_parameters())
        for p in params.values():
            p.data = torch.tensor(rng.standard_normal(p.shape) / max(1, p[0].numel()) ** 0.5)
        for key, b in module.named_buffers():
            if b.is_floating_point():
                b.data = torch.tensor(rng.uniform(0.5, 2, b.shape))
        about[name] = {'architecture': architecture, 'train': train}
        result = {f'param.{k}': v.clone() for k, v in module.state_dict().items()}
        x = torch.tensor(input)
        inputs = [x.requires_grad_()] if x.is_floating_point() else []
        y = module(x)
        vector = torch.tensor(rng.standard_normal(y.shape))
        names, leaves = ['input', *params][1 - len(inputs):], [*inputs, *params.values()]
        first = grad((y * vector).sum(), leaves, create_graph=True)
        second = grad((first[0] ** 2).sum(), leaves)
        result |= {'input': x.double(), 'output': y, 'vector': vector}
        result |= {f'grad.{k}': g for k, g in zip(names, first)}
        result |= {f'grad2.{k}': g for k, g in zip(names, second)}
        if train:
            result |= {f'after.{k}': b for k, b in module.named_buffers()}
        for key, t in result.items():
            out[f'{name}.{key}'] = t.numpy(force=True)

    def pair(n):
        return list(n) if isinstance(n, tuple) else [n, n]

    def conv(name, kind, input, i, o, kernel, stride=1, padding=0, dilation=1, groups=1, bias=True, output_padding=0):
        options = dict(stride=stride, padding=padding, dilation=dilation, groups=groups, bias=bias)
        spec = {k: pair(v) for k, v in dict(kernel=kernel, stride=stride, padding=padding, dilation=dilation).items()}
        if kind == 'ConvTranspose2D':
            options['output_padding'] = output_padding
            if output_padding:
                spec['output_padding'] = pair(output_padding)
        module = getattr(nn, kind.replace('D', 'd'))(i, o, kernel, **options)
        case(name, module, rng.standard_normal((2, i, *input)), type=kind, **{'in': i}, out=o, groups=groups, bias=bias, **spec)

    conv('conv', 'Conv2D', (4, 5), 2, 3, 3)
    conv('conv_padding', 'Conv2D', (4, 3), 2, 2, 3, padding=1, bias=False)
    conv('conv_stride', 'Conv2D', (6, 6), 1, 2, 4, stride=2, padding=1)
    conv('conv_odd', 'Conv2D', (7, 5), 2, 2, (3, 2), stride=(3, 2), padding=(2, 1))
    conv('conv_dilation', 'Conv2D', (7, 6), 2, 1, (3, 2), stride=(1, 2), dilation=(2, 3), padding=(1, 2))
    conv('conv_groups', 'Conv2D', (5, 4), 4, 6, 3, stride=2, padding=1, groups=2)
    conv('conv_depthwise', 'Conv2D', (4, 4), 3, 3, 2, groups=3)
    conv('conv_1x1', 'Conv2D', (2, 3), 3, 2, 1)
    conv('transposed', 'ConvTranspose2D', (3, 2), 2, 3, 3)
    conv('transposed_stride', 'ConvTranspose2D', (3, 3), 2, 1, 4, stride=2, padding=1)
    conv('transposed_odd', 'ConvTranspose2D', (3, 2), 1, 2, 3, stride=(2, 3), padding=(1, 0), output_padding=(1, 2), bias=False)
    conv('transposed_groups', 'ConvTranspose2D', (2, 3), 4, 2, 2, stride=2, dilation=2, groups=2)

    picture = rng.standard_normal((2, 2, 5, 6))
    for scale in 2, 3:
        case(f'nearest_{scale}', nn.Upsample(scale_factor=scale), picture[:, :, :2, :3], type='UpsampleNearest', scale=scale)
        case(f'bilinear_{scale}', nn.Upsample(scale_factor=scale, mode='bilinear'), picture[:, :, :2, :3], type='UpsampleBilinear', scale=scale)
    for kind, name in ('AvgPool2D', 'avg_pool'), ('MaxPool2D', 'max_pool'):
        module = getattr(nn, kind.replace('D', 'd'))
        case(name, module(2), picture, type=kind, size=[2, 2], stride=[2, 2], padding=[0, 0])
        case(f'{name}_odd', module((3, 2), (2, 1), (1, 0)), picture, type=kind, size=[3, 2], stride=[2, 1], padding=[1, 0])
    case('adaptive_1', nn.AdaptiveAvgPool2d(1), picture, type='AdaptiveAvgPool2D', size=[1, 1])
    case('adaptive_odd', nn.AdaptiveAvgPool2d((3, 4)), picture, type='AdaptiveAvgPool2D', size=[3, 4])

    small = rng.standard_normal((3, 4, 2, 2))
    for train in True, False:
        suffix = '' if train else '_eval'
        case(f'batch_norm{suffix}', nn.BatchNorm2d(4), small, train, type='BatchNorm2D', shape=[4], eps=1e-5, momentum=0.1, affine=True)
        case(f'batch_norm_1d{suffix}', nn.BatchNorm1d(4, 1e-3, 0.3), small[:, :, :, 0], train, type='BatchNorm1D', shape=[4], eps=1e-3, momentum=0.3, affine=True)
        case(f'batch_norm_2{suffix}', nn.BatchNorm1d(4, affine=False), small[:, :, 0, 0], train, type='BatchNorm1D', shape=[4], eps=1e-5, momentum=0.1, affine=False)
    case('layer_norm', nn.LayerNorm((2, 3)), picture[0, :, :2, :3], type='LayerNorm', shape=[2, 3], eps=1e-5, affine=True)
    case('layer_norm_plain', nn.LayerNorm(6, 1e-2, elementwise_affine=False), picture[0], type='LayerNorm', shape=[6], eps=1e-2, affine=False)
    case('group_norm', nn.GroupNorm(2, 4), small, type='GroupNorm', shape=[4], groups=2, eps=1e-5, affine=True)
    case('group_norm_2d', nn.GroupNorm(1, 4, affine=False), small[:, :, 0, 0], type='GroupNorm', shape=[4], groups=1, eps=1e-5, affine=False)
    case('instance_norm', nn.InstanceNorm2d(4), small, type='InstanceNorm2D', shape=[4], eps=1e-5, affine=False)
    case('instance_norm_affine', nn.InstanceNorm2d(4, 1e-3, affine=True), small, type='InstanceNorm2D', shape=[4], eps=1e-3, affine=True)

    x = np.concatenate([3 * rng.standard_normal(12), [0.0, -0.0, 1e-8, -1e-8, 15, -15, 50, -50]]).reshape(4, 5)
    away = np.where(x == 0, 0.25, x)                      # ELU's second derivative has a step at 0
    case('elu', nn.ELU(), away, type='ELU', alpha=1)
    case('elu_0.3', nn.ELU(0.3), away, type='ELU', alpha=0.3)
    case('gelu', nn.GELU(), x, type='GELU')
    case('gelu_tanh', nn.GELU(approximate='tanh'), x, type='GELUTanh')
    case('silu', nn.SiLU(), x, type='SiLU')
    case('softmax', nn.Softmax(-1), x, type='Softmax', axis=-1)
    case('softmax_1', nn.Softmax(1), small, type='Softmax', axis=1)
    case('embedding', nn.Embedding(5, 3), np.array([[4, 0, 1], [1, 1, 3]]), type='Embedding', n=5, dim=3)
    case('dropout_eval', nn.Dropout(0.5), x, type='Dropout', p=0.5)

    # An output padding that the stride does not cover, but the dilation does.
    conv('transposed_padding', 'ConvTranspose2D', (2, 3), 2, 2, (2, 3), stride=(1, 2), dilation=(3, 5), padding=(1, 2), output_padding=(2, 4))

    case('prelu', nn.PReLU(), away, type='PReLU', n=1)
    case('prelu_channels', nn.PReLU(4), small, type='PReLU', n=4)
    case('pixel_shuffle', nn.PixelShuffle(2), rng.standard_normal((2, 8, 2, 3)), type='PixelShuffle', factor=2)
    case('pixel_unshuffle', nn.PixelUnshuffle(3), rng.standard_normal((2, 2, 3, 6)), type='PixelUnshuffle', factor=3)
    batch = rng.standard_normal((8, 4, 2, 3))
    batch[5] = batch[1] = batch[3] = batch[7]             # a group of samples that are all alike
    case('stddev', StdDev(4, 1), batch, type='MinibatchStdDev', group_size=4, features=1)
    case('stddev_2', StdDev(2, 2), rng.standard_normal((4, 4, 2, 1)), type='MinibatchStdDev', group_size=2, features=2)
    case('stddev_small', StdDev(4, 1), batch[:3, :, 0, 0], type='MinibatchStdDev', group_size=4, features=1)

    def layer(kind, i, o, kernel, padding):
        return {'type': kind, 'in': i, 'out': o, 'kernel': [kernel] * 2, 'stride': [1, 1], 'padding': [padding] * 2,
                'dilation': [1, 1], 'groups': 1, 'bias': True}

    body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.LeakyReLU(0.2))
    about_body = {'type': 'Sequential', 'layers': [layer('Conv2D', 4, 4, 3, 1), {'type': 'LeakyReLU', 'slope': 0.2}]}
    case('residual', Residual(body, None), small, type='Residual', body=about_body, skip=None)
    body = nn.Sequential(nn.Conv2d(4, 2, 3, padding=1), nn.Tanh())
    about_body = {'type': 'Sequential', 'layers': [layer('Conv2D', 4, 2, 3, 1), {'type': 'Tanh'}]}
    case('residual_skip', Residual(body, nn.Conv2d(4, 2, 1)), small, type='Residual', body=about_body, skip=layer('Conv2D', 4, 2, 1, 0))
    return out, describe(about)


class StdDev(nn.Module):
    """Minibatch standard deviation: the formula of StyleGAN2's section on the discriminator, by loops."""

    def __init__(self, group, features):
        super().__init__()
        self.group, self.features = group, features

    def forward(self, x):
        n, groups = len(x), len(x) // min(self.group, len(x))
        rows = []
        for i in range(n):
            row = []
            for part in x[i % groups::groups].chunk(self.features, dim=1):
                variance = ((part - part.mean(0)) ** 2).sum(0) / len(part)
                row.append((variance + 1e-8).sqrt().mean().expand(1, *x.shape[2:]))
            rows.append(torch.cat(row))
        return torch.cat([x, torch.stack(rows)], dim=1)


class Residual(nn.Module):
    def __init__(self, body, skip):
        super().__init__()
        self.body, self.skip = body, skip

    def forward(self, x):
        return self.body(x) + (x if self.skip is None else self.skip(x))


# ---- optimizers, schedules, clipping, averaging ----

SHAPES, STEPS = [(3, 4), (4,), (1,)], 10

OPTIMIZERS = {
    'sgd': (torch.optim.SGD, dict(lr=0.1)),
    'sgd_momentum': (torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    'sgd_nesterov': (torch.optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True)),
    'sgd_weight_decay': (torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.01)),
    'adam': (torch.optim.Adam, dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8)),
    'adam_decay': (torch.optim.Adam, dict(lr=2e-3, betas=(0.0, 0.99), eps=1e-8, weight_decay=0.01)),
    'adam_f32': (torch.optim.Adam, dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8)),
    'adamw': (torch.optim.AdamW, dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)),
    'rmsprop': (torch.optim.RMSprop, dict(lr=1e-2, alpha=0.99, eps=1e-8)),
    'rmsprop_centered': (torch.optim.RMSprop, dict(lr=1e-2, alpha=0.9, eps=1e-8, momentum=0.9, centered=True)),
    'rmsprop_decay': (torch.optim.RMSprop, dict(lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.01)),
}


def optimizers():
    rng = np.random.default_rng(3)
    out, about = {}, {}

    def draw():
        return [rng.standard_normal(s) for s in SHAPES]

    def put(prefix, values):
        for i, v in enumerate(values):
            out[f'{prefix}.{i}'] = v.numpy(force=True) if torch.is_tensor(v) else v

    for name, (kind, options) in OPTIMIZERS.items():
        dtype = torch.float32 if name.endswith('_f32') else torch.float64
        params = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in draw()]
        optimizer = kind(params, **options)
        put(f'{name}.param', [p.clone() for p in params])
        for step in range(STEPS):
            for p, g in zip(params, draw()):
                p.grad = torch.tensor(g, dtype=dtype)
            params[1].grad[step % 4] = 0                  # a dead unit
            put(f'{name}.grad.{step}', [p.grad for p in params])
            optimizer.step()
            put(f'{name}.after.{step}', [p.clone() for p in params])
        about[name] = {'optimizer': kind.__name__, 'steps': STEPS, 'dtype': str(dtype)[6:]} | options

    def schedule(name, kind, **options):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        scheduler, values = kind(optimizer, **options), []
        for _ in range(20):
            values.append(optimizer.param_groups[0]['lr'])
            optimizer.step()
            scheduler.step()
        out[f'{name}.values'] = np.array(values)
        about[name] = {'schedule': kind.__name__, 'lr': 0.1} | options

    schedule('step_lr', torch.optim.lr_scheduler.StepLR, step_size=6, gamma=0.5)
    schedule('cosine_lr', torch.optim.lr_scheduler.CosineAnnealingLR, T_max=15, eta_min=0.01)
    schedule('linear_lr', torch.optim.lr_scheduler.LinearLR, start_factor=0.25, end_factor=1.0, total_iters=8)

    def clip(name, function, grads, **options):
        params = [torch.zeros(s, dtype=torch.float64, requires_grad=True) for s in SHAPES]
        for p, g in zip(params, grads):
            p.grad = torch.tensor(g)
        put(f'{name}.grad', grads)
        norm = function(params, *options.values())
        if norm is not None:
            out[f'{name}.norm'] = norm.numpy()
        put(f'{name}.after', [p.grad for p in params])
        about[name] = options

    clip('clip_norm', torch.nn.utils.clip_grad_norm_, draw(), max_norm=1.5)
    clip('clip_norm_small', torch.nn.utils.clip_grad_norm_, [0.01 * g for g in draw()], max_norm=1.5)
    clip('clip_value', torch.nn.utils.clip_grad_value_, draw(), clip_value=0.5)

    average = draw()
    put('ema.param', average)
    for step in range(STEPS):
        values = draw()
        put(f'ema.value.{step}', values)
        average = [0.9 * a + 0.1 * v for a, v in zip(average, values)]
        put(f'ema.after.{step}', average)
    about['ema'] = {'decay': 0.9, 'steps': STEPS}
    return out, describe(about)


if __name__ == '__main__':
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, '..', '..')
    for path, make in (('nn/testdata/losses', losses), ('nn/testdata/layers', layers),
                       ('nn/testdata/conv_layers', conv_layers),
                       ('optim/testdata/optim', optimizers)):
        path = os.path.join(root, path + '.safetensors')
        tensors.save(path, *make())
        print(os.path.normpath(path), os.path.getsize(path), 'bytes')
