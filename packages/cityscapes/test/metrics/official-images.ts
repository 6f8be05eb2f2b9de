import { seededRandom } from '@inverseform/shared'
import type { PixelLevelImage } from '../../src/metrics/official/pixel-level.js'
import { PixelLevelEvaluation } from '../../src/metrics/official/pixel-level.js'

/** Creates an image of one row from [target, prediction, instance id] per pixel; the instance id defaults to the target. */
export function row(...pixels: readonly (readonly [number, number, number?])[]): PixelLevelImage {
  return {
    target: Uint8Array.from(pixels, ([target]) => target),
    prediction: Uint8Array.from(pixels, ([, prediction]) => prediction),
    instanceIds: Uint16Array.from(pixels, ([target, , id]) => id ?? target),
    width: pixels.length,
    height: 1,
  }
}

/** Creates random labels in blocks, some predicted wrongly. A quarter of the blocks with instances are groups without a number. */
export function randomImage(seed: number, width = 40, height = 30): PixelLevelImage {
  const next = seededRandom(seed)
  const draw = (n: number): number => Math.floor(next() * n)
  const blocks = Array.from({ length: 64 }, () => {
    const label = next() < 0.5 ? 24 + draw(10) : draw(24)
    return { label, id: label >= 24 && next() < 0.75 ? label * 1000 + draw(4) : label }
  })
  const block = Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    return blocks[Math.floor((8 * y) / height) * 8 + Math.floor((8 * x) / width)]
  })
  return {
    target: Uint8Array.from(block, ({ label }) => label),
    prediction: Uint8Array.from(block, ({ label }) => (next() < 0.6 ? label : draw(34))),
    instanceIds: Uint16Array.from(block, ({ id }) => id),
    width,
    height,
    name: `image ${seed}`,
  }
}

export function evaluationOf(images: readonly PixelLevelImage[]): PixelLevelEvaluation {
  const evaluation = new PixelLevelEvaluation()
  for (const image of images) evaluation.update(image)
  return evaluation
}
