#!/usr/bin/env python3
"""The published segmentation networks in PyTorch, the reference that the packages are compared with.

usage: reference_model.py --check                      compares all four networks with the golden outputs
       reference_model.py CHECKPOINT.pth OUT.onnx      exports the model of a checkpoint
Needs torch and numpy, and onnx to export. Layer names are those of the published state dicts.
"""
import json
import sys

import torch
from torch import nn
from torch.nn import functional as F

import make_checkpoint

CLASSES = 19
HMS_SCALES = (2.0, 1.0, 0.5, 0.25)


def resize(x, like):
    return F.interpolate(x, size=like.shape[-2:], mode='bilinear', align_corners=False)


def conv(inputs, outputs, kernel, stride=1, bias=False):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)


def norm_relu(channels):
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def conv_norm(inputs, outputs, kernel, stride=1, relu=True):
    layers = [conv(inputs, outputs, kernel, stride), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class BasicBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.bn1 = conv(channels, channels, 3), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = conv(channels, channels, 3), nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + x)


class Bottleneck(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, 64, 1), nn.BatchNorm2d(64)
        self.conv2, self.bn2 = conv(64, 64, 3), nn.BatchNorm2d(64)
        self.conv3, self.bn3 = conv(64, 256, 1), nn.BatchNorm2d(256)
        self.downsample = nn.Identity() if inputs == 256 else conv_norm(inputs, 256, 1, relu=False)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class Exchange(nn.Module):
    """One module of a stage: runs each branch separately, then fuses all branches into each."""

    def __init__(self, widths, blocks):
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicBlock(w) for _ in range(blocks))) for w in widths)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self.path(widths, i, j) for j in range(len(widths))) for i in range(len(widths)))

    @staticmethod
    def path(widths, i, j):
        if j == i:
            return nn.Identity()
        if j > i:
            return conv_norm(widths[j], widths[i], 1, relu=False)
        steps = [conv_norm(widths[j], widths[j], 3, 2) for _ in range(i - j - 1)]
        return nn.Sequential(*steps, conv_norm(widths[j], widths[i], 3, 2, relu=False))

    def forward(self, inputs):
        xs = [branch(x) for branch, x in zip(self.branches, inputs)]
        outputs = []
        for i, paths in enumerate(self.fuse_layers):
            terms = [resize(path(x), xs[i]) if j > i else path(x) for j, (path, x) in enumerate(zip(paths, xs))]
            outputs.append(F.relu(sum(terms[1:], terms[0])))
        return outputs


class HRNet(nn.Module):
    def __init__(self, base):
        super().__init__()
        large = base == 48
        blocks = 4 if large else 2
        if base == 16:
            self.conv0 = nn.Conv2d(3, 3, 2, 2, bias=False)
        self.conv1, self.bn1 = conv(3, 64, 3, 2), nn.BatchNorm2d(64)
        self.conv2, self.bn2 = conv(64, 64, 3, 2), nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(*(Bottleneck(64 if b == 0 else 256) for b in range(blocks)))
        before = [256]
        for stage, modules in zip((2, 3, 4), (1, 4, 3) if large else (1, 3, 2)):
            widths = [base << i for i in range(stage)]
            kept = [nn.Identity() if a == b else conv_norm(a, b, 3) for a, b in zip(before, widths)]
            added = nn.Sequential(conv_norm(before[-1], widths[-1], 3, 2))
            setattr(self, f'transition{stage - 1}', nn.ModuleList([*kept, added]))
            setattr(self, f'stage{stage}', nn.Sequential(*(Exchange(widths, blocks) for _ in range(modules))))
            before = widths

    def forward(self, x):
        if hasattr(self, 'conv0'):
            x = self.conv0(x)
        x = F.relu(self.bn1(self.conv1(x)))
        xs = [self.layer1(F.relu(self.bn2(self.conv2(x))))]
        for stage in (2, 3, 4):
            transition = getattr(self, f'transition{stage - 1}')
            xs = [layer(x) for layer, x in zip(transition, [*xs, xs[-1]])]
            xs = getattr(self, f'stage{stage}')(xs)
        return torch.cat([xs[0], *(resize(x, xs[0]) for x in xs[1:])], 1)


class EdgeHead(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.last_layer = nn.Sequential(
            conv(channels, channels, 1, bias=True), nn.BatchNorm2d(channels), nn.ReLU(inplace=True),
            conv(channels, 1, 1, bias=True))

    def forward(self, x):
        return self.last_layer(x)


class Head(nn.Module):
    def __init__(self, inputs, hidden, bias):
        super().__init__()
        self.last_layer = nn.Sequential(
            conv(inputs, hidden, 1, bias=bias), norm_relu(hidden), conv(hidden, CLASSES, 1, bias=bias))

    def forward(self, x):
        return self.last_layer(x)


def auxiliary_head(channels):
    return nn.Sequential(conv(channels, channels, 1, bias=True), norm_relu(channels),
                         conv(channels, CLASSES, 1, bias=True))


class HRNetSegmenter(nn.Module):
    """hrnet18 and hrnet16-slim."""

    def __init__(self, base):
        super().__init__()
        features = 15 * base
        self.backbone = HRNet(base)
        self.hrhead = Head(features, 120, False) if base == 16 else Head(features, features, True)
        # Trained with, and in the state dict, but not part of inference.
        self.aux_head = auxiliary_head(features)
        self.edge_head = EdgeHead(features)
        self.edgeocr_cls_head = conv(features, 1, 1, bias=True)

    def forward(self, image):
        features = self.backbone(image)
        return {'logits': self.hrhead(features), 'edge': self.edgeocr_cls_head(features)}


class ObjectContext(nn.Module):
    def __init__(self):
        super().__init__()
        self.f_pixel = nn.Sequential(conv(512, 256, 1), norm_relu(256), conv(256, 256, 1), norm_relu(256))
        self.f_object = nn.Sequential(conv(512, 256, 1), norm_relu(256), conv(256, 256, 1), norm_relu(256))
        self.f_down = nn.Sequential(conv(512, 256, 1), norm_relu(256))
        self.f_up = nn.Sequential(conv(256, 512, 1), norm_relu(512))

    def forward(self, pixels, objects):
        query = self.f_pixel(pixels).flatten(2).transpose(1, 2)
        key = self.f_object(objects).flatten(2)
        value = self.f_down(objects).flatten(2).transpose(1, 2)
        likeness = torch.softmax(query @ key * 256 ** -0.5, 2)
        context = (likeness @ value).transpose(1, 2)
        return self.f_up(context.reshape(-1, 256, *pixels.shape[-2:]))


class DistributionHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.object_context_block = ObjectContext()
        self.conv_bn_dropout = nn.Sequential(conv(1024, 512, 1), norm_relu(512))

    def forward(self, pixels, objects):
        return self.conv_bn_dropout(torch.cat([self.object_context_block(pixels, objects), pixels], 1))


class OCR(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv3x3_ocr = nn.Sequential(conv(720, 512, 3, bias=True), norm_relu(512))
        self.ocr_distri_head = DistributionHead()
        self.cls_head = conv(512, CLASSES, 1, bias=True)
        self.aux_head = auxiliary_head(720)

    def forward(self, backbone):
        pixels = self.conv3x3_ocr(backbone)
        regions = torch.softmax(self.aux_head(backbone).flatten(2), 2)
        objects = (pixels.flatten(2) @ regions.transpose(1, 2)).unsqueeze(3)
        features = self.ocr_distri_head(pixels, objects)
        return self.cls_head(features), features


class OCRNet(nn.Module):
    """ocrnet48, or one scale of ocrnet48-hms if `attention` is set."""

    def __init__(self, attention):
        super().__init__()
        self.backbone = HRNet(48)
        self.ocr = OCR()
        self.edge_head = EdgeHead(720)
        if attention:
            self.scale_attn = nn.Sequential()
            for i, inputs in enumerate((512, 256)):
                self.scale_attn.add_module(f'conv{i}', conv(inputs, 256, 3))
                self.scale_attn.add_module(f'bn{i}', nn.BatchNorm2d(256))
                self.scale_attn.add_module(f'relu{i}', nn.ReLU(inplace=True))
            self.scale_attn.add_module('conv2', conv(256, 1, 1))
        else:
            self.edgeocr_cls_head = conv(512, 1, 1, bias=True)

    def forward(self, image):
        backbone = self.backbone(image)
        logits, features = self.ocr(backbone)
        if not hasattr(self, 'scale_attn'):
            return {'logits': logits, 'edge': self.edgeocr_cls_head(features)}
        return {'logits': logits, 'attention': torch.sigmoid(self.scale_attn(features)),
                'edge': torch.sigmoid(self.edge_head(backbone))}


NETWORKS = {
    'hrnet16-slim': lambda: HRNetSegmenter(16),
    'hrnet18': lambda: HRNetSegmenter(18),
    'ocrnet48': lambda: OCRNet(attention=False),
    'ocrnet48-hms': lambda: OCRNet(attention=True),
}


def load(name, state_dict):
    network = NETWORKS[name]()
    network.load_state_dict({key.replace('module.', '', 1): value for key, value in state_dict.items()})
    return network.eval()


class FullSize(nn.Module):
    """The network with class logits (and attention) resized to the image, as it is usually exported."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        outputs = self.network(image)
        return tuple(resize(outputs[key], image) for key in ('logits', 'attention') if key in outputs)


def export(network, path):
    """Exports with opset 17, a dynamic batch and dynamic sizes. The small example keeps tracing cheap."""
    names = ['logits', 'attention'] if hasattr(network, 'scale_attn') else ['logits']
    axes = {name: {0: 'N', 2: 'H', 3: 'W'} for name in ['image', *names]}
    torch.onnx.export(FullSize(network), torch.zeros(1, 3, 64, 128), path, opset_version=17,
                      input_names=['image'], output_names=names, dynamic_axes=axes)


def predict(network, image):
    """Returns all outputs in the golden files: full-size maps, blended over the scales if the network has attention."""
    if not hasattr(network, 'scale_attn'):
        outputs = network(image)
        return {'pred': resize(outputs['logits'], image), 'edge_pred': resize(outputs['edge'], image)}
    predicted, found = None, {}
    for scale in HMS_SCALES:
        scaled = F.interpolate(image, size=[int(scale * n) for n in image.shape[-2:]], mode='bilinear')
        outputs = network(scaled)
        logits, attention = resize(outputs['logits'], scaled), resize(outputs['attention'], scaled)
        found[f'pred_{scale}x'], found[f'attn_{scale}x'] = logits, attention
        if scale == 1:
            found['edge_pred'] = resize(outputs['edge'], image)
        if predicted is None:
            predicted = logits
        elif scale >= 1:
            predicted = attention * logits + (1 - attention) * resize(predicted, logits)
        else:
            predicted = resize(attention * logits, predicted) + (1 - resize(attention, predicted)) * predicted
    return {**found, 'pred': predicted}


def read_safetensors(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], 'little')
    header = json.loads(data[8:8 + size])
    return {name: torch.frombuffer(bytearray(data[8 + size + start:8 + size + end]), dtype=torch.float32)
            .reshape(entry['shape'])
            for name, entry in header.items() if name != '__metadata__'
            for start, end in [entry['data_offsets']]}


def check():
    """Prints the largest difference from each golden tensor relative to its largest value. Returns whether all are at most 1e-4."""
    differences = []
    for name in NETWORKS:
        network = load(name, make_checkpoint.state_dict(name))
        for image_name, (height, width) in {'images': (32, 64), 'odd': (61, 93)}.items():
            u = make_checkpoint.uniform(image_name, (1, 3, height, width))
            image = torch.from_numpy((4 * u - 2).astype('float32'))
            with torch.no_grad():
                found = predict(network, image)
            path = make_checkpoint.FIXTURES / f'{name}.{height}x{width}.safetensors'
            for key, golden in read_safetensors(path).items():
                difference = float((found[key] - golden).abs().max() / golden.abs().max())
                print(f'{name:13} {height}x{width} {key:10} {difference:.1e}')
                differences.append(difference)
    print(f'largest {max(differences):.1e}')
    return all(difference <= 1e-4 for difference in differences)


if __name__ == '__main__':
    if sys.argv[1:] == ['--check']:
        sys.exit(not check())
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    saved = torch.load(sys.argv[1], map_location='cpu')
    export(load(saved['arch'], saved['state_dict']), sys.argv[2])
