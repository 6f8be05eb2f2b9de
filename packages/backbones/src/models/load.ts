import { InverseFormError } from '@inverseform/errors'
import { type Checkpoint, toFloat32 } from '../checkpoint/index.js'
import { constant } from '../graph/build.js'
import { type PassName, passes } from '../graph/passes/index.js'
import type { Graph } from '../graph/value.js'
import { buildModel, modelInfo, requiredParameters } from './build.js'
import { byCanonicalName, type CanonicalTensors, canonicalName } from './canonical-names.js'
import { classesOf, identifyModel, inverseNetParameters } from './identify.js'
import { buildInverseNet } from './inversenet.js'
import { compareTensors, type LoadReport, listed, requireComplete } from './load-report.js'
import type { ParameterSource } from './scope.js'
import { inverseNetZoo, type SegmentationModelName, zoo } from './zoo.js'

export interface LoadModelOptions {
  /** Which model the checkpoint is of; found out from its tensors when not given. */
  readonly model?: SegmentationModelName
  /** Whether to include the edge head. */
  readonly edge?: boolean
  /** Number of classes; the checkpoint's when not given. */
  readonly classes?: number
  readonly outputSize?: 'features' | 'image'
  /** Graph passes to run; `foldBatchNorm` unless given. */
  readonly passes?: readonly PassName[]
}

export interface LoadedModel {
  readonly model: SegmentationModelName
  readonly classes: number
  readonly edge: boolean
  readonly graph: Graph
  readonly report: LoadReport
}

/**
 * Binds a checkpoint's tensors to a model. Tensors are read when the graph's weights are, not before; keep the
 * checkpoint's source open until then.
 * @throws `checkpoint-mismatch` naming what is missing or of another shape, and the model the checkpoint fits, if any.
 */
export function loadModel(checkpoint: Checkpoint, options: LoadModelOptions = {}): LoadedModel {
  const { edge = false, outputSize, passes: chosen = ['foldBatchNorm'] } = options
  const tensors = byCanonicalName(checkpoint)
  const model = options.model === undefined ? identified(checkpoint) : modelInfo(options.model).name
  const classes = options.classes ?? classesOf(model, tensors) ?? 19

  const report = compareTensors(tensors, requiredParameters(model, { classes, edge }))
  requireComplete(
    report,
    `a checkpoint of ${model}${edge ? ' with its edge head' : ''}, ${classes} classes`,
    () => {
      const likely = identifyModel(checkpoint)
      if (likely && likely !== model) return `Its tensors are those of ${likely}: load it as that.`
      const found = classesOf(model, tensors)
      if (likely && classes !== found)
        return `Its classifier has ${found} classes: ask for as many, or for none.`
      if (likely) return 'Without the edge head this checkpoint is complete: leave the edge head out.'
      return 'Use a checkpoint that was trained with this model.'
    },
  )

  const built = buildModel(model, { parameters: fromTensors(tensors), classes, edge, outputSize })
  const graph = chosen.reduce((g, pass) => passes[pass](g), built)
  return { model, classes, edge, graph, report }
}

/** Binds the published regressor's tensors to InverseNet. */
export function loadInverseNet(checkpoint: Checkpoint): {
  readonly graph: Graph
  readonly report: LoadReport
} {
  const { tensors, report } = inverseNetTensors(checkpoint)
  return { graph: buildInverseNet(fromTensors(tensors)), report }
}

/** @throws `checkpoint-mismatch` unless all of InverseNet's tensors are there. */
function inverseNetTensors(checkpoint: Checkpoint): { tensors: CanonicalTensors; report: LoadReport } {
  const tensors = byCanonicalName(checkpoint)
  const report = compareTensors(tensors, inverseNetParameters())
  requireComplete(report, 'the InverseNet regressor', () => `Use the published ${inverseNetZoo.file}.`)
  return { tensors, report }
}

/** InverseNet's tensors by their published names. */
export type InverseNetTensors = Record<
  `fc.${0 | 2 | 4}.${'weight' | 'bias'}`,
  { readonly data: Float32Array; readonly shape: readonly number[] }
>

/** Reads InverseNet's weights, 400 MB, in the form in which the InverseForm loss takes them. */
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
      hint: `It segments nothing: use a checkpoint of ${Object.keys(zoo).join(', ')}.`,
    })
  }
  if (model) return model
  const names = [...checkpoint.tensors.keys()]
  throw new InverseFormError(
    'checkpoint-mismatch',
    `The checkpoint's tensors are not those of any known model: ${listed(`${names.length} tensors`, names)}.`,
    { hint: `The models are ${Object.keys(zoo).join(', ')}. Name one to see what is missing for it.` },
  )
}

function fromTensors(tensors: CanonicalTensors): ParameterSource {
  return (name, shape) =>
    constant(name, shape, async () => toFloat32(await tensors.get(canonicalName(name))!.read()))
}
