import { InverseFormError } from '@inverseform/errors'
import type { FeatureMap } from './feature-map.js'
import { blendRows, gateRows, mapRows, meanRows, type Rows, resizeRows } from './rows.js'

/** What the network gave for one image at one scale. */
export interface ScaleOutput {
  readonly scale: number
  /** Size of the scaled image, in pixels. */
  readonly width: number
  readonly height: number
  readonly logits: FeatureMap
  /** One channel in [0,1]; multi-scale models only. */
  readonly attention?: FeatureMap
}

/** The scales that hierarchical multi-scale models are evaluated with (upstream's default). */
export const HMS_SCALES: readonly number[] = [0.25, 0.5, 1, 2]

/** Checks the scales and puts them from the largest to the smallest. */
export function orderedScales(scales: readonly number[]): number[] {
  const wrong = scales.find((scale) => !(scale > 0 && scale <= 8))
  if (wrong !== undefined) {
    throw new InverseFormError('invalid-argument', `A scale of ${wrong} was asked for.`, {
      hint: 'Give scales above 0 and at most 8.',
    })
  }
  if (!scales.includes(1)) {
    throw new InverseFormError('invalid-argument', `The scales [${scales.join(', ')}] do not include 1.`, {
      hint: 'Add 1: it sets the size that the others are blended into.',
    })
  }
  return [...new Set(scales)].sort((a, b) => b - a)
}

/**
 * Class logits at the image's size from those of all scales, largest scale first.
 *
 * With attention: hierarchical blending (Tao et al., 2020, https://arxiv.org/abs/2005.10821), from the largest scale
 * down, at scales of 1 and above `att · logits + (1 − att) · resize(pred)`, below 1
 * `resize(att · logits) + (1 − resize(att)) · pred`. Without: the mean over the scales.
 */
export function blendScales(outputs: readonly ScaleOutput[], width: number, height: number): Rows {
  if (!outputs[0].attention) {
    return meanRows(outputs.map(({ logits }) => resizeRows(mapRows(logits), width, height)))
  }
  let prediction: Rows | undefined
  for (const output of outputs) {
    // At scale 1 the size is the image's, also when a tiny image had to be enlarged for the network.
    const size = output.scale === 1 ? { width, height } : output
    const logits = resizeRows(mapRows(output.logits), size.width, size.height)
    if (!prediction) {
      prediction = logits
      continue
    }
    const attention = resizeRows(mapRows(output.attention as FeatureMap), size.width, size.height)
    const gated = gateRows(attention, logits)
    prediction =
      output.scale >= 1
        ? blendRows(gated, attention, resizeRows(prediction, size.width, size.height))
        : blendRows(
            resizeRows(gated, prediction.width, prediction.height),
            resizeRows(attention, prediction.width, prediction.height),
            prediction,
          )
  }
  return prediction as Rows
}
