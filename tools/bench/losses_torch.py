#!/usr/bin/env python3
"""Side of losses.mjs: the joint loss and its gradients by PyTorch. Prints one line of JSON.

usage: losses_torch.py HEIGHT WIDTH REPEATS THREADS [WEIGHTS]      WEIGHTS: InverseNet's, as losses.mjs writes them
"""
import json
import pathlib
import re
import sys
import time

import numpy as np
import torch
import torch.nn.functional as functional

from make_checkpoint import uniform

height, width, repeats, threads = map(int, sys.argv[1:5])
torch.set_num_threads(threads)


def image(name, shape):
    return torch.from_numpy(4 * uniform(name, shape) - 2).float().requires_grad_()


def read_weights(path):
    values, tensors = torch.from_numpy(np.fromfile(path, np.float32)), []
    for outputs, inputs in [(1000, 2 * 224 ** 2), (32, 1000), (4, 32)]:
        weight, bias, values = values.split([outputs * inputs, outputs, len(values) - outputs * (inputs + 1)])
        tensors.append((weight.view(outputs, inputs), bias))
    return tensors


def cross_entropy(logits, labels):
    counts = torch.bincount(labels[labels != 255], minlength=19)
    weights = torch.where(counts > 0, 2 - counts / counts.sum(), torch.ones(()))
    return functional.cross_entropy(logits, labels[None], weights, ignore_index=255)


def tiles(maps):
    resized = functional.interpolate(maps, (672, 1344), mode='bilinear', align_corners=False)
    return resized.view(3, 224, 6, 224).transpose(1, 2).reshape(18, 224 ** 2)


def inverse_form(edge, edges):
    x = torch.cat([tiles(torch.sigmoid(edge)), tiles(edges)], 1)
    first, second, third = inverse_net
    x = functional.relu(functional.linear(x, *first))
    x = functional.relu(functional.linear(x, *second))
    return functional.linear(x, *third).norm(dim=1).mean()


def joint(logits, edge, labels, edges):
    share = edges.mean()
    bce = functional.binary_cross_entropy_with_logits(edge, edges, torch.where(edges > 0, 1 - share, share))
    attended = torch.where(edge[0, 0] > 0.8, labels, torch.tensor(255))
    loss = cross_entropy(logits, labels) + 0.3 * bce + 0.1 * cross_entropy(logits, attended)
    return loss + 0.3 * inverse_form(edge, edges) if inverse_net else loss


logits = image('seg', [1, 19, height, width])
edge = image('edge', [1, 1, height, width])
labels = torch.from_numpy((uniform('labels', [height, width]) * 20).astype('int64'))
labels[labels == 19] = 255
edges = torch.from_numpy(uniform('edges', [1, 1, height, width]) > 0.9).float()
inverse_net = read_weights(sys.argv[5]) if len(sys.argv) > 5 else None
times, cpu = [], []
pathlib.Path('/proc/self/clear_refs').write_text('5')  # The peak of memory counts from here on.
for _ in range(repeats + 1):
    logits.grad = edge.grad = None
    start, used = time.perf_counter(), time.process_time()
    loss = joint(logits, edge, labels, edges)
    loss.backward()
    times.append((time.perf_counter() - start) * 1e3)
    cpu.append((time.process_time() - used) * 1e3)
peak = int(re.search(r'VmHWM:\s+(\d+)', pathlib.Path('/proc/self/status').read_text())[1]) / 1024
print(json.dumps({'times': times[1:], 'cpu': cpu[1:], 'loss': loss.item(), 'torch': torch.__version__, 'peak': peak,
                  'gradient': [x.grad.double().abs().sum().item() for x in (logits, edge)]}))
