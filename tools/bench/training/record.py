#!/usr/bin/env python3
"""Writes packages/training/test/fixtures/parity.json: what PyTorch computes in float64, for the tests of training.

usage: record.py
"""
import json
import pathlib

import torch

import reference

OUT = pathlib.Path(__file__).resolve().parents[3] / 'packages/training/test/fixtures/parity.json'
MODEL, SIZE, STEPS, RATES = 'hrnet16-slim', [2, 64, 128], 5, {'sgd': 2e-5, 'adamw': 1e-5}
# float32 numbers, so that both sides start from the same
START = torch.tensor([0.5, -1.25, 2.0, 0.0, 1e-3, -3.0])
GRADIENTS = torch.tensor([[0.25, -0.5, 1.0, 1e-6, -2.0, 0.0], [-0.75, -0.5, 0.125, 0.0, 1.5, 8.0], [1.0, 2.0, -3.0, 4.0, 0.5, -6.0]])
METHODS = {
    'sgd': (torch.optim.SGD, {'lr': 0.1, 'momentum': 0.9, 'weight_decay': 5e-4}),
    'sgd with nesterov': (torch.optim.SGD, {'lr': 0.1, 'momentum': 0.8, 'weight_decay': 0.01, 'nesterov': True}),
    'sgd without momentum': (torch.optim.SGD, {'lr': 0.1, 'momentum': 0, 'weight_decay': 0}),
    'adamw': (torch.optim.AdamW, {'lr': 0.01, 'weight_decay': 0.01}),
    'adamw with other betas': (torch.optim.AdamW, {'lr': 0.01, 'betas': (0.8, 0.95), 'eps': 1e-3, 'weight_decay': 0.1}),
}


def sample(tensors, every):
    """Up to 6 evenly spaced values of every n-th tensor, with the norm of all its values."""
    return {name: {'norm': value.norm().item(), 'values': value.flatten()[::max(value.numel() // 6, 1)][:6].tolist()}
            for name, value in list(tensors.items())[::every]}


def optimizer_steps(method, options):
    """The values after each step, where weight decay applies to the first three values alone."""
    values = [START[:3].double().requires_grad_(), START[3:].double().requires_grad_()]
    optimizer = method([{'params': [values[0]]}, {'params': [values[1]], 'weight_decay': 0}], **options)
    found = []
    for gradient in GRADIENTS.double():
        values[0].grad, values[1].grad = gradient[:3].clone(), gradient[3:].clone()
        optimizer.step()
        found.append(torch.cat(values).tolist())
    return found


def clipped(limit):
    values = START.clone().requires_grad_()
    values.grad = GRADIENTS[2].clone()
    norm = torch.nn.utils.clip_grad_norm_([values], limit)
    return {'limit': limit, 'norm': norm.item(), 'values': values.grad.tolist()}


def main():
    torch.set_num_threads(2)
    first = {}

    def after_first(net):
        first['gradients'] = sample({name: value.grad.clone() for name, value in net.named_parameters()}, 25)

    losses = {}
    for name, rate in RATES.items():
        run = reference.train(MODEL, name, rate, STEPS, SIZE, torch.float64, after_first=after_first)
        losses[name] = run['losses']
    OUT.write_text(json.dumps({
        'model': MODEL, 'batchSize': SIZE[0], 'cropSize': SIZE[1:], 'steps': STEPS, 'rates': RATES, 'losses': losses,
        'gradients': first['gradients'], 'statistics': sample(run['statistics'], 25),
        'optimizers': {'start': START.tolist(), 'gradients': GRADIENTS.tolist(),
                       'values': {name: optimizer_steps(*method) for name, method in METHODS.items()}},
        'clipping': [clipped(limit) for limit in (1.0, 100.0)],
    }, indent=1) + '\n')


main()
