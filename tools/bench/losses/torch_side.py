#!/usr/bin/env python3
"""The PyTorch side of losses/run.mjs: the joint loss and its gradients. Answers each line with a line of JSON.

usage: torch_side.py HEIGHT WIDTH THREADS [WEIGHTS]      WEIGHTS: InverseNet's raw weights, from run.mjs
"""
import json
import pathlib
import re
import sys
import time

import numpy as np
import torch
import torch.nn.functional as functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
from make_checkpoint import uniform  # noqa: E402

height, width, threads = map(int, sys.argv[1:4])
torch.set_num_threads(threads)


def image(name, shape):
    return torch.from_numpy(4 * uniform(name, shape) - 2).float().requires_grad_()


def read_weights(path):
    values, tensors = torch.from_numpy(np.fromfile(path, np.float32)), []
    for outputs, inputs in [(1000, 2 * 224 ** 2), (32, 1000), (4, 32)]:
        weight, bias, values = values.split([outputs * inputs, outputs, len(values) - outputs * (inputs + 1)])
        tensors.append((weight.view(outputs, inputs), bias))
    return tensors


def cross_entropy(logits, target):
    counts = torch.bincount(target[target != 255], minlength=19)
    weights = torch.where(counts > 0, 2 - counts / counts.sum(), torch.ones(()))
    return functional.cross_entropy(logits, target[None], weights, ignore_index=255)


def tiles(maps):
    resized = functional.interpolate(maps, (672, 1344), mode='bilinear', align_corners=False)
    return resized.view(3, 224, 6, 224).transpose(1, 2).reshape(18, 224 ** 2)


def inverse_form(edge_logits, edge_target):
    x = torch.cat([tiles(torch.sigmoid(edge_logits)), tiles(edge_target)], 1)
    first, second, third = inverse_net
    x = functional.relu(functional.linear(x, *first))
    x = functional.relu(functional.linear(x, *second))
    return functional.linear(x, *third).norm(dim=1).mean()


def joint(logits, edge_logits, target, edge_target):
    share = edge_target.mean()
    weight = torch.where(edge_target > 0, 1 - share, share)
    bce = functional.binary_cross_entropy_with_logits(edge_logits, edge_target, weight)
    attended = torch.where(edge_logits[0, 0] > 0.8, target, torch.tensor(255))
    loss = cross_entropy(logits, target) + 0.3 * bce + 0.1 * cross_entropy(logits, attended)
    return loss + 0.3 * inverse_form(edge_logits, edge_target) if inverse_net else loss


logits = image('seg', [1, 19, height, width])
edge_logits = image('edge', [1, 1, height, width])
target = torch.from_numpy((uniform('labels', [height, width]) * 20).astype('int64'))
target[target == 19] = 255
edge_target = torch.from_numpy(uniform('edges', [1, 1, height, width]) > 0.9).float()
inverse_net = read_weights(sys.argv[4]) if len(sys.argv) > 4 else None
pathlib.Path('/proc/self/clear_refs').write_text('5')  # Reset the memory peak.
print(json.dumps({'torch': torch.__version__}), flush=True)
for _ in sys.stdin:
    logits.grad = edge_logits.grad = None
    start, used = time.perf_counter(), time.process_time()
    loss = joint(logits, edge_logits, target, edge_target)
    loss.backward()
    elapsed, cpu = time.perf_counter() - start, time.process_time() - used
    peak = int(re.search(r'VmHWM:\s+(\d+)', pathlib.Path('/proc/self/status').read_text())[1]) / 1024
    gradient = [x.grad.double().abs().sum().item() for x in (logits, edge_logits)]
    print(json.dumps({'time': elapsed * 1e3, 'cpu': cpu * 1e3, 'loss': loss.item(), 'gradient': gradient, 'peak': peak}), flush=True)
