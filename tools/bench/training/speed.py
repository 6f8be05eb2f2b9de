#!/usr/bin/env python3
"""The PyTorch side of speed.ts. Reads numbers of steps from standard input, and prints the milliseconds of each step as JSON.

usage: speed.py model images height width
"""
import json
import resource
import sys
import time

import torch

import reference

name, size = sys.argv[1], [int(value) for value in sys.argv[2:5]]
torch.set_num_threads(2)
net = reference.network(name, torch.float32)
method = torch.optim.SGD(net.parameters(), 1e-3, momentum=0.9, weight_decay=5e-4)
image, target, edge_target = reference.batch(0, *size)
for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        start = time.perf_counter()
        method.zero_grad()
        out = {key: reference.resize(value, image) for key, value in net(image).items()}
        loss = reference.cross_entropy(out['logits'], target) + 0.3 * reference.edge_bce(out['edge'], edge_target)
        loss.backward()
        method.step()
        loss.item()
        times.append(1000 * (time.perf_counter() - start))
    print(json.dumps({'times': times, 'peak': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)
