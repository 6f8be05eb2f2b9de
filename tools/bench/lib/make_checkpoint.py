#!/usr/bin/env python3
"""Writes a checkpoint with the layout of a published model and deterministic weights.

usage: make_checkpoint.py MODEL OUT.pth [--legacy]      MODEL: hrnet18, hrnet16-slim, ocrnet48, ocrnet48-hms
Needs torch and numpy. Names and shapes come from packages/testing/fixtures/models.
"""
import json
import math
import pathlib
import sys

import numpy as np
import torch

FIXTURES = pathlib.Path(__file__).resolve().parents[3] / 'packages/testing/fixtures/models'


def uniform(name, shape):
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    index = np.arange(math.prod(shape), dtype=np.uint64)
    x = (seed + index * 0x9E3779B9) & 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x85EBCA6B & 0xFFFFFFFF
    x ^= x >> 13
    x = x * 0xC2B2AE35 & 0xFFFFFFFF
    x ^= x >> 16
    return (x / 2.0**32).reshape(shape)


def parameter(name, shape):
    leaf = name.rsplit('.', 1)[-1]
    if leaf == 'num_batches_tracked':
        return torch.zeros(shape, dtype=torch.int64)
    u = uniform(name, shape)
    if leaf in ('running_mean', 'bias'):
        value = 0.1 * (2 * u - 1)
    elif leaf == 'running_var':
        value = 1 + 0.5 * u
    elif len(shape) == 1:
        value = 1 + 0.2 * (2 * u - 1)
    else:
        value = (2 * u - 1) * math.sqrt(3 / math.prod(shape[1:]))
    return torch.from_numpy(np.asarray(value, dtype=np.float32))


def state_dict(model):
    entries = json.loads((FIXTURES / f'{model}.state-dict.json').read_text())
    return {entry['name']: parameter(entry['name'], entry['shape']) for entry in entries}


if __name__ == '__main__':
    model, out = sys.argv[1:3]
    weights = {f'module.{name}': value for name, value in state_dict(model).items()}
    torch.save({'epoch': 1, 'arch': model, 'num_classes': 19, 'state_dict': weights, 'mean_iu': np.float64(0.5)}, out,
               _use_new_zipfile_serialization='--legacy' not in sys.argv)
