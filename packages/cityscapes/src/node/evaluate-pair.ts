import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { type LabelMapping, labelMapping, reduceZeroLabel } from '../label-mapping.js'
import { IGNORE, labels } from '../labels.js'
import type { NamedImage } from '../metrics/image-scores.js'
import type { LabelMap } from '../png.js'
import type { ResultPair } from './match-by-stem.js'
import type { MetricSelection, Metrics } from './metric-set.js'
import { readInstanceIds, readLabelPng } from './read.js'

/**
 * What the pixels of label maps hold: Cityscapes' label ids (0..33), or the ids 0..n-1 of the classes that a network is
 * trained on, of whatever data set, and the ignore index.
 */
export type PixelIds = 'labelIds' | 'trainIds'

/** What to read and measure, in a form that can be sent to a worker. */
export interface EvaluationPlan {
  /** The official evaluation takes label ids, all others train ids: ids are translated as needed. */
  readonly metrics: MetricSelection
  readonly truthIds: PixelIds
  readonly predictionIds: PixelIds
  readonly reduceZeroLabel: boolean
}

/** A truth and a prediction to judge by it, as paths. */
export interface PairToEvaluate extends ResultPair {
  /** The truth's `*_instanceIds.png`, for the official evaluation with instances. */
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

/**
 * Adds one pair to the plan's metrics, which are of no use after an error.
 * @throws InverseFormError as reading label maps does; `size-mismatch`; `invalid-dataset` for ids that cannot be or are
 *   missing; `limit-exceeded` for maps that a metric cannot take. All name the files
 */
export async function evaluatePair(
  pair: PairToEvaluate,
  plan: EvaluationPlan,
  { official, ...others }: Partial<Metrics>,
): Promise<void> {
  const { name, truth, prediction } = pair
  const [trueMap, predictedMap, instances] = await Promise.all([
    readLabelPng(truth),
    readLabelPng(prediction),
    official?.instances && pair.instanceIds !== undefined ? readInstanceIds(pair.instanceIds) : undefined,
  ])
  expectSameSize(trueMap, truth, predictedMap, prediction)
  if (instances !== undefined) expectSameSize(trueMap, truth, instances, pair.instanceIds!)
  const { width, height } = trueMap
  const translated = (map: LabelMap, file: string, translate: LabelMapping | undefined) =>
    translate === undefined ? map.data : translate(map.data, { width, name: file })

  try {
    official?.update({
      name,
      width,
      height,
      truth: trueMap.data,
      prediction: translated(
        predictedMap,
        prediction,
        plan.predictionIds === 'trainIds' ? toLabelIds : undefined,
      ),
      instanceIds: instances?.data,
    })
    const metrics = Object.values(others)
    if (metrics.length > 0) {
      const toClasses = plan.truthIds === 'labelIds' ? toTrainIds : undefined
      const image: NamedImage = {
        name,
        width,
        height,
        truth: translated(trueMap, truth, plan.reduceZeroLabel ? reduceZeroLabel : toClasses),
        prediction: translated(
          predictedMap,
          prediction,
          plan.predictionIds === 'labelIds' ? toTrainIds : undefined,
        ),
      }
      for (const metric of metrics) metric.update(image)
    }
  } catch (error) {
    throw isInverseFormError(error) ? inFiles(error, pair, plan) : error
  }
}

/** What is wrong with maps is wrong with the files that hold them. */
function inFiles(
  { code, message, hint, details, cause }: InverseFormError,
  { name, truth, prediction }: PairToEvaluate,
  { truthIds, predictionIds }: EvaluationPlan,
): InverseFormError {
  const text = { labelIds: 'label ids', trainIds: 'train ids' }
  const isClassId = 'id' in details && details.what !== 'instance'
  return new InverseFormError(
    code === 'invalid-argument' ? 'invalid-dataset' : code,
    `${message} The files: ${truth} and ${prediction}.`,
    {
      hint: isClassId
        ? `The truth is taken to hold ${text[truthIds]}, the prediction ${text[predictionIds]}: say so if they hold others.`
        : hint,
      details: { name, ...details, truth, prediction },
      cause,
    },
  )
}

function expectSameSize(map: LabelMap, file: string, other: LabelMap, otherFile: string): void {
  if (map.width === other.width && map.height === other.height) return
  const [size, otherSize] = [map, other].map(({ width, height }) => `${width} x ${height}`)
  throw new InverseFormError('size-mismatch', `${file} has ${size} pixels, ${otherFile} has ${otherSize}.`, {
    hint: 'Resize a prediction to the size of its truth by nearest neighbour, or better its logits before taking the best class.',
    details: { file, size, otherFile, otherSize },
  })
}
