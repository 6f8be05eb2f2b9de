#!/usr/bin/env python3
"""Prints the validation loss of hrnet16-slim, term by term, as computed by PyTorch and SciPy.

The terms are those of `inverseform eval --edge-head --loss`.

usage: run.py CHECKPOINT.pth DATASET        DATASET: a folder in Cityscapes' layout with a val split
Needs torch, numpy, scipy and Pillow.
"""
import glob
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as functional
from PIL import Image
from scipy.ndimage import distance_transform_edt

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import reference_model  # noqa: E402

LABEL_IDS = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
TRAIN_IDS = np.full(256, 255, np.uint8)
TRAIN_IDS[LABEL_IDS] = range(19)


def cross_entropy(logits, labels):
    counts = np.histogram(labels, range(20))[0]
    weights = np.where(counts > 0, 2 - counts / counts.sum(), 1)
    target = torch.from_numpy(labels.astype(np.int64))[None]
    return functional.cross_entropy(logits, target, torch.tensor(weights).float(), ignore_index=255).item()


def edges_of(labels):
    edges = np.zeros(labels.shape, bool)
    for train_id in range(1, 19):
        inside = np.pad(labels == train_id, 1)
        distance = distance_transform_edt(inside) + distance_transform_edt(~inside)
        edges |= (distance <= 2)[1:-1, 1:-1] & (labels.size > inside.sum() > 0)
    return edges


def edge_bce(logits, edges):
    share = edges.mean()
    target = torch.from_numpy(edges).float()[None, None]
    weight = torch.from_numpy(np.where(edges, 1 - share, share)).float()[None, None]
    return functional.binary_cross_entropy_with_logits(logits, target, weight).item()


def terms(network, path):
    image = np.asarray(Image.open(path).convert('RGB'), np.float32) / 255
    normalized = (image - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    outputs = reference_model.predict(network, torch.from_numpy(normalized.transpose(2, 0, 1)[None]).float())
    target_path = path.replace('leftImg8bit/', 'gtFine/').replace('_leftImg8bit', '_gtFine_labelIds')
    labels = TRAIN_IDS[np.asarray(Image.open(target_path))]
    attended = np.where(outputs['edge_pred'][0, 0].numpy() > 0.8, labels, 255)
    return (cross_entropy(outputs['pred'], labels), edge_bce(outputs['edge_pred'], edges_of(labels)),
            cross_entropy(outputs['pred'], attended))


if __name__ == '__main__':
    checkpoint, dataset = sys.argv[1:3]
    network = reference_model.load('hrnet16-slim', torch.load(checkpoint, map_location='cpu')['state_dict'])
    with torch.no_grad():
        means = np.mean([terms(network, path) for path in sorted(glob.glob(f'{dataset}/leftImg8bit/val/*/*.png'))], axis=0)
    print('cross-entropy %.8f, edge BCE %.8f, edge attention %.8f' % tuple(means), 'joint %.8f' % (means @ [1, 0.3, 0.1]))
