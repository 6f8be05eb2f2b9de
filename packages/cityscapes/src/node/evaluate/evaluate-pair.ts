import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { type IdMap, type LabelMapping, labelMapping, reduceZeroLabel } from '../../label-mapping.js'
import { IGNORE, labels } from '../../labels.js'
import { updateMetrics } from '../../metrics/boundary/class-maps.js'
import type { NamedImage } from '../../metrics/image-scores.js'
import type { LabelMap } from '../../png.js'
import { readInstanceIds, readLabelPng } from '../files/read.js'
import type { FilePair } from '../pairs/match-by-stem.js'
import type { MetricSelection, Metrics } from './metric-set.js'

/**
 * The kind of ids in label maps: Cityscapes' label ids (0..33), or train ids of any data set, 0..numClasses-1 and the
 * ignore index.
 */
export type PixelIds = 'labelIds' | 'trainIds'

/** What to read and measure; can be sent to a worker. */
export interface EvaluationPlan {
  /** The official evaluation needs label ids, all others train ids: ids are mapped as needed. */
  readonly metrics: MetricSelection
  readonly targetIds: PixelIds
  readonly predictionIds: PixelIds
  readonly reduceZeroLabel: boolean
  readonly maxPixels: number
  readonly idMap?: IdMap | undefined
  /** Whether a pair that fails must not change the metrics of the others. */
  readonly skips?: boolean
}

/** Paths of a target and a prediction to compare with it. */
export interface PairToEvaluate extends FilePair {
  /** The target's `*_instanceIds.png`, for the official evaluation with instances. */
  readonly instanceIds?: string | undefined
}

const mapLabels = labels.filter(({ id }) => id >= 0)
const toTrainIds = labelMapping(Object.fromEntries(mapLabels.map(({ id, trainId }) => [id, trainId])))
const toLabelIds = labelMapping({
  ...Object.fromEntries(
    mapLabels.filter(({ ignoreInEval }) => !ignoreInEval).map(({ id, trainId }) => [trainId, id]),
  ),
  [IGNORE]: 0,
})

/** The maps of a pair, as its files hold them. */
export interface ReadPair {
  readonly pair: PairToEvaluate
  readonly target: LabelMap
  readonly prediction: LabelMap
  readonly instances?: LabelMap<Uint16Array> | undefined
}

/**
 * Reads the files of a pair.
 * @throws InverseFormError as reading label maps does; `size-mismatch`. All errors name the files
 */
export async function readPair(pair: PairToEvaluate, plan: EvaluationPlan): Promise<ReadPair> {
  const { official } = plan.metrics
  const needsInstances = official !== undefined && official.instances !== false
  const [target, prediction, instances] = await Promise.all([
    readChanged(pair.target, plan),
    readChanged(pair.prediction, plan),
    needsInstances && pair.instanceIds !== undefined ? readInstanceIds(pair.instanceIds, plan) : undefined,
  ])
  checkSameSize(target, pair.target, prediction, pair.prediction)
  if (instances !== undefined) checkSameSize(target, pair.target, instances, pair.instanceIds!)
  return { pair, target, prediction, instances }
}

/**
 * Adds a pair to the metrics of the plan. Do not use the metrics after an error.
 * @throws InverseFormError `invalid-dataset` for invalid or missing ids; `limit-exceeded` for maps too large for a metric. All
 *   errors name the files
 */
export function countPair(
  { pair, target: targetMap, prediction: predictedMap, instances }: ReadPair,
  plan: EvaluationPlan,
  { official, ...others }: Partial<Metrics>,
): void {
  const { name, target, prediction } = pair
  const { width, height } = targetMap
  const translated = (map: LabelMap, file: string, translate: LabelMapping | undefined) =>
    translate === undefined ? map.data : translate(map.data, { width, name: file })

  try {
    official?.update({
      name,
      width,
      height,
      target: targetMap.data,
      prediction: translated(
        predictedMap,
        prediction,
        plan.predictionIds === 'trainIds' ? toLabelIds : undefined,
      ),
      instanceIds: instances?.data,
    })
    const metrics = Object.values(others)
    if (metrics.length > 0) {
      const toClasses = plan.targetIds === 'labelIds' ? toTrainIds : undefined
      const image: NamedImage = {
        name,
        width,
        height,
        target: translated(targetMap, target, plan.reduceZeroLabel ? reduceZeroLabel : toClasses),
        prediction: translated(
          predictedMap,
          prediction,
          plan.predictionIds === 'labelIds' ? toTrainIds : undefined,
        ),
      }
      updateMetrics<NamedImage>(metrics, image)
    }
  } catch (error) {
    throw isInverseFormError(error) ? inFiles(error, pair, plan) : error
  }
}

/** Reads a label map and changes its ids as `idMap` of the plan says. */
async function readChanged(path: string, plan: EvaluationPlan): Promise<LabelMap> {
  const map = await readLabelPng(path, plan)
  if (plan.idMap === undefined) return map
  return { ...map, data: labelMapping(plan.idMap, { unmapped: 'keep' })(map.data) }
}

/** Adds the files to an error about their label maps. */
function inFiles(
  { code, message, hint, details, cause }: InverseFormError,
  { name, target, prediction }: PairToEvaluate,
  { targetIds, predictionIds }: EvaluationPlan,
): InverseFormError {
  const text = { labelIds: 'label ids', trainIds: 'train ids' }
  const isClassId = 'id' in details && details.what !== 'instance'
  return new InverseFormError(
    code === 'invalid-argument' ? 'invalid-dataset' : code,
    `${message} The files: ${target} and ${prediction}.`,
    {
      hint: isClassId
        ? `The target is read as ${text[targetIds]}, the prediction as ${text[predictionIds]}: set \`targetIds\` and \`predictionIds\` if the files hold other ids.`
        : hint,
      details: { name, ...details, target, prediction },
      cause,
    },
  )
}

function checkSameSize(map: LabelMap, file: string, other: LabelMap, otherFile: string): void {
  if (map.width === other.width && map.height === other.height) return
  const [size, otherSize] = [map, other].map(({ width, height }) => `${width} x ${height}`)
  throw new InverseFormError('size-mismatch', `${file} has ${size} pixels, ${otherFile} has ${otherSize}.`, {
    hint: 'Resize the prediction to the size of its target by nearest neighbor, or better, resize the logits before the argmax.',
    details: { file, size, otherFile, otherSize },
  })
}
