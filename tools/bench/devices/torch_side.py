#!/usr/bin/env python3
"""The PyTorch side of devices/run.mjs: runs a published network eagerly. Prints one line of JSON with times in milliseconds.

usage: torch_side.py MODEL CHECKPOINT.safetensors IMAGE.rgb LABELS DEVICE PRECISION WIDTH HEIGHT REPEATS
"""
import json
import pathlib
import sys
import time

import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import reference_model  # noqa: E402

model, checkpoint, image, labels, device, precision = sys.argv[1:7]
width, height, repeats = map(int, sys.argv[7:])
dtype = getattr(torch, precision)
pixels = numpy.fromfile(image, numpy.uint8).reshape(height, width, 3)


def finished():
    if device == 'cuda':
        torch.cuda.synchronize()


def segment():
    x = torch.from_numpy(pixels).to(device).permute(2, 0, 1)[None].to(dtype) / 255
    found = reference_model.predict(network, (x - mean) / deviation)['pred']
    return found.argmax(1)[0].to(torch.uint8).cpu()


start = time.perf_counter()
weights = reference_model.read_safetensors(pathlib.Path(checkpoint))
network = reference_model.NETWORKS[model]()
# The checkpoint lacks the heads that labels do not need. predict() still runs the edge head.
missing = network.load_state_dict(weights, strict=False).missing_keys
unused = ('edge', 'aux_head', 'num_batches')
assert all(key.startswith(unused) or key.endswith(unused) for key in missing), missing
network = network.eval().to(device, dtype)
mean = torch.tensor([0.485, 0.456, 0.406], device=device, dtype=dtype).view(1, 3, 1, 1)
deviation = torch.tensor([0.229, 0.224, 0.225], device=device, dtype=dtype).view(1, 3, 1, 1)
finished()
load = (time.perf_counter() - start) * 1e3
times = []
with torch.no_grad():
    for _ in range(repeats + 2):
        start = time.perf_counter()
        found = segment()
        times.append((time.perf_counter() - start) * 1e3)
found.numpy().tofile(labels)
name = torch.cuda.get_device_name() if device == 'cuda' else None
version = f'PyTorch {torch.__version__}' + (f', {name}' if name else '')
print(json.dumps({'load': load, 'first': times[0], 'times': times[2:], 'version': version}))
