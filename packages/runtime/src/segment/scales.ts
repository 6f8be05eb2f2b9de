import { checkArgument, checkNumber } from '@inverseform/errors'
import type { MapReader } from '../maps/map-reader.js'
import type { RowSize } from '../maps/rows.js'

/** The outputs of the network for one image at one scale. */
export interface ScaleOutput<R> {
  readonly scale: number
  /** Size of the scaled image, in pixels. */
  readonly width: number
  readonly height: number
  readonly logits: R
  /** One channel in [0,1]; multi-scale models only. */
  readonly attention?: R
}

/** Upstream's default scales for hierarchical multi-scale models. */
export const HMS_SCALES: readonly number[] = [0.25, 0.5, 1, 2]

/** @throws `invalid-argument` unless scales are numbers above 0 up to 8 that include 1 */
export function checkScales(scales: unknown): asserts scales is readonly number[] {
  checkArgument('scales', scales, Array.isArray(scales), 'an array of numbers')
  for (const [i, scale] of (scales as readonly unknown[]).entries()) {
    checkNumber(`scales[${i}]`, scale, { above: 0, max: 8 })
  }
  checkArgument('scales', scales, (scales as readonly unknown[]).includes(1), 'an array that includes 1', {
    hint: 'Add 1, the scale at which the others are blended.',
  })
}

/** Checks scales and returns them from the largest to the smallest, each once. */
export function orderedScales(scales: readonly number[]): number[] {
  checkScales(scales)
  return [...new Set(scales)].sort((a, b) => b - a)
}

/**
 * Blends the class logits of all scales, largest scale first, to logits at the size of the image.
 *
 * With attention: hierarchical blending (Tao et al., 2020, https://arxiv.org/abs/2005.10821), from the largest scale
 * down, at scales of 1 and above `att · logits + (1 − att) · resize(pred)`, below 1
 * `resize(att · logits) + (1 − resize(att)) · pred`. Without: the mean over the scales.
 */
export function blendScales<R extends RowSize>(
  reader: MapReader<R>,
  outputs: readonly ScaleOutput<R>[],
  width: number,
  height: number,
): R {
  if (!outputs[0].attention) {
    return reader.mean(outputs.map(({ logits }) => reader.resize(logits, width, height)))
  }
  let prediction: R | undefined
  for (const output of outputs) {
    // At scale 1 the size is the image's, even if a tiny image was enlarged for the network.
    const size = output.scale === 1 ? { width, height } : output
    const logits = reader.resize(output.logits, size.width, size.height)
    if (!prediction) {
      prediction = logits
      continue
    }
    const attention = reader.resize(output.attention as R, size.width, size.height)
    const gated = reader.gate(attention, logits)
    prediction =
      output.scale >= 1
        ? reader.blend(gated, attention, reader.resize(prediction, size.width, size.height))
        : reader.blend(
            reader.resize(gated, prediction.width, prediction.height),
            reader.resize(attention, prediction.width, prediction.height),
            prediction,
          )
  }
  return prediction as R
}
