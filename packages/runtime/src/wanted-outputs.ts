import { InverseFormError } from '@inverseform/errors'
import type { SegmentOutput } from './segmentation.js'

export type Wanted = Record<SegmentOutput, boolean>

/** @throws `invalid-argument` for an output that is none, or edges of a model without its edge head */
export function wantedOutputs(outputs: readonly SegmentOutput[], hasEdge: boolean): Wanted {
  const wanted = { labels: false, confidence: false, logits: false, edges: false, edgeOutput: false }
  for (const output of outputs) {
    if (!Object.hasOwn(wanted, output)) {
      throw new InverseFormError('invalid-argument', `The output "${output}" was asked for.`, {
        hint: `The outputs are ${Object.keys(wanted).join(', ')}.`,
      })
    }
    wanted[output] = true
  }
  if ((wanted.edges || wanted.edgeOutput) && !hasEdge) {
    throw new InverseFormError('invalid-argument', 'Edges were asked of a model without its edge head.', {
      hint: 'Create the segmenter with `edge: true`; the checkpoint must have the edge head.',
    })
  }
  return wanted
}
