#!/usr/bin/env python3
"""Side of load.mjs: a checkpoint to an ONNX file, by PyTorch. Prints one line of JSON, times in milliseconds.

usage: load_torch.py CHECKPOINT.pth OUT.onnx
"""
import json
import pathlib
import re
import sys
import time
import warnings

import torch

import reference_model


def memory():
    status = pathlib.Path('/proc/self/status').read_text()
    return {key: int(re.search(rf'{field}:\s+(\d+)', status)[1]) / 1024
            for key, field in (('peak', 'VmHWM'), ('anonymous', 'RssAnon'))}


warnings.simplefilter('ignore')  # the exporter's, several a layer
start = time.perf_counter()
saved = torch.load(sys.argv[1], map_location='cpu')
network = reference_model.load(saved['arch'], saved['state_dict'])
loaded = time.perf_counter()
reference_model.export(network, sys.argv[2])
end = time.perf_counter()
print(json.dumps({'total': (end - start) * 1e3, 'load': (loaded - start) * 1e3, 'export': (end - loaded) * 1e3,
                  'torch': torch.__version__, **memory()}))
