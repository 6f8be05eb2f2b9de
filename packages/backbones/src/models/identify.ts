import type { Checkpoint } from '../checkpoint/types.js'
import { recordShapes, requiredParameters } from './build.js'
import { canonicalName, TensorNames, type TensorsUnder } from './canonical-names.js'
import { buildInverseNet } from './inversenet.js'
import { compareTensors, isComplete, type LoadReport } from './load-report.js'
import { inverseNetZoo, type SegmentationModelName, zoo } from './zoo.js'

/** A published model: a segmentation network or the regressor of the InverseForm loss. */
export type ModelName = SegmentationModelName | typeof inverseNetZoo.name

export const modelNames: readonly ModelName[] = [
  inverseNetZoo.name,
  ...Object.values(zoo).map(({ name }) => name),
]

/** How a model fits the tensors below a prefix of a checkpoint. */
export interface Fit {
  readonly model: ModelName
  readonly under: TensorsUnder
  /** The weights that the model needs, without its edge head. */
  readonly needed: ReadonlyMap<string, readonly number[]>
  readonly report: LoadReport
}

/**
 * Identifies a checkpoint's model from its tensors.
 * @returns the largest model whose weights all exist with the right shape; undefined if no model fits
 */
export function identifyModel(checkpoint: Pick<Checkpoint, 'tensors'>): ModelName | undefined {
  return completeFits(new TensorNames(checkpoint))[0]?.model
}

/**
 * Returns the largest of the models whose weights are complete: as they are named, or else without a common prefix.
 * Several fits differ only in their prefixes.
 */
export function completeFits(names: TensorNames, models: readonly ModelName[] = modelNames): readonly Fit[] {
  const plain = models.map((model) => fitOf(model, names.all)).filter(({ report }) => isComplete(report))
  if (plain.length > 0) return [largest(plain)]
  const prefixed = models.flatMap((model) => {
    const { needed } = fitOf(model, names.all)
    const prefixes = candidates(names, needed).filter(
      ([prefix, found]) => prefix !== '' && found >= needed.size,
    )
    const fits = prefixes.map(([prefix]) => fitOf(model, names.under(prefix)))
    return fits.filter(({ report }) => isComplete(report))
  })
  if (prefixed.length === 0) return []
  const { model } = largest(prefixed)
  // A prefix with and without `backbone.` may give the same tensors.
  const byTensor = new Map<string, Fit>()
  for (const fit of prefixed) {
    const [tensor] = fit.report.loaded
    if (fit.model === model && !byTensor.has(tensor)) byTensor.set(tensor, fit)
  }
  return [...byTensor.values()]
}

/** Returns the model and the prefix for which the largest share of the weights exists. */
export function closestFit(names: TensorNames, models: readonly ModelName[] = modelNames): Fit {
  const fits = models.flatMap((model) => {
    const plain = fitOf(model, names.all)
    const [best] = candidates(names, plain.needed)
    return best && best[0] !== '' ? [plain, fitOf(model, names.under(best[0]))] : [plain]
  })
  return fits.reduce((best, fit) => (shareOf(fit) > shareOf(best) ? fit : best))
}

/** Returns the share of a model's weights that exist with the right shape. */
export function shareOf({ report, needed }: Fit): number {
  return report.loaded.length / needed.size
}

/** Most prefixes to try. Real files have a few, such as those of a student and a teacher. */
const MAX_PREFIXES = 16

function candidates(names: TensorNames, needed: Fit['needed']) {
  return names.prefixesOf(new Set([...needed.keys()].map(canonicalName))).slice(0, MAX_PREFIXES)
}

function fitOf(model: ModelName, under: TensorsUnder): Fit {
  const needed =
    model === inverseNetZoo.name
      ? inverseNetParameters()
      : requiredParameters(model, { numClasses: numClassesOf(model, under) })
  return { model, under, needed, report: compareTensors(under, needed) }
}

function largest(fits: readonly Fit[]): Fit {
  return fits.reduce((best, fit) => (fit.needed.size > best.needed.size ? fit : best))
}

/** Returns the names and shapes of InverseNet's weights. */
export function inverseNetParameters(): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  buildInverseNet(recordShapes(shapes))
  return shapes
}

/** Returns the number of classes of the checkpoint's classifier; undefined if it lacks the model's classifier. */
export function numClassesOf(model: SegmentationModelName, { tensors }: TensorsUnder): number | undefined {
  return tensors.get(canonicalName(zoo[model].classWeight))?.shape[0] || undefined
}
