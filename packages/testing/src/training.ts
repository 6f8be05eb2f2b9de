import { deterministicImage, deterministicParameter } from './deterministic.js'

/** A batch of training images; the type of `@inverseform/training`, which this package does not import. */
export interface DeterministicBatch {
  readonly images: Float32Array
  readonly target: Uint8Array
  readonly edgeTarget: Uint8Array
  readonly names: readonly string[]
}

/**
 * Returns batch `step` of the comparisons with PyTorch: blocks of 16x16 pixels of the classes 0 to 18 and of ignored pixels, their
 * outlines as edges, and noise around a color per class. `tools/bench/training/reference.py` makes the same ones.
 */
export function deterministicBatch(
  step: number,
  batchSize: number,
  [height, width]: readonly [height: number, width: number],
): DeterministicBatch {
  const pixels = height * width
  const images = deterministicImage(`batch.${step}`, [batchSize, 3, height, width])
  const target = new Uint8Array(batchSize * pixels)
  const edgeTarget = new Uint8Array(batchSize * pixels)
  for (let image = 0; image < batchSize; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = y * width + x
        const label = (3 * (x >> 4) + 5 * (y >> 4) + step + 7 * image) % 20
        target[image * pixels + at] = label === 19 ? 255 : label
        edgeTarget[image * pixels + at] = x % 16 < 2 || y % 16 < 2 ? 1 : 0
        for (let channel = 0; channel < 3; channel++) {
          images[(3 * image + channel) * pixels + at] += ((channel - 1) * label) / 8
        }
      }
    }
  }
  const names = Array.from({ length: batchSize }, (_, image) => `batch ${step}, image ${image}`)
  return { images, target, edgeTarget, names }
}

/** What the small InverseNet of the comparisons reads: 3x6 tiles of 28x28 pixels. */
export const deterministicInverseForm = { size: [84, 168], tileGrid: [3, 6] } as const

/** Returns the weights of that InverseNet: 2 · 28² → 256 → 32 → 4. */
export function deterministicInverseNet(): Record<string, { data: Float32Array; shape: readonly number[] }> {
  const sizes = [2 * 28 ** 2, 256, 32, 4]
  const tensors = ['fc.0', 'fc.2', 'fc.4'].flatMap((layer, i) => {
    const shapes = { weight: [sizes[i + 1], sizes[i]], bias: [sizes[i + 1]] }
    return Object.entries(shapes).map(([part, shape]) => {
      const name = `${layer}.${part}`
      return [name, { data: deterministicParameter(name, shape), shape }] as const
    })
  })
  return Object.fromEntries(tensors)
}

/**
 * Returns the initial value of a parameter. Edge logits are 1 higher than with {@link deterministicParameter}, so that all networks
 * predict some edges, which the edge attention needs.
 */
export function deterministicWeight(name: string, shape: readonly number[]): Float32Array {
  const values = deterministicParameter(name, shape)
  return /^(edgeocr_cls_head|edge_head\.last_layer\.3)\.bias$/.test(name)
    ? values.map((value) => value + 1)
    : values
}
