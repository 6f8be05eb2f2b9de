import { checkArgument, checkBoolean, checkInteger, checkOneOf } from '@inverseform/errors'
import { type PassName, passes } from '../graph/passes/index.js'
import { modelInfo, outputSizes } from './build.js'
import type { SegmentationModelName } from './zoo.js'

export interface LoadModelOptions {
  /** The checkpoint's model. Inferred from its tensors by default. */
  readonly model?: SegmentationModelName
  /** Whether to include the edge head; false by default. */
  readonly edgeHead?: boolean
  /** Number of classes; the checkpoint's by default. */
  readonly numClasses?: number
  /** Size of the outputs: the network's own (`features`, the default) or the image's. */
  readonly outputSize?: 'features' | 'image'
  /** Graph passes to run, in this order; `['foldBatchNorm']` by default. */
  readonly passes?: readonly PassName[]
}

const passNames = Object.keys(passes) as PassName[]

/** @throws InverseFormError `invalid-argument` for an option that is not as its type says */
export function checkLoadOptions(options: LoadModelOptions): void {
  checkArgument('options', options, typeof options === 'object' && options !== null, 'an object')
  const { model, edgeHead, numClasses, outputSize, passes: chosen } = options
  if (model !== undefined) modelInfo(model)
  if (edgeHead !== undefined) checkBoolean('edgeHead', edgeHead)
  if (numClasses !== undefined) checkInteger('numClasses', numClasses, { min: 1 })
  if (outputSize !== undefined) checkOneOf('outputSize', outputSize, outputSizes)
  if (chosen === undefined) return
  checkArgument('passes', chosen, Array.isArray(chosen), 'an array of pass names', {
    hint: `Use any of ${passNames.join(', ')}.`,
  })
  for (const [i, pass] of chosen.entries()) checkOneOf(`passes[${i}]`, pass, passNames)
}
