#!/usr/bin/env python3
"""The PyTorch side of gradients.ts: compares gradients with autograd in float64. Prints one line of JSON.

usage: gradients.py MODEL IMAGES HEIGHT WIDTH GRADIENTS.json
       beside the JSON file: GRADIENTS.f32, the gradients, and GRADIENTS.relus, a byte per result of a ReLU: whether it is above 0

Rounding changes the side of 0 on which a few of the values before ReLUs are. There the gradient is discontinuous, so these values
alone can outweigh all rounding errors. Each side is therefore also compared with float64 on its own sides of all ReLUs. A third
side, float64 with weights moved by float32's rounding, shows how far the gradients are determined by float32 weights at all.
"""
import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch.nn import functional

import reference

model, path = sys.argv[1], pathlib.Path(sys.argv[5])
images, height, width = map(int, sys.argv[2:5])
torch.set_num_threads(2)
plain_relu = functional.relu


def gradients(dtype, relu=plain_relu, moved=0.0):
    functional.relu = relu
    net = reference.network(model, dtype, moved)
    total, terms = reference.loss(reference.Heads(net), reference.batch(0, images, height, width),
                                  reference.inverse_net(dtype))
    total.backward()
    functional.relu = plain_relu
    found = {name: value.grad.numpy() for name, value in net.named_parameters() if value.grad is not None}
    return found, {'loss': total.item(), **{name: term.item() for name, term in terms.items()}}


class Sides:
    """The sides of 0 of all values before ReLUs, in the order of PyTorch's calls."""

    def __init__(self):
        self.masks, self.at, self.moved, self.count, self.furthest = [], 0, 0, 0, 0.0

    def record(self, x, inplace=False):
        self.masks.append((x > 0).detach())
        return plain_relu(x)

    def impose(self, x, inplace=False):
        mask = self.masks[self.at]
        self.at += 1
        moved = mask != (x > 0)
        self.moved, self.count = self.moved + int(moved.sum()), self.count + x.numel()
        if moved.any():
            self.furthest = max(self.furthest, float(x[moved].abs().max()))
        # Mirrors values to the other side. A product with the mask has wrong gradients in PyTorch 1.13, where the layout of a
        # gradient then differs from that of the normalization's input (ocrnet48).
        return plain_relu(x + torch.where(moved, -2 * x, torch.zeros_like(x)).detach())


def ours_in_order(theirs, shapes, values):
    """Finds for each call of ReLU in PyTorch the one of ours with the same sides."""
    left, at = [], 0
    for shape in shapes:
        left.append(torch.from_numpy(values[at:at + math.prod(shape)].reshape(shape) > 0))
        at += math.prod(shape)
    found = Sides()
    for mask in theirs.masks:
        same = [(int((mask != other).sum()), i) for i, other in enumerate(left) if other.shape == mask.shape]
        if not same:  # InverseNet's are not ReLUs of our graph.
            found.masks.append(mask)
            continue
        differences, i = min(same)
        assert differences < 0.01 * mask.numel() + 2, (mask.shape, differences)
        found.masks.append(left.pop(i))
    assert not left
    return found


def compare(found, exact):
    """Relative L2 over all tensors, over those with a gradient, the worst tensors, and the norm where the gradient is 0."""
    norms = {name: float(np.linalg.norm(value)) for name, value in exact.items()}
    total = sum(norm ** 2 for norm in norms.values()) ** 0.5
    errors = {name: float(np.linalg.norm(found[name].astype(np.float64) - value)) for name, value in exact.items()}
    zero = [name for name, norm in norms.items() if norm < 1e-10 * total]
    rest = [name for name in exact if name not in zero]
    worst = sorted(rest, key=lambda name: -errors[name] / norms[name])

    def over(names):
        return sum(errors[name] ** 2 for name in names) ** 0.5 / total

    return {'all': over(exact), 'withoutZero': over(rest), 'zero': {name: errors[name] / total for name in zero},
            'median': float(np.median([errors[name] / norms[name] for name in rest])),
            'worst': [{'name': name, 'relative': errors[name] / norms[name], 'share': norms[name] / total}
                      for name in worst[:3]]}


def on_sides(found, sides):
    """Compares with float64 on the given sides of all ReLUs."""
    exact, _ = gradients(torch.float64, sides.impose)
    return {**compare(found, exact), 'moved': sides.moved, 'values': sides.count, 'furthest': sides.furthest}


index = json.loads(path.read_text())
values, at, ours = np.fromfile(path.with_suffix('.f32'), np.float32), 0, {}
for name, shape in index['tensors']:
    ours[name], at = values[at:at + math.prod(shape)].reshape(shape), at + math.prod(shape)
theirs = Sides()
single, single_losses = gradients(torch.float32, theirs.record)
own = ours_in_order(theirs, index['relus'], np.fromfile(path.with_suffix('.relus'), np.uint8))
moved = Sides()
nearby, _ = gradients(torch.float64, moved.record, reference.ROUNDING)
exact, losses = gradients(torch.float64)
assert sorted(exact) == sorted(ours), set(exact) ^ set(ours)
print(json.dumps({'torch': torch.__version__, 'parameters': at, 'losses': losses, 'singleLosses': single_losses,
                  'ours': {'plain': compare(ours, exact), 'sameSides': on_sides(ours, own)},
                  'single': {'plain': compare(single, exact), 'sameSides': on_sides(single, theirs)},
                  'moved': {'plain': compare(nearby, exact), 'sameSides': on_sides(nearby, moved)}}))
