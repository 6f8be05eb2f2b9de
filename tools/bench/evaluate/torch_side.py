#!/usr/bin/env python3
"""The PyTorch side of evaluate/run.mjs: eager inference up to labels. Answers each line, a task as JSON, with a line of JSON.

usage: torch_side.py MODEL CHECKPOINT [THREADS]

A task has the path of an image as raw RGB, its width and height, and the path for its labels. `end` ends the program.
"""
import json
import pathlib
import sys
import time

import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import reference_model  # noqa: E402


class FirstChannel(torch.nn.Module):
    """Stands in for the edge heads, which labels do not need."""

    def forward(self, x):
        return x[:, :1]


model, checkpoint = sys.argv[1:3]
torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
network = reference_model.NETWORKS[model]()
path = pathlib.Path(checkpoint)
if path.suffix == '.safetensors':
    weights = reference_model.read_safetensors(path)
else:
    weights = torch.load(path, map_location='cpu')
    weights = weights.get('state_dict', weights)
    weights = {name.removeprefix('module.'): tensor for name, tensor in weights.items()}
missing = network.load_state_dict(weights, strict=False).missing_keys
unused = ('edge', 'aux_head', 'num_batches')
assert all(key.startswith(unused) or key.endswith(unused) for key in missing), missing
network.edge_head = network.edgeocr_cls_head = FirstChannel()
network.eval()
mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def peak():
    status = pathlib.Path('/proc/self/status').read_text()
    return int(status.split('VmHWM:')[1].split()[0]) / 1024


def answer(value):
    print(json.dumps(value), flush=True)


answer({'version': f'PyTorch {torch.__version__}'})
with torch.no_grad():
    for line in sys.stdin:
        task = json.loads(line)
        if task == 'end':
            answer({'peak': peak()})
            break
        pixels = numpy.fromfile(task['image'], numpy.uint8).reshape(task['height'], task['width'], 3)
        start = time.perf_counter()
        x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
        found = reference_model.predict(network, (x - mean) / deviation)['pred']
        labels = found.argmax(1)[0].to(torch.uint8).numpy()
        milliseconds = (time.perf_counter() - start) * 1e3
        labels.tofile(task['labels'])
        answer({'times': {'image to labels': milliseconds}})
