import { closeSync, openSync, writeSync } from 'node:fs'
import { uniform } from './uniform.mjs'

/** InverseNet's tensors as published: two tiles of 224x224 pixels → 1000 → 32 → 4. */
export const layers = [
  { name: 'fc.0.weight', shape: [1000, 2 * 224 * 224] },
  { name: 'fc.0.bias', shape: [1000] },
  { name: 'fc.2.weight', shape: [32, 1000] },
  { name: 'fc.2.bias', shape: [32] },
  { name: 'fc.4.weight', shape: [4, 32] },
  { name: 'fc.4.bias', shape: [4] },
]

/** Writes deterministic weights as float32, one tensor after the other: 383 MiB. */
export function writeInverseNet(path) {
  const file = openSync(path, 'w')
  for (const { name, shape } of layers) {
    const scale = shape.length === 1 ? 0.1 : Math.sqrt(3 / shape[1])
    const count = shape.reduce((a, b) => a * b)
    writeSync(file, new Float32Array(uniform(name, count).map((u) => scale * (2 * u - 1))))
  }
  closeSync(file)
}
