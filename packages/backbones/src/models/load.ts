import { InverseFormError } from '@inverseform/errors'
import type { Checkpoint } from '../checkpoint/types.js'
import { constant } from '../graph/build.js'
import { passes } from '../graph/passes/index.js'
import type { Graph } from '../graph/value.js'
import { buildModel, modelInfo, requiredParameters } from './build.js'
import { type CanonicalTensors, canonicalName, TensorNames, type TensorsUnder } from './canonical-names.js'
import {
  closestFit,
  completeFits,
  type Fit,
  inverseNetParameters,
  type ModelName,
  numClassesOf,
  shareOf,
} from './identify.js'
import { buildInverseNet } from './inversenet.js'
import { checkLoadOptions, type LoadModelOptions } from './load-options.js'
import { checkComplete, compareTensors, type LoadReport, listed, problemsOf, quoted } from './load-report.js'
import type { ParameterSource } from './scope.js'
import { weightValues } from './weight-values.js'
import { inverseNetZoo, type SegmentationModelName, zoo } from './zoo.js'

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
export function loadModel(
  checkpoint: Pick<Checkpoint, 'tensors'>,
  options: LoadModelOptions = {},
): LoadedModel {
  checkLoadOptions(options)
  const { edgeHead = false, outputSize, passes: chosen = ['foldBatchNorm'] } = options
  const names = new TensorNames(checkpoint)
  const { model, under } =
    options.model === undefined ? identified(names) : chosenFit(names, modelInfo(options.model).name)
  const numClasses = options.numClasses ?? numClassesOf(model, under) ?? 19

  const needed = requiredParameters(model, { numClasses, edgeHead })
  const report = compareTensors(under, needed)
  checkComplete(
    report,
    `a checkpoint of ${model}${edgeHead ? ' with its edge head' : ''}, ${numClasses} classes`,
    () => {
      const likely = completeFits(names)[0]?.model
      if (likely && likely !== model) return `Its tensors are those of ${likely}: load it as that model.`
      const found = numClassesOf(model, under)
      if (likely && numClasses !== found) {
        return `Its classifier has ${found} classes: pass that number, or leave \`numClasses\` out.`
      }
      if (likely) return 'The checkpoint has no edge head: load it without.'
      return 'Use a checkpoint of this model.'
    },
  )
  checkReadable(under, needed)

  const built = buildModel(model, {
    parameters: fromTensors(under.tensors),
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
export function loadInverseNet(checkpoint: Pick<Checkpoint, 'tensors'>): {
  readonly graph: Graph
  readonly report: LoadReport
} {
  const { tensors, report } = inverseNetTensors(checkpoint)
  return { graph: buildInverseNet(fromTensors(tensors)), report }
}

function inverseNetTensors(checkpoint: Pick<Checkpoint, 'tensors'>): {
  tensors: CanonicalTensors
  report: LoadReport
} {
  const { under, needed, report } = chosenFit(new TensorNames(checkpoint), inverseNetZoo.name)
  checkComplete(
    report,
    'the InverseNet regressor',
    () => `Use the published ${inverseNetZoo.file}, or a file of train-regressor.`,
  )
  checkReadable(under, needed)
  return { tensors: under.tensors, report }
}

/** InverseNet's tensors by their published names. */
export type InverseNetTensors = Record<
  `fc.${0 | 2 | 4}.${'weight' | 'bias'}`,
  { readonly data: Float32Array; readonly shape: readonly number[] }
>

/**
 * Reads InverseNet's weights in the form that `inverseFormLoss` of `@inverseform/core` accepts: those of the published checkpoint
 * (400 MB), or of another size whose layers fit each other, such as `inverseform train-regressor` writes.
 *
 * @throws InverseFormError `checkpoint-mismatch` when a weight is missing or has another shape
 */
export async function readInverseNet(checkpoint: Pick<Checkpoint, 'tensors'>): Promise<InverseNetTensors> {
  const { under } = chosenFit(new TensorNames(checkpoint), inverseNetZoo.name)
  const own = inverseNetShapes(under.tensors)
  const [tensors, shapes] = own
    ? [under.tensors, own]
    : [inverseNetTensors(checkpoint).tensors, inverseNetParameters()]
  checkReadable(under, shapes)
  const read = [...shapes].map(async ([name, shape]) => {
    return [name, { data: await readWeight(tensors, name), shape }] as const
  })
  return Object.fromEntries(await Promise.all(read)) as InverseNetTensors
}

/** Returns the shapes of an InverseNet of any size; undefined where layers are missing or do not fit each other. */
function inverseNetShapes(tensors: CanonicalTensors): ReadonlyMap<string, readonly number[]> | undefined {
  const names = [...inverseNetParameters().keys()]
  const shapes = new Map(names.map((name) => [name, tensors.get(canonicalName(name))?.shape ?? []]))
  let inputs: number | undefined
  for (const layer of ['fc.0', 'fc.2', 'fc.4']) {
    const [weight = [], bias = []] = [shapes.get(`${layer}.weight`), shapes.get(`${layer}.bias`)]
    const fits = weight.length === 2 && bias.length === 1 && weight[0] === bias[0] && !weight.includes(0)
    if (!fits || weight[1] !== (inputs ?? weight[1])) return undefined
    inputs = weight[0]
  }
  // The first layer reads two tiles.
  return Number(shapes.get('fc.0.weight')?.[1]) % 2 === 0 ? shapes : undefined
}

/** Returns the segmentation model that the tensors are complete for. */
function identified(names: TensorNames): Fit & { readonly model: SegmentationModelName } {
  const fit = theOnly(completeFits(names))
  if (!fit) throw fitsNone(names)
  const { model } = fit
  if (model !== inverseNetZoo.name) return { ...fit, model }
  throw new InverseFormError('checkpoint-mismatch', `This is a checkpoint of ${inverseNetZoo.title}.`, {
    hint: `It does not segment images: use a checkpoint of ${Object.keys(zoo).join(', ')}.`,
  })
}

/** Returns how a model fits the checkpoint best. */
function chosenFit<Model extends ModelName>(
  names: TensorNames,
  model: Model,
): Fit & { readonly model: Model } {
  return { ...(theOnly(completeFits(names, [model])) ?? closestFit(names, [model])), model }
}

/** @throws InverseFormError `checkpoint-mismatch` for several networks, which differ in their prefixes */
function theOnly(fits: readonly Fit[]): Fit | undefined {
  if (fits.length < 2) return fits[0]
  const prefixes = fits.map(({ under }) => under.prefix)
  const [{ model }] = fits
  throw new InverseFormError(
    'checkpoint-mismatch',
    `The checkpoint holds ${fits.length} networks of ${model}, with the prefixes ${prefixes.map(quoted).join(' and ')}.`,
    {
      hint: `Choose one: pass its prefix as \`key\`, such as ${JSON.stringify(prefixes[0].slice(0, -1))}.`,
      details: { model, prefixes },
    },
  )
}

/** The least share of a model's weights that makes it worth naming. */
const SIMILAR = 0.1

function fitsNone(names: TensorNames): InverseFormError {
  const none = 'The checkpoint fits no known model'
  const known = `Known models are ${Object.keys(zoo).join(', ')}.`
  const closest = closestFit(names)
  const { model, under, report } = closest
  if (shareOf(closest) < SIMILAR) {
    const tensors = [...names.all.tensors.values(), ...names.all.twins.values()].map(({ name }) => name)
    return new InverseFormError(
      'checkpoint-mismatch',
      `${none}: ${listed(`${tensors.length} tensors`, tensors)}.`,
      { hint: `${known} Pass one as \`model\` to see what is missing for it.` },
    )
  }
  const { missing, mismatched } = report
  const prefix = under.prefix === '' ? '' : ` with the prefix ${quoted(under.prefix)}`
  return new InverseFormError(
    'checkpoint-mismatch',
    `${none}. The closest is ${model}${prefix}: ${problemsOf(report)}.`,
    {
      hint: `Use a complete checkpoint of this model. ${known}`,
      details: { closest: model, missing, mismatched },
    },
  )
}

/** @throws InverseFormError `invalid-checkpoint` when a weight exists twice or cannot be read */
function checkReadable({ tensors, twins }: TensorsUnder, needed: Fit['needed']): void {
  for (const name of [...needed.keys()].map(canonicalName)) {
    const [tensor, twin] = [tensors.get(name)!, twins.get(name)]
    if (twin) {
      throw new InverseFormError(
        'invalid-checkpoint',
        `The names of the tensors ${quoted(tensor.name)} and ${quoted(twin.name)} differ only in their prefixes.`,
        { hint: 'Keep one of them: a checkpoint must hold one set of weights.' },
      )
    }
    if (tensor.unreadable === undefined) continue
    throw new InverseFormError(
      'invalid-checkpoint',
      `The weight ${quoted(tensor.name)} cannot be read: ${tensor.unreadable}.`,
      {
        hint: 'Convert the tensor to float32 in Python and save the checkpoint again.',
        details: { name: tensor.name, dtype: tensor.dtype },
      },
    )
  }
}

function fromTensors(tensors: CanonicalTensors): ParameterSource {
  return (name, shape) => constant(name, shape, () => readWeight(tensors, name))
}

async function readWeight(tensors: CanonicalTensors, name: string): Promise<Float32Array> {
  const tensor = tensors.get(canonicalName(name))!
  return weightValues(tensor.name, await tensor.read())
}
