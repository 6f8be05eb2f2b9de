#!/usr/bin/env python3
"""The PyTorch side of load/run.mjs: exports a checkpoint to ONNX. Prints one line of JSON with times in milliseconds.

usage: torch_side.py CHECKPOINT.pth OUT.onnx
"""
import json
import pathlib
import re
import sys
import time
import warnings

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import reference_model  # noqa: E402


def memory():
    status = pathlib.Path('/proc/self/status').read_text()
    return {key: int(re.search(rf'{field}:\s+(\d+)', status)[1]) / 1024
            for key, field in (('peak', 'VmHWM'), ('anonymous', 'RssAnon'))}


warnings.simplefilter('ignore')  # The exporter prints several warnings per layer.
start = time.perf_counter()
saved = torch.load(sys.argv[1], map_location='cpu')
network = reference_model.load(saved['arch'], saved['state_dict'])
loaded = time.perf_counter()
reference_model.export(network, sys.argv[2])
end = time.perf_counter()
print(json.dumps({'total': (end - start) * 1e3, 'load': (loaded - start) * 1e3, 'export': (end - loaded) * 1e3,
                  'torch': torch.__version__, **memory()}))
