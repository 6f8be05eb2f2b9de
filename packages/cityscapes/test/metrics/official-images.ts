import type { PixelLevelImage } from '../../src/metrics/official/pixel-level.js'
import { PixelLevelEvaluation } from '../../src/metrics/official/pixel-level.js'
import { random } from '../random.js'

/** An image of one row: a column a pixel of [truth, prediction, instance id]; the truth where there is none. */
export function row(...pixels: readonly (readonly [number, number, number?])[]): PixelLevelImage {
  return {
    truth: Uint8Array.from(pixels, ([truth]) => truth),
    prediction: Uint8Array.from(pixels, ([, prediction]) => prediction),
    instanceIds: Uint16Array.from(pixels, ([truth, , id]) => id ?? truth),
    width: pixels.length,
    height: 1,
  }
}

/** Random labels in blocks, some predicted wrongly; of what has instances, a quarter is in groups, without a number. */
export function randomImage(seed: number, width = 40, height = 30): PixelLevelImage {
  const next = random(seed)
  const draw = (n: number): number => Math.floor(next() * n)
  const blocks = Array.from({ length: 64 }, () => {
    const label = next() < 0.5 ? 24 + draw(10) : draw(24)
    return { label, id: label >= 24 && next() < 0.75 ? label * 1000 + draw(4) : label }
  })
  const block = Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    return blocks[Math.floor((8 * y) / height) * 8 + Math.floor((8 * x) / width)]!
  })
  return {
    truth: Uint8Array.from(block, ({ label }) => label),
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
