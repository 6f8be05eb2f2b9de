import { InverseFormError } from '@inverseform/errors'
import { toFloat32 } from '../checkpoint/float32.js'
import type { Checkpoint } from '../checkpoint/types.js'
import { constant } from '../graph/build.js'
import { type PassName, passes } from '../graph/passes/index.js'
import type { Graph } from '../graph/value.js'
import { buildModel, modelInfo, requiredParameters } from './build.js'
import { byCanonicalName, type CanonicalTensors, canonicalName } from './canonical-names.js'
import { identifyModel, inverseNetParameters, numClassesOf } from './identify.js'
import { buildInverseNet } from './inversenet.js'
import { checkComplete, compareTensors, type LoadReport, listed } from './load-report.js'
import type { ParameterSource } from './scope.js'
import { inverseNetZoo, type SegmentationModelName, zoo } from './zoo.js'

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

export interface LoadedModel {
  readonly model: SegmentationModelName
  readonly numClasses: number
  readonly edgeHead: boolean
  readonly graph: Graph
  readonly report: LoadReport
}

/**
 * Loads a segmentation model from a checkpoint. Tensors are read when the graph's weights load: keep the checkpoint's
 * source open until then.
 *
 * @throws InverseFormError `checkpoint-mismatch` names the weights that are missing or have another shape, and the
 * model that the checkpoint fits, if any
 */
export function loadModel(checkpoint: Checkpoint, options: LoadModelOptions = {}): LoadedModel {
  const { edgeHead = false, outputSize, passes: chosen = ['foldBatchNorm'] } = options
  const tensors = byCanonicalName(checkpoint)
  const model = options.model === undefined ? identified(checkpoint) : modelInfo(options.model).name
  const numClasses = options.numClasses ?? numClassesOf(model, tensors) ?? 19

  const report = compareTensors(tensors, requiredParameters(model, { numClasses, edgeHead }))
  checkComplete(
    report,
    `a checkpoint of ${model}${edgeHead ? ' with its edge head' : ''}, ${numClasses} classes`,
    () => {
      const likely = identifyModel(checkpoint)
      if (likely && likely !== model) return `Its tensors are those of ${likely}: load it as that model.`
      const found = numClassesOf(model, tensors)
      if (likely && numClasses !== found) {
        return `Its classifier has ${found} classes: pass that number, or leave \`numClasses\` out.`
      }
      if (likely) return 'The checkpoint has no edge head: load it without.'
      return 'Use a checkpoint of this model.'
    },
  )

  const built = buildModel(model, {
    parameters: fromTensors(tensors),
    numClasses,
    edgeHead,
    outputSize,
  })
  const graph = chosen.reduce((g, pass) => passes[pass](g), built)
  return { model, numClasses, edgeHead, graph, report }
}

/**
 * Loads InverseNet, the regressor of the InverseForm loss, from its published checkpoint.
 * @throws InverseFormError `checkpoint-mismatch` when a weight is missing or has another shape
 */
export function loadInverseNet(checkpoint: Checkpoint): {
  readonly graph: Graph
  readonly report: LoadReport
} {
  const { tensors, report } = inverseNetTensors(checkpoint)
  return { graph: buildInverseNet(fromTensors(tensors)), report }
}

function inverseNetTensors(checkpoint: Checkpoint): { tensors: CanonicalTensors; report: LoadReport } {
  const tensors = byCanonicalName(checkpoint)
  const report = compareTensors(tensors, inverseNetParameters())
  checkComplete(report, 'the InverseNet regressor', () => `Use the published ${inverseNetZoo.file}.`)
  return { tensors, report }
}

/** InverseNet's tensors by their published names. */
export type InverseNetTensors = Record<
  `fc.${0 | 2 | 4}.${'weight' | 'bias'}`,
  { readonly data: Float32Array; readonly shape: readonly number[] }
>

/** Reads InverseNet's weights (400 MB) in the form that `inverseFormLoss` of `@inverseform/core` accepts. */
export async function readInverseNet(checkpoint: Checkpoint): Promise<InverseNetTensors> {
  const { tensors } = inverseNetTensors(checkpoint)
  const read = [...inverseNetParameters()].map(async ([name, shape]) => {
    return [name, { data: toFloat32(await tensors.get(name)!.read()), shape }] as const
  })
  return Object.fromEntries(await Promise.all(read)) as InverseNetTensors
}

function identified(checkpoint: Checkpoint): SegmentationModelName {
  const model = identifyModel(checkpoint)
  if (model === inverseNetZoo.name) {
    throw new InverseFormError('checkpoint-mismatch', `This is a checkpoint of ${inverseNetZoo.title}.`, {
      hint: `It does not segment images: use a checkpoint of ${Object.keys(zoo).join(', ')}.`,
    })
  }
  if (model) return model
  const names = [...checkpoint.tensors.keys()]
  throw new InverseFormError(
    'checkpoint-mismatch',
    `The checkpoint fits no known model: ${listed(`${names.length} tensors`, names)}.`,
    {
      hint: `Known models are ${Object.keys(zoo).join(', ')}. Pass one as \`model\` to see what is missing for it.`,
    },
  )
}

function fromTensors(tensors: CanonicalTensors): ParameterSource {
  return (name, shape) =>
    constant(name, shape, async () => toFloat32(await tensors.get(canonicalName(name))!.read()))
}
