#!/usr/bin/env python3
"""The PyTorch side of steps.ts: trains in float64 and float32 and compares. Prints one line of JSON.

usage: steps.py MODEL OPTIMIZER RATE STEPS IMAGES HEIGHT WIDTH OURS.json      OPTIMIZER: sgd or adamw
"""
import json
import pathlib
import sys

import torch

import reference


def main():
    model, optimizer, rate, path = sys.argv[1], sys.argv[2], float(sys.argv[3]), pathlib.Path(sys.argv[8])
    steps, *size = map(int, sys.argv[4:8])
    torch.set_num_threads(2)
    exact = reference.train(model, optimizer, rate, steps, size, torch.float64)
    single = reference.train(model, optimizer, rate, steps, size, torch.float32)
    moved = reference.train(model, optimizer, rate, steps, size, torch.float64, reference.ROUNDING)
    ours = json.loads(path.read_text())

    def statistics_error(found):
        """The largest difference in a tensor, relative to its largest value."""
        return max(float((torch.as_tensor(found[name]).double() - value).abs().max() / value.abs().max())
                   for name, value in exact['statistics'].items())

    print(json.dumps({'exact': exact['losses'], 'single': single['losses'], 'moved': moved['losses'],
                      'statistics': {'ours': statistics_error(ours['statistics']),
                                     'single': statistics_error(single['statistics']),
                                     'moved': statistics_error(moved['statistics'])}}))


main()
