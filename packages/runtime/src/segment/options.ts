import { checkArgument, checkBoolean, checkInteger, checkOneOf, InverseFormError } from '@inverseform/errors'
import { checkTileOption } from '../tiles/plan-tiles.js'
import { checkSignal } from './model-options.js'
import { checkScales } from './scales.js'
import type { RunOptions, SegmentOutput } from './segmentation.js'

const OUTPUTS: readonly SegmentOutput[] = ['labels', 'confidence', 'logits', 'edges', 'edgeOutput']

/** Checks what can be checked without a network. @throws `invalid-argument` */
export function checkSegmentOptions(options: RunOptions & { readonly maxPixels?: number }): void {
  checkArgument('options', options, typeof options === 'object' && options !== null, 'an object')
  const { outputs, scales, flip, tile, maxPixels, signal, onProgress } = options
  if (outputs !== undefined) {
    checkArgument('outputs', outputs, Array.isArray(outputs), 'an array of output names')
    for (const [i, output] of outputs.entries()) checkOneOf(`outputs[${i}]`, output, OUTPUTS)
  }
  if (scales !== undefined) checkScales(scales)
  if (flip !== undefined) checkBoolean('flip', flip)
  if (tile !== undefined) checkTileOption(tile)
  if (maxPixels !== undefined) checkInteger('maxPixels', maxPixels, { min: 1 })
  checkSignal(signal)
  const hasListener = typeof onProgress === 'function'
  checkArgument('onProgress', onProgress, onProgress === undefined || hasListener, 'a function')
}

export type Wanted = Readonly<Record<SegmentOutput, boolean>>

/** Returns which outputs are listed. @throws `invalid-argument` for edges of a model without its edge head */
export function wantedOutputs(outputs: readonly SegmentOutput[], hasEdgeHead: boolean): Wanted {
  const wanted = Object.fromEntries(OUTPUTS.map((output) => [output, outputs.includes(output)])) as Wanted
  if (wanted.edges || wanted.edgeOutput) checkEdgeHead(hasEdgeHead)
  return wanted
}

/** @throws `invalid-argument` without the edge head */
export function checkEdgeHead(hasEdgeHead: boolean): void {
  if (hasEdgeHead) return
  throw new InverseFormError('invalid-argument', 'Edges need the edge head, which is not loaded.', {
    hint: 'Create the segmenter with `edgeHead: true`. The checkpoint must have the edge head.',
  })
}
