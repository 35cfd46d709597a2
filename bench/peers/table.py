#!/usr/bin/env python3
"""Turn lines in the format of Go benchmarks into Markdown tables with ratios to Gander.

Run:    python3 bench/peers/table.py RESULTS.txt > RESULTS.md        (run.sh does)
Needs:  nothing but Python 3

A line is "BenchmarkName/impl=…/key=value…-P  count  value unit  value unit…".  Without impl it is Gander's, without
threads it ran on P, a GEMM without type is of float32 and a DGEMM of float64.  "key: value" lines describe the machine and the versions.
A cell holds the median and the extremes over the rounds, and how many times as fast Gander is: the median over the
rounds of the quotient within each round.
"""
import re
import statistics
import sys

UNITS = ['ms/step', 'GFLOP/s', 'GB/s', 'elements/ns', 'ns/op']  # the first that all lines of a benchmark have is shown
RATES = {'GFLOP/s', 'GB/s', 'elements/ns'}                      # more is better
KEYS = ['type', 'op', 'm', 'n', 'k', 'threads']                 # of a case, in the order to show
OURS = 'gander'


def parse(lines):
    """Facts by key, and samples as [(benchmark, case, impl, {unit: value})]."""
    facts, samples = {}, []
    for line in lines:
        if fact := re.match(r'([a-z]+): (.*)', line):
            facts.setdefault(*fact.groups())
        elif line.startswith('Benchmark'):
            name, _, *rest = line.split()
            name, procs = re.fullmatch(r'Benchmark(.*?)(?:-(\d+))?', name).groups()
            name, *parts = name.split('/')
            dtype = 'f64' if name == 'DGEMM' else 'f32'
            name = name.replace('DGEMM', 'GEMM')
            defaults = {'impl': OURS, 'threads': procs or '1'} | ({'type': dtype} if name == 'GEMM' else {})
            keys = defaults | dict(part.split('=', 1) for part in parts)
            impl = keys.pop('impl')
            case = ' '.join(f'{k}={keys[k]}' for k in sorted(keys, key=lambda k: KEYS.index(k) if k in KEYS else -1))
            values = {unit: float(value) for value, unit in zip(rest[::2], rest[1::2])}
            samples.append((name, case, impl, values))
    return facts, samples


def cell(values, ours, rate):
    if not values:
        return '–'
    text = f'{statistics.median(values):.4g}'
    if len(values) > 1:
        text += f' ({min(values):.4g}–{max(values):.4g})'
    if ours and values is not ours:
        quotients = [a / b if rate else b / a for a, b in zip(ours, values)]
        text += f' **×{statistics.median(quotients):.2f}**'
    return text


def table(samples):
    """The table of one benchmark: cases against implementations, whichever are more as rows."""
    unit = next(u for u in UNITS if all(u in values for _, _, values in samples))
    found = {}
    for case, impl, values in samples:
        found.setdefault((case, impl), []).append(values[unit])
    cases = list(dict.fromkeys(case for case, _ in found))
    impls = sorted({impl for _, impl in found}, key=lambda impl: (impl != OURS, impl))

    def show(case, impl):
        return cell(found.get((case, impl)), found.get((case, OURS)), unit in RATES)

    if len(impls) > len(cases):
        rows = [[unit, *cases]] + [[impl, *(show(case, impl) for case in cases)] for impl in impls]
    else:
        rows = [[unit, *impls]] + [[case, *(show(case, impl) for impl in impls)] for case in cases]
    rows.insert(1, ['---'] * len(rows[0]))
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def main():
    with open(sys.argv[1]) as f:
        facts, samples = parse(f)
    print('# Gander and its peers\n')
    print('Written by `bench/peers/run.sh`. A cell is the median (least–most) over interleaved rounds;')
    print('**×2.00** means that Gander is twice as fast in the same round.\n')
    for fact, value in facts.items():
        print(f'- {fact}: {value}')
    for name in dict.fromkeys(name for name, *_ in samples):
        print(f'\n## {name}\n\n{table([s[1:] for s in samples if s[0] == name])}')


if __name__ == '__main__':
    main()
