#!/usr/bin/env python3
"""The Python side of metrics-files/run.mjs: counts as evalPixelLevelSemanticLabeling.py does, with Pillow and NumPy.

usage: pillow_side.py DATASET unique|bincount

Prints one line of JSON. `unique` builds the confusion matrix with np.unique, like the script without its Cython part;
`bincount` uses np.bincount.
"""
import glob
import json
import os
import sys
import time

import numpy as np
import PIL
from PIL import Image

dataset, how = sys.argv[1:3]
LABELS, GROUPS = 34, {'human': [24, 25], 'vehicle': [26, 27, 28, 29, 30, 31, 32, 33]}
SIZES = {'bicycle': 4672.3249222261, 'bus': 35732.1511111111, 'car': 12794.0202738185, 'motorcycle': 6298.7200839748,
         'person': 3462.4756337644, 'rider': 3930.4788056518, 'train': 67583.7075812274, 'truck': 27855.1264367816}
NAMES = {24: 'person', 25: 'rider', 26: 'car', 27: 'truck', 28: 'bus', 31: 'train', 32: 'motorcycle', 33: 'bicycle'}
spent = {'decode': 0.0, 'matrix': 0.0, 'instances': 0.0}
confusion = np.zeros((LABELS, LABELS), np.int64)
sums = {name: {'tp': 0.0, 'fn': 0.0} for name in [*NAMES.values(), *GROUPS]}


def count_unique(target, prediction):
    encoding = max(target.max(), prediction.max()).astype(np.int32) + 1
    values, counts = np.unique(target.astype(np.int32) * encoding + prediction, return_counts=True)
    confusion[values // encoding, values % encoding] += counts


def count_bincount(target, prediction):
    pairs = LABELS * target.astype(np.intp) + prediction
    confusion[:] += np.bincount(pairs.ravel(), minlength=LABELS ** 2).reshape(LABELS, LABELS)


def add_instances(instances, prediction):
    predicted = {name: np.isin(prediction, ids) for name, ids in GROUPS.items()}
    for instance in np.unique(instances[instances > 1000]):
        label = instance // 1000
        if label not in NAMES:
            continue
        mask = instances == instance
        size = np.count_nonzero(mask)
        group = next(name for name, ids in GROUPS.items() if label in ids)
        for name, hits in [(NAMES[label], np.count_nonzero(prediction[mask] == label)),
                           (group, np.count_nonzero(np.logical_and(mask, predicted[group])))]:
            weight = SIZES[NAMES[label]] / size
            sums[name]['tp'] += hits * weight
            sums[name]['fn'] += (size - hits) * weight


def timed(stage, work):
    used = time.process_time()
    result = work()
    spent[stage] += (time.process_time() - used) * 1e3
    return result


start = time.perf_counter()
count = count_unique if how == 'unique' else count_bincount
targets = sorted(glob.glob(f'{dataset}/gtFine/val/*/*_gtFine_labelIds.png'))
for path in targets:
    name = os.path.basename(path)[:-len('_gtFine_labelIds.png')]
    files = [path, path.replace('labelIds', 'instanceIds'), *glob.glob(f'{dataset}/results/{name}*.png')]
    target, instances, prediction = timed('decode', lambda: [np.array(Image.open(file)) for file in files])
    timed('matrix', lambda: count(target, prediction))
    timed('instances', lambda: add_instances(instances, prediction))
elapsed = (time.perf_counter() - start) * 1e3
print(json.dumps({'time': elapsed, 'cpu': time.process_time() * 1e3 / len(targets), 'images': len(targets), **{stage: ms / len(targets) for stage, ms in spent.items()},
                  'confusion': confusion.tolist(), 'sums': sums,
                  'versions': [f'NumPy {np.__version__}', f'Pillow {PIL.__version__}']}))
