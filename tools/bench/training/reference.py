"""Training of the networks in PyTorch: the outputs that training uses, the joint loss, and the inputs of the comparisons.

The loss follows the published code (loss/utils.py). The inputs are those of `@inverseform/testing/training`.
"""
import pathlib
import sys

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
from make_checkpoint import parameter, state_dict, uniform  # noqa: E402
from reference_model import CLASSES, NETWORKS, resize  # noqa: E402

IGNORED = 255
ROUNDING = 2.0 ** -24  # The largest relative rounding error of float32
TILE_GRID, TILE = (3, 6), 28


def batch(step, images, height, width):
    """Returns images [N,3,H,W] float32, target [N,H,W] int64 and edge target [N,1,H,W] float32."""
    n, y, x = np.ogrid[:images, :height, :width]
    label = (3 * (x // 16) + 5 * (y // 16) + step + 7 * n) % 20
    noise = (4 * uniform(f'batch.{step}', (images, 3, height, width)) - 2).astype(np.float32)
    color = np.array([-1, 0, 1], np.float32).reshape(1, 3, 1, 1) * (label[:, None] / 8).astype(np.float32)
    edges = np.broadcast_to((x % 16 < 2) | (y % 16 < 2), label.shape)[:, None].astype(np.float32)
    return (torch.from_numpy(noise + color), torch.from_numpy(np.where(label == 19, IGNORED, label)),
            torch.from_numpy(edges))


def network(name, dtype, moved=0.0):
    """Returns a network with the deterministic weights, each moved by up to `moved` of itself."""
    net = NETWORKS[name]()
    weights = state_dict(name)
    for bias in ('edgeocr_cls_head.bias', 'edge_head.last_layer.3.bias'):
        if bias in weights:  # Above 0.8 on some pixels, which the edge attention needs.
            weights[bias] += 1
    net.load_state_dict(weights)
    net = net.to(dtype).train()
    with torch.no_grad():
        for key, value in net.named_parameters():
            value *= torch.from_numpy(1 + moved * (2 * uniform(f'moved.{key}', tuple(value.shape)) - 1)).to(dtype)
    return net


def inverse_net(dtype):
    sizes = [2 * TILE ** 2, 256, 32, 4]
    return [(parameter(f'fc.{2 * i}.weight', (sizes[i + 1], sizes[i])).to(dtype),
             parameter(f'fc.{2 * i}.bias', (sizes[i + 1],)).to(dtype)) for i in range(3)]


class Heads:
    """Runs a network and collects what its training heads return, at the image's size."""

    def __init__(self, net):
        self.net, self.seen = net, {}
        for key, module in (('backbone', net.backbone), ('regions', net.ocr.aux_head if hasattr(net, 'ocr') else net.aux_head),
                            ('edge_head', net.edge_head)):
            module.register_forward_hook(lambda _, __, output, key=key: self.seen.__setitem__(key, output))

    def once(self, image):
        self.seen.clear()
        outputs = self.net(image)
        features = self.seen['backbone']
        if 'regions' not in self.seen:
            self.net.aux_head(features)
        if 'edge_head' not in self.seen:
            self.net.edge_head(features)
        edge_head = self.seen['edge_head']
        # The edge output of ocrnet48-hms is the sigmoid of its edge head; losses need the logit.
        edge = edge_head if 'attention' in outputs else outputs['edge']
        maps = {'logits': outputs['logits'], 'edge': edge, 'aux_logits': self.seen['regions'], 'aux_edge': edge_head}
        if 'attention' in outputs:
            maps['attention'] = outputs['attention']
        return {key: resize(value, image) for key, value in maps.items()}

    def __call__(self, image):
        if not hasattr(self.net, 'scale_attn'):
            return self.once(image)
        half = F.interpolate(image, size=[n // 2 for n in image.shape[-2:]], mode='bilinear', align_corners=False)
        low, full = self.once(half), self.once(image)
        rest = 1 - resize(low['attention'], image)
        for key in ('logits', 'aux_logits'):
            full[key] = resize(low['attention'] * low[key], image) + rest * full[key]
        return full


def cross_entropy(logits, target):
    """Image-weighted cross-entropy: class weights of the batch, a weighted mean per image, summed over the images."""
    valid = target[target != IGNORED]
    counts = torch.bincount(valid, minlength=CLASSES).to(logits.dtype)
    weights = torch.where(counts > 0, 2 - counts / max(len(valid), 1), torch.ones((), dtype=logits.dtype))
    losses = [F.cross_entropy(x[None], y[None], weights, ignore_index=IGNORED)
              for x, y in zip(logits, target) if (y != IGNORED).any()]
    return sum(losses) if losses else logits.sum() * 0


def edge_bce(edge_logits, edge_target):
    share = edge_target.mean()
    weight = torch.where(edge_target > 0, 1 - share, share)
    return F.binary_cross_entropy_with_logits(edge_logits, edge_target, weight)


def edge_attention(logits, edge_logits, target):
    return cross_entropy(logits, torch.where(edge_logits[:, 0] > 0.8, target, torch.full_like(target, IGNORED)))


def tiles(maps):
    (rows, columns), images = TILE_GRID, len(maps)
    resized = F.interpolate(maps, (rows * TILE, columns * TILE), mode='bilinear', align_corners=False)
    return resized.view(images, rows, TILE, columns, TILE).permute(1, 3, 0, 2, 4).reshape(-1, TILE ** 2)


def inverse_form(edge_logits, edge_target, regressor):
    x = torch.cat([tiles(torch.sigmoid(edge_logits)), tiles(edge_target)], 1)
    for i, (weight, bias) in enumerate(regressor):
        x = F.linear(x if i == 0 else F.relu(x), weight, bias)
    return x.norm(dim=1).mean()


def joint(logits, edge_logits, target, edge_target, regressor):
    terms = {'crossEntropy': cross_entropy(logits, target), 'edgeBce': edge_bce(edge_logits, edge_target),
             'edgeAttention': edge_attention(logits, edge_logits, target),
             'inverseForm': inverse_form(edge_logits, edge_target, regressor)}
    factors = {'crossEntropy': 1, 'edgeBce': 0.3, 'edgeAttention': 0.1, 'inverseForm': 0.3}
    return sum(factors[name] * term for name, term in terms.items()), terms


def loss(heads, inputs, regressor):
    """Returns the training loss, the joint loss plus 0.4 times that of the auxiliary heads, and its terms."""
    image, target, edge_target = inputs
    dtype = regressor[0][0].dtype
    edge_target = edge_target.to(dtype)
    out = heads(image.to(dtype))
    total, terms = joint(out['logits'], out['edge'], target, edge_target, regressor)
    auxiliary, _ = joint(out['aux_logits'], out['aux_edge'], target, edge_target, regressor)
    return total + 0.4 * auxiliary, {**terms, 'auxiliary': auxiliary}


def train(name, optimizer, rate, steps, size, dtype, moved=0.0, after_first=lambda net: None):
    """Trains with momentum 0.9 and decay 5e-4 (sgd) or PyTorch's defaults (adamw), both with the poly schedule of power 0.9.
    Returns all losses, and the running statistics after the first step."""
    net, regressor = network(name, dtype, moved), inverse_net(dtype)
    heads = Heads(net)
    method = (torch.optim.SGD(net.parameters(), rate, momentum=0.9, weight_decay=5e-4) if optimizer == 'sgd'
              else torch.optim.AdamW(net.parameters(), rate, weight_decay=0.01))
    schedule = torch.optim.lr_scheduler.LambdaLR(method, lambda step: (1 - step / steps) ** 0.9)
    losses, statistics = [], {}
    for step in range(steps):
        method.zero_grad()
        total, _ = loss(heads, batch(step, *size), regressor)
        total.backward()
        if step == 0:
            after_first(net)
            statistics = {key: value.clone() for key, value in net.named_buffers() if value.is_floating_point()}
        method.step()
        schedule.step()
        losses.append(total.item())
    return {'losses': losses, 'statistics': statistics}
