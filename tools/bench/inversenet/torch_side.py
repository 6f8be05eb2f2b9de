#!/usr/bin/env python3
"""The PyTorch side of inversenet/run.mjs: runs InverseNet on all cores. Prints one line of JSON with times in milliseconds.

usage: torch_side.py CHECKPOINT.safetensors TILES.f32 REPEATS
"""
import json
import pathlib
import re
import sys
import time

import numpy
import torch

DTYPES = {'F32': numpy.float32}


def read(path):
    """Returns the tensors of a safetensors file."""
    with open(path, 'rb') as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), 'little')))
        start = file.tell()
        tensors = {}
        for name, entry in header.items():
            if name == '__metadata__':
                continue
            begin, end = entry['data_offsets']
            file.seek(start + begin)
            values = numpy.fromfile(file, DTYPES[entry['dtype']], (end - begin) // 4)
            tensors[name] = torch.from_numpy(values.reshape(entry['shape']))
        return tensors


def memory():
    status = pathlib.Path('/proc/self/status').read_text()
    return {key: int(re.search(rf'{field}:\s+(\d+)', status)[1]) / 1024
            for key, field in (('peak', 'VmHWM'), ('resident', 'VmRSS'), ('mapped', 'RssFile'))}


start = time.perf_counter()
weights = read(sys.argv[1])
layers = [torch.nn.Linear(*weights[f'fc.{i}.weight'].shape[::-1]) for i in (0, 2, 4)]
network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
network.load_state_dict({name[3:]: value for name, value in weights.items()})
load = (time.perf_counter() - start) * 1e3
tiles = torch.from_numpy(numpy.fromfile(sys.argv[2], numpy.float32).reshape(2, 36, 224 * 224))
times = []
with torch.no_grad():
    for _ in range(int(sys.argv[3]) + 1):
        start = time.perf_counter()
        coefficients = network(torch.cat([tiles[0], tiles[1]], 1))
        times.append((time.perf_counter() - start) * 1e3)
print(json.dumps({'load': load, 'first': times[0], 'times': times[1:], 'torch': torch.__version__,
                  'coefficients': coefficients.flatten().tolist(), **memory()}))
