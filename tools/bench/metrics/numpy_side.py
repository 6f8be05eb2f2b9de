#!/usr/bin/env python3
"""The Python side of metrics/run.mjs: the metrics with NumPy and SciPy, class by class, as common Python code computes them.

usage: numpy_side.py FOLDER HEIGHT WIDTH     FOLDER: target.u8 and prediction.u8, train ids with 255 for void

Reads function names, one per line. Answers each with a line of JSON: milliseconds (wall clock, CPU time) and the result.
"""
import hashlib
import json
import sys
import time

import numpy as np
import scipy
from scipy import ndimage
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt

CLASSES, VOID = 19, 255
TOLERANCES = [0.0005, 0.001875, 0.00375, 0.005]
WIDTHS = [1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 40]
folder, height, width = sys.argv[1], *map(int, sys.argv[2:4])
target, prediction = (np.fromfile(f'{folder}/{name}.u8', np.uint8).reshape(height, width) for name in ('target', 'prediction'))
target64, prediction64 = target.astype(np.int64), prediction.astype(np.int64)
valid = target != VOID
diagonal = np.hypot(height, width)


def disk(radius):
    """As in scikit-image, which DAVIS's code uses."""
    offsets = np.arange(-radius, radius + 1) ** 2
    return offsets[:, None] + offsets <= radius ** 2


def masks():
    """Yields the target and predicted mask of each class, without void pixels."""
    for c in range(CLASSES):
        yield (target == c) & valid, (prediction == c) & valid


def fast_hist(t, p):
    """As in HMS, Gated-SCNN and FCN."""
    k = (t >= 0) & (t < CLASSES)
    return np.bincount(CLASSES * t[k].astype(int) + p[k], minlength=CLASSES ** 2).reshape(CLASSES, CLASSES)


def confusion_int64():
    return fast_hist(target64.ravel(), prediction64.ravel())


def confusion_uint8():
    return fast_hist(target.ravel(), prediction.ravel())


def confusion_no_mask():
    """The fastest version found: packs both ids into 16 bits, counts void, and cuts it off."""
    pairs = (target.ravel().astype(np.uint16) << 8) | prediction.ravel()
    return np.bincount(pairs, minlength=2 ** 16).reshape(256, 256)[:CLASSES, :CLASSES]


def boundary():
    """Returns the pixels with a 4-neighbor of a different class, where neither is void."""
    edges = np.zeros((height, width), bool)
    down = (target[1:] != target[:-1]) & valid[1:] & valid[:-1]
    right = (target[:, 1:] != target[:, :-1]) & valid[:, 1:] & valid[:, :-1]
    edges[1:] |= down
    edges[:-1] |= down
    edges[:, 1:] |= right
    edges[:, :-1] |= right
    return edges


target_boundary = boundary()


def edt():
    return distance_transform_edt(~target_boundary)


def seg2bmap(mask):
    east, south, both = np.zeros_like(mask), np.zeros_like(mask), np.zeros_like(mask)
    east[:, :-1], south[:-1], both[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
    b = (mask ^ east) | (mask ^ south) | (mask ^ both)
    b[-1], b[:, -1] = mask[-1] ^ east[-1], mask[:, -1] ^ south[:, -1]
    b[-1, -1] = 0
    return b


def boundary_f(near):
    """`near` takes a boundary and radii, and returns the pixels within each radius."""
    radii = [int(np.ceil(tolerance * diagonal)) for tolerance in TOLERANCES]
    scores = [[] for _ in radii]
    for g, p in masks():
        absent = not g.any() and not p.any()
        g, p = seg2bmap(g), seg2bmap(p)
        for f, near_g, near_p in zip(scores, near(g, radii), near(p, radii)):
            precision = (p & near_g).sum() / p.sum() if p.any() else 1
            recall = (g & near_p).sum() / g.sum() if g.any() else 1
            both = precision + recall
            f.append(np.nan if absent else 2 * precision * recall / both if both else 0)
    return scores


def boundary_f_dilation():
    """As in DAVIS and Gated-SCNN."""
    return boundary_f(lambda mask, radii: (binary_dilation(mask, disk(r)) for r in radii))


def boundary_f_edt():
    def near(mask, radii):
        distances = distance_transform_edt(~mask) if mask.any() else np.full(mask.shape, np.inf)
        return (distances <= r for r in radii)

    return boundary_f(near)


def boundary_iou(inner):
    d = max(1, int(round(0.005 * diagonal)))
    regions = ([m & ~inner(m, d) for m in pair] for pair in masks())
    return [[int((g & p).sum()), int((g | p).sum())] for g, p in regions]


def boundary_iou_erosion():
    """As in boundary-iou-api, with SciPy's erosion instead of OpenCV's."""
    return boundary_iou(lambda m, d: binary_erosion(m, np.ones((3, 3)), iterations=d))


def boundary_iou_filter():
    """Filters row by row, then column by column."""
    return boundary_iou(lambda m, d: ndimage.minimum_filter(m, 2 * d + 1, mode='constant', cval=0))


def trimap():
    distances = distance_transform_edt(~target_boundary)
    curve = []
    for limit in WIDTHS:
        band = (distances < limit) & valid
        pairs = CLASSES * target[band].astype(int) + prediction[band]
        counts = np.bincount(pairs, minlength=CLASSES ** 2).reshape(CLASSES, CLASSES)
        hits = np.diag(counts)
        union = counts.sum(0) + counts.sum(1) - hits
        with np.errstate(all='ignore'):
            curve.append([np.nanmean(hits / union), hits.sum() / counts.sum()])
    return curve


def surface():
    """As in MedPy and surface-distance."""
    cross = ndimage.generate_binary_structure(2, 1)
    rows = []
    for g, p in masks():
        if not g.any() or not p.any():
            rows.append([np.nan] * 3)
            continue
        g, p = g & ~binary_erosion(g, cross), p & ~binary_erosion(p, cross)
        a, b = distance_transform_edt(~p)[g], distance_transform_edt(~g)[p]
        rows.append([max(a.max(), b.max()), np.percentile(np.hstack((a, b)), 95), (a.mean() + b.mean()) / 2])
    return rows


def plain(found):
    """Converts a result to JSON: distances as a hash of their squares, and lists with None for NaN."""
    if isinstance(found, np.ndarray) and found.dtype == np.float64:
        return hashlib.sha1(np.rint(found ** 2).astype('<i4').tobytes()).hexdigest()
    return json.loads(json.dumps(np.asarray(found).tolist()).replace('NaN', 'null'))


print(json.dumps({'versions': [f'NumPy {np.__version__}', f'SciPy {scipy.__version__}']}), flush=True)
for line in sys.stdin:
    start, used = time.perf_counter(), time.process_time()
    found = globals()[line.strip()]()
    times = {'wall': (time.perf_counter() - start) * 1e3, 'cpu': (time.process_time() - used) * 1e3}
    print(json.dumps({**times, 'found': plain(found)}), flush=True)
