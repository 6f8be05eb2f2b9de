import { InverseFormError } from '@inverseform/errors'
import { type Checkpoint, type CheckpointTensor, toFloat32 } from '../checkpoint/index.js'
import { constant } from '../graph/build.js'
import { type PassName, passes } from '../graph/passes/index.js'
import type { Graph } from '../graph/value.js'
import { buildModel, modelInfo, recordShapes, requiredParameters } from './build.js'
import { buildInverseNet } from './inversenet.js'
import type { ParameterSource } from './scope.js'
import { type SegmentationModelName, zoo } from './zoo.js'

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

/** What loading made of a checkpoint's tensors, by the names in the checkpoint (`missing`: in the model). */
export interface LoadReport {
  readonly loaded: readonly string[]
  /** Part of the published model that inference does not need: training heads, counters, an edge head not asked for. */
  readonly unused: readonly string[]
  /** Not part of the model. */
  readonly unexpected: readonly string[]
  /** Needed, and not in the checkpoint. Loading throws when there are any. */
  readonly missing: readonly string[]
  /** Needed, and there with another shape. Loading throws when there are any. */
  readonly mismatched: readonly {
    readonly name: string
    readonly expected: readonly number[]
    readonly found: readonly number[]
  }[]
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

  const report = compare(model, tensors, requiredParameters(model, { classes, edge }))
  requireComplete(
    report,
    `a checkpoint of ${model}${edge ? ' with its edge head' : ''}, ${classes} classes`,
    () => {
      const likely = identifyModel(checkpoint)
      if (likely && likely !== model) return `Its tensors are those of ${likely}: choose that model.`
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
  const tensors = byCanonicalName(checkpoint)
  const needed = new Map<string, readonly number[]>()
  buildInverseNet(recordShapes(needed))
  const report = compare(undefined, tensors, needed)
  requireComplete(
    report,
    'the InverseNet regressor',
    () => 'Use the published distance_measures_regressor.pth.',
  )
  return { graph: buildInverseNet(fromTensors(tensors)), report }
}

/** The model whose every needed weight the checkpoint has in the right shape; the larger one if there are several. */
export function identifyModel(checkpoint: Checkpoint): SegmentationModelName | undefined {
  const tensors = byCanonicalName(checkpoint)
  const fitting = Object.values(zoo).flatMap(({ name }) => {
    const classes = classesOf(name, tensors)
    if (!classes) return []
    const needed = requiredParameters(name, { classes })
    const { missing, mismatched } = compare(name, tensors, needed)
    return missing.length + mismatched.length === 0 ? [{ name, size: needed.size }] : []
  })
  return fitting.sort((a, b) => b.size - a.size)[0]?.name
}

function classesOf(model: SegmentationModelName, tensors: ReadonlyMap<string, CheckpointTensor>) {
  return tensors.get(canonicalName(zoo[model].classWeight))?.shape[0]
}

function identified(checkpoint: Checkpoint): SegmentationModelName {
  const model = identifyModel(checkpoint)
  if (model) return model
  const names = [...checkpoint.tensors.keys()]
  throw new InverseFormError(
    'checkpoint-mismatch',
    `The checkpoint's tensors are not those of any known model: ${listed(`${names.length} tensors`, names)}.`,
    { hint: `The models are ${Object.keys(zoo).join(', ')}. Name one to see what is missing for it.` },
  )
}

/**
 * A parameter's name without what training setups add: `module.`, `modules.`, `model.` from wrappers, and the
 * `backbone.` that separates the backbone from the heads (no name of either collides without it).
 */
export function canonicalName(name: string): string {
  return name.replace(/^(?:(?:module|modules|model)\.)+/, '').replace(/^backbone\./, '')
}

function byCanonicalName(checkpoint: Checkpoint): Map<string, CheckpointTensor> {
  const tensors = new Map<string, CheckpointTensor>()
  for (const tensor of checkpoint.tensors.values()) {
    const name = canonicalName(tensor.name)
    const other = tensors.get(name)
    if (other) {
      const both = `"${other.name}" and "${tensor.name}"`
      throw new InverseFormError(
        'invalid-checkpoint',
        `The tensors ${both} have the same name but for prefixes.`,
        { hint: 'Keep one of them: a checkpoint should hold one set of weights.' },
      )
    }
    tensors.set(name, tensor)
  }
  return tensors
}

function compare(
  model: SegmentationModelName | undefined,
  tensors: ReadonlyMap<string, CheckpointTensor>,
  needed: ReadonlyMap<string, readonly number[]>,
): LoadReport {
  const report = {
    loaded: [] as string[],
    unused: [] as string[],
    unexpected: [] as string[],
    missing: [] as string[],
    mismatched: [] as { name: string; expected: readonly number[]; found: readonly number[] }[],
  }
  const neededByCanonical = new Map<string, string>()
  for (const [name, expected] of needed) {
    neededByCanonical.set(canonicalName(name), name)
    const tensor = tensors.get(canonicalName(name))
    if (!tensor) report.missing.push(name)
    else if (tensor.shape.join() !== expected.join())
      report.mismatched.push({ name: tensor.name, expected, found: tensor.shape })
    else report.loaded.push(tensor.name)
  }
  for (const [canonical, tensor] of tensors) {
    if (neededByCanonical.has(canonical)) continue
    const known = model !== undefined && isTrainingOnly(canonical)
    report[known ? 'unused' : 'unexpected'].push(tensor.name)
  }
  return report
}

/** Parts of the published state dicts that inference does without: heads for training, counters, the edge head. */
function isTrainingOnly(canonical: string): boolean {
  return (
    /^(?:aux_head|edge_head|edgeocr_cls_head)\./.test(canonical) || canonical.endsWith('num_batches_tracked')
  )
}

function requireComplete(report: LoadReport, what: string, hint: () => string): void {
  const { missing, mismatched } = report
  if (missing.length + mismatched.length === 0) return
  const shapes = mismatched.map(({ name, expected, found }) => `${name} is [${found}], not [${expected}]`)
  const problems = [
    ...(missing.length > 0 ? [listed(`${counted(missing, 'is', 'are')} missing`, missing)] : []),
    ...(shapes.length > 0 ? [listed(`${counted(shapes, 'has', 'have')} another shape`, shapes)] : []),
  ]
  throw new InverseFormError('checkpoint-mismatch', `This is not ${what}: ${problems.join('; ')}.`, {
    hint: hint(),
    details: { missing, mismatched },
  })
}

function counted({ length }: readonly string[], singular: string, plural: string): string {
  return length === 1 ? `1 tensor ${singular}` : `${length} tensors ${plural}`
}

function listed(title: string, items: readonly string[]): string {
  return items.length === 0
    ? title
    : `${title} (${items.slice(0, 3).join(', ')}${items.length > 3 ? ', …' : ''})`
}

function fromTensors(tensors: ReadonlyMap<string, CheckpointTensor>): ParameterSource {
  return (name, shape) =>
    constant(name, shape, async () =>
      toFloat32(await (tensors.get(canonicalName(name)) as CheckpointTensor).read()),
    )
}
