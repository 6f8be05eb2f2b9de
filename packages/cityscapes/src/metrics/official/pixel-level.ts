import { InverseFormError } from '@inverseform/errors'
import { ConfusionMatrix, type ConfusionMatrixState } from '../confusion.js'
import { countPairs } from '../count-pairs.js'
import { badPair, checkSizes, expectIds, type IdArray, of } from '../ids.js'
import type { Metric, SegmentedImage } from '../metric.js'
import { damagedState, expectSameOptions, expectState, readSum, type StateHeader } from '../state.js'
import {
  GREATEST_WEIGHT,
  InstanceCounter,
  type InstanceSums,
  instanceNames,
  mapLabels,
  newInstanceSums,
} from './instances.js'
import { type PixelLevelScores, pixelLevelScores } from './scores.js'

const FORMAT = 'inverseform.pixel-level-evaluation'

/** Truth and prediction as **label ids** (0..33), not train ids. */
export interface PixelLevelImage extends SegmentedImage {
  /** width · height ids of `*_instanceIds.png`; needed unless the option `instances` is false. */
  readonly instanceIds?: IdArray
}

export interface PixelLevelEvaluationOptions {
  /** Whether to score instances (iIoU) too. Default true; without, every iIoU is NaN. */
  readonly instances?: boolean
}

/** What the evaluation is on disk and between processes. */
export interface PixelLevelEvaluationState extends StateHeader {
  readonly format: typeof FORMAT
  readonly version: 1
  readonly confusion: ConfusionMatrixState
  /** Parts of exact sums of weighted pixels, by name of the label or category; null without instances. */
  readonly instances: Readonly<Record<string, { readonly tp: number[]; readonly fn: number[] }>> | null
}

const newConfusion = (): ConfusionMatrix =>
  new ConfusionMatrix({ classes: mapLabels.length, ignoreIndex: null })

/** All label ids have a column. */
const NONE_MISSED = new Uint32Array(0)

const LABEL_IDS = 'Pass label ids; toLabelIds() makes them of the train ids that networks predict.'

/**
 * The official evaluation of Cityscapes' pixel-level semantic labelling: IoU of classes and categories, instance-level
 * iIoU, priors, and the confusion matrix over all 34 labels. Every pixel is counted: predicting a label that is not
 * evaluated is a miss, while what is predicted where the truth is not evaluated costs nothing.
 *
 * The script adds the instances' weighted pixels in the order of its files; here the sum is exact, so that images
 * may come in any order, and a score may differ from the script's in its last digit.
 * Source: cityscapesscripts/evaluation/evalPixelLevelSemanticLabeling.py of mcordts/cityscapesScripts; Cordts et al.,
 * The Cityscapes Dataset for Semantic Urban Scene Understanding, CVPR 2016, section 4.2.
 */
export class PixelLevelEvaluation
  implements Metric<PixelLevelImage, PixelLevelEvaluationState, PixelLevelScores>
{
  readonly instances: boolean
  readonly #confusion: ConfusionMatrix = newConfusion()
  readonly #sums: InstanceSums = newInstanceSums()
  readonly #image = new Uint32Array(mapLabels.length ** 2)
  readonly #counter: InstanceCounter | undefined

  constructor({ instances = true }: PixelLevelEvaluationOptions = {}) {
    this.instances = instances
    this.#counter = instances ? new InstanceCounter() : undefined
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` when the maps differ in size; `invalid-argument` for missing instance ids,
   *   a label id outside 0..33 (ignored pixels have ids too), or an instance id whose label is unknown or is evaluated
   *   and has no instances. None changes the state.
   */
  update(image: PixelLevelImage): void {
    checkSizes(image)
    const instanceIds = this.#instanceIds(image)
    const counts = this.#image.fill(0)
    const bad = countPairs(image, this.#confusion, counts, NONE_MISSED)
    if (bad >= 0) throw badPair(bad, image, this.#confusion, LABEL_IDS)
    if (instanceIds !== undefined) this.#counter!.count(instanceIds, image)
    for (let i = 0; i < counts.length; i++) this.#confusion.counts[i]! += counts[i]!
    this.#counter?.addTo(this.#sums)
  }

  /** @throws InverseFormError `invalid-argument` when one has scored instances and the other has not */
  expectMergeable({ instances }: PixelLevelEvaluation): void {
    expectSameOptions('pixel-level evaluation', { instances: this.instances }, { instances })
  }

  /** @throws as {@link expectMergeable} does, and is then as before */
  merge(other: PixelLevelEvaluation): void {
    this.expectMergeable(other)
    this.#confusion.merge(other.#confusion)
    for (const [name, { tp, fn }] of this.#sums) {
      tp.merge(other.#sums.get(name)!.tp)
      fn.merge(other.#sums.get(name)!.fn)
    }
  }

  toJSON(): PixelLevelEvaluationState {
    const sums = [...this.#sums].map(([name, { tp, fn }]) => [name, { tp: tp.toJSON(), fn: fn.toJSON() }])
    return {
      format: FORMAT,
      version: 1,
      confusion: this.#confusion.toJSON(),
      instances: this.instances ? Object.fromEntries(sums) : null,
    }
  }

  /** @throws InverseFormError `unreadable` when `json` is not what {@link toJSON} returns */
  static fromJSON(json: unknown): PixelLevelEvaluation {
    const { confusion, instances } = expectState<PixelLevelEvaluationState>(json, FORMAT, 1)
    if (instances === undefined) throw damagedState(FORMAT, 'instances are missing')
    const evaluation = new PixelLevelEvaluation({ instances: instances !== null })
    const counts = ConfusionMatrix.fromJSON(confusion)
    if (counts.classes !== mapLabels.length || counts.ignoreIndex !== null)
      throw damagedState(
        FORMAT,
        `its counts are not ${mapLabels.length} x ${mapLabels.length} with none ignored`,
      )
    evaluation.#confusion.merge(counts)
    if (instances === null) return evaluation
    const most = counts.compute().pixels * GREATEST_WEIGHT
    for (const name of instanceNames)
      for (const part of ['tp', 'fn'] as const) {
        const sum = readSum(FORMAT, `${part} of ${name}`, instances[name]?.[part], most)
        evaluation.#sums.get(name)![part].merge(sum)
      }
    return evaluation
  }

  compute(): PixelLevelScores {
    return pixelLevelScores(this.#confusion.rows(), this.instances ? this.#sums : undefined)
  }

  #instanceIds({ instanceIds, truth, width, height, name }: PixelLevelImage): IdArray | undefined {
    if (!this.instances) return undefined
    if (instanceIds === undefined)
      throw new InverseFormError('invalid-argument', `${of(name)}has no instance ids.`, {
        hint: 'Pass the ids of *_instanceIds.png as instanceIds, or evaluate with { instances: false }.',
        details: { name },
      })
    expectIds('instance', instanceIds, name)
    if (instanceIds.length !== truth.length)
      throw new InverseFormError(
        'size-mismatch',
        `${of(name)}of ${width} x ${height} pixels has ${instanceIds.length} instance ids.`,
        {
          hint: 'Pass the *_instanceIds.png that belongs to the truth.',
          details: { name, width, height, instanceIds: instanceIds.length },
        },
      )
    return instanceIds
  }
}
