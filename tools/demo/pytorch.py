#!/usr/bin/env python3
"""Writes pytorch.json: PyTorch's scores of the bundled checkpoint on the bundled scenes, which the tests compare ours with.

usage: pytorch.py [CHECKPOINT.pth]
Needs torch, numpy and Pillow.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / 'bench/lib'))
import reference_model  # noqa: E402

LABEL_IDS = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]

checkpoint = sys.argv[1] if len(sys.argv) > 1 else here.parents[1] / 'checkpoints/hrnet16-slim-demo.pth'
saved = torch.load(checkpoint, map_location='cpu', weights_only=True)
network = reference_model.load(saved['model'], saved['state_dict'])
confusion = np.zeros((19, 19), np.int64)
images = {}
for path in sorted((here / 'cityscapes/leftImg8bit/val').glob('*/*.png')):
    image = np.asarray(Image.open(path).convert('RGB'), np.float32) / 255
    normalized = (image - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.no_grad():
        logits = reference_model.predict(network, torch.from_numpy(normalized.transpose(2, 0, 1)[None]).float())['pred']
    confidence, labels = (values[0].numpy() for values in logits.softmax(1).max(1))
    target = np.asarray(Image.open(str(path).replace('leftImg8bit/', 'gtFine/').replace('_leftImg8bit', '_gtFine_labelIds')))
    for train_id, label_id in enumerate(LABEL_IDS):
        confusion[train_id] += np.bincount(labels[target == label_id], minlength=19)
    images[path.name.replace('_leftImg8bit.png', '')] = {'mean_confidence': float(confidence.mean())}
hits = np.diag(confusion)
iou = hits / (confusion.sum(0) + confusion.sum(1) - hits)
result = {
    'miou': float(np.nanmean(iou)),
    'iou': iou.tolist(),
    'acc': float(hits.sum() / confusion.sum()),
    'confusion': confusion.tolist(),
    'images': images,
}
(here / 'pytorch.json').write_text(json.dumps(result, indent=2) + '\n')
print(f'mean IoU {result["miou"]:.4f}, accuracy {result["acc"]:.4f}')
