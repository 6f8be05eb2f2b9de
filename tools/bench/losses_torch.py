#!/usr/bin/env python3
"""Side of losses.mjs: the joint loss and its gradients by PyTorch, without the InverseForm term. Prints one line of JSON.

usage: losses_torch.py HEIGHT WIDTH REPEATS THREADS
"""
import json
import sys
import time

import torch
import torch.nn.functional as functional

from make_checkpoint import uniform

height, width, repeats, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)


def image(name, shape):
    return torch.from_numpy(4 * uniform(name, shape) - 2).float().requires_grad_()


def cross_entropy(logits, labels):
    counts = torch.bincount(labels[labels != 255], minlength=19)
    weights = torch.where(counts > 0, 2 - counts / counts.sum(), torch.ones(()))
    return functional.cross_entropy(logits, labels[None], weights, ignore_index=255)


def joint(logits, edge, labels, edges):
    share = edges.mean()
    bce = functional.binary_cross_entropy_with_logits(edge, edges, torch.where(edges > 0, 1 - share, share))
    attended = torch.where(edge[0, 0] > 0.8, labels, torch.tensor(255))
    return cross_entropy(logits, labels) + 0.3 * bce + 0.1 * cross_entropy(logits, attended)


logits = image('seg', [1, 19, height, width])
edge = image('edge', [1, 1, height, width])
labels = torch.from_numpy((uniform('labels', [height, width]) * 20).astype('int64'))
labels[labels == 19] = 255
edges = torch.from_numpy(uniform('edges', [1, 1, height, width]) > 0.9).float()
times = []
for _ in range(repeats + 1):
    logits.grad = edge.grad = None
    start = time.perf_counter()
    loss = joint(logits, edge, labels, edges)
    loss.backward()
    times.append((time.perf_counter() - start) * 1e3)
print(json.dumps({'times': times[1:], 'loss': loss.item(), 'torch': torch.__version__,
                  'gradient': [logits.grad.abs().sum().item(), edge.grad.abs().sum().item()]}))
