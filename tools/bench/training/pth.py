#!/usr/bin/env python3
"""Loads a `.pth` of a training, as PyTorch loads what it does not trust, and compares its labels with those of `inverseform`.

Where the two best classes differ by rounding alone, either is right: PyTorch in float64 shows by how much they differ there.

usage: pth.py last.pth DATASET PREDICTIONS RUN    PREDICTIONS: label ids of `inverseform predict`
                                                  RUN: its eval/results.json is of `inverseform eval`
Needs torch, numpy and Pillow.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import reference_model  # noqa: E402

LABEL_IDS = np.array([7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33], np.uint8)

checkpoint, dataset, predictions, run = sys.argv[1:5]
saved = torch.load(checkpoint, map_location='cpu', weights_only=True)
network = reference_model.load(saved['model'], saved['state_dict'])
found = {path.name.replace('_leftImg8bit_labelIds.png', ''): path for path in pathlib.Path(predictions).rglob('*.png')}
different = pixels = rounded = 0
margin = 0.0
classes = set()
confusion = np.zeros((19, 19), np.int64)
for path in sorted(pathlib.Path(dataset, 'leftImg8bit/val').glob('*/*.png')):
    image = np.asarray(Image.open(path).convert('RGB'), np.float32) / 255
    normalized = (image - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    pixels_of_image = torch.from_numpy(normalized.transpose(2, 0, 1)[None])
    with torch.no_grad():
        labels = reference_model.predict(network.float(), pixels_of_image.float())['pred'][0].argmax(0).numpy()
        exact = reference_model.predict(network.double(), pixels_of_image.double())['pred'][0]
    name = path.name.replace('_leftImg8bit.png', '')
    ours = np.asarray(Image.open(found[name]))
    differs = ours != LABEL_IDS[labels]
    different += int(differs.sum())
    rounded += int((labels != exact.argmax(0).numpy()).sum())
    if differs.any():
        best = exact.topk(2, 0).values.numpy()
        margin = max(margin, float((best[0] - best[1])[differs].max()))
    pixels += labels.size
    classes |= set(np.unique(labels).tolist())
    target = np.asarray(Image.open(str(path).replace('leftImg8bit/', 'gtFine/').replace('_leftImg8bit', '_gtFine_labelIds')))
    for train_id, label_id in enumerate(LABEL_IDS):
        confusion[train_id] += np.bincount(labels[target == label_id], minlength=19)
hits = np.diag(confusion)
union = confusion.sum(0) + confusion.sum(1) - hits
mean_iou = float(np.mean(hits[union > 0] / union[union > 0]))
results = json.loads(pathlib.Path(run, 'eval/results.json').read_text())
print(f'weights_only load of step {saved["step"]}: {different} of {pixels} labels differ from `inverseform predict`, '
      f'where the two best logits differ by at most {margin:.1e}; PyTorch float32 differs from its float64 in {rounded}; '
      f'{len(classes)} classes; mean IoU {mean_iou:.6f}, `inverseform eval` {results["scores"]["meanIou"]:.6f}')
sys.exit(margin > 1e-4)
