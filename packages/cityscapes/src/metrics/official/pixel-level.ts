import { checkBoolean, checkLength, InverseFormError } from '@inverseform/errors'
import type { IdArray } from '../../label-mapping.js'
import { checkIds, checkImage, invalidPixel, subject } from '../check-image.js'
import { ConfusionMatrix, type ConfusionMatrixState } from '../confusion.js'
import { countPairs } from '../count-pairs.js'
import type { Metric, SegmentedImage } from '../metric.js'
import { checkSameMetric, declareState, type StateHeader, type StateOf } from '../state/declare-state.js'
import {
  absent,
  addCounts,
  damage,
  exactSum,
  type Field,
  type JsonOf,
  nested,
  record,
  type Scope,
  type ValueOf,
} from '../state/fields.js'
import { GREATEST_WEIGHT, InstanceCounter, instanceNames, mapLabels } from './instances.js'
import { type PixelLevelScores, pixelLevelScores } from './scores.js'

/** Target and prediction as **label ids** (0..33), not train ids. */
export interface PixelLevelImage extends SegmentedImage {
  /** width · height ids of `*_instanceIds.png`; required unless the option `instances` is false. */
  readonly instanceIds?: IdArray
}

export interface PixelLevelEvaluationOptions {
  /** Whether to score instances (iIoU). Default true; without instances, every iIoU is NaN. */
  readonly instances?: boolean
}

/** The state of a {@link PixelLevelEvaluation} as JSON. */
export interface PixelLevelEvaluationState extends StateHeader {
  readonly format: 'inverseform.pixel-level-evaluation'
  readonly version: 1
  readonly confusion: ConfusionMatrixState
  /**
   * Exact sums of weighted pixels, as doubles to add up, by the name of the label or category; null without instances.
   */
  readonly instances: Readonly<
    Record<string, { readonly tp: readonly number[]; readonly fn: readonly number[] }>
  > | null
}

function resolveOptions({
  instances = true,
}: PixelLevelEvaluationOptions): Required<PixelLevelEvaluationOptions> {
  checkBoolean('instances', instances)
  return { instances }
}

const mapOptions = { numClasses: mapLabels.length, ignoreIndex: null }
const newConfusion = (): ConfusionMatrix => new ConfusionMatrix(mapOptions)

const greatestSum = ({ confusion }: Scope): number =>
  (confusion as ConfusionMatrix).compute().pixels * GREATEST_WEIGHT

const weightedPixels = record({ tp: exactSum(greatestSum), fn: exactSum(greatestSum) })
const instanceSums = record(Object.fromEntries(instanceNames.map((name) => [name, weightedPixels])))

const declaration = declareState({
  name: 'pixel-level evaluation',
  format: 'inverseform.pixel-level-evaluation',
  version: 1,
  resolve: resolveOptions,
  stored: [],
  inferred({ instances }) {
    if (instances === undefined) throw damage('instances is missing')
    return { instances: instances !== null }
  },
  fields: ({ instances }) => ({
    confusion: nested(newConfusion, ConfusionMatrix.fromJSON),
    instances: (instances ? instanceSums : absent) as Field<
      ValueOf<typeof instanceSums> | null,
      JsonOf<typeof instanceSums> | null
    >,
  }),
})

/** No pixel is predicted as the ignore index: every label id has a column. */
const NONE_MISSED = new Uint32Array(0)

/**
 * The official evaluation of Cityscapes' pixel-level semantic labeling: IoU of classes and categories, instance-level
 * iIoU, priors, and the confusion matrix over all 34 labels. Every pixel is counted. Predicting a label that is not
 * evaluated is a miss; predictions where the target is not evaluated cost nothing.
 *
 * The script adds the weighted pixels of instances in the order of its files. Here the sum is exact, so images can come in
 * any order, and the last digit of a score can differ from the script's.
 * Source: cityscapesscripts/evaluation/evalPixelLevelSemanticLabeling.py of mcordts/cityscapesScripts; Cordts et al.,
 * The Cityscapes Dataset for Semantic Urban Scene Understanding, CVPR 2016, section 4.2.
 */
export class PixelLevelEvaluation
  implements Metric<PixelLevelImage, PixelLevelEvaluationState, PixelLevelScores>
{
  readonly instances: boolean
  readonly #state: StateOf<typeof declaration>
  readonly #image = new Uint32Array(mapLabels.length ** 2)
  readonly #counter: InstanceCounter | undefined

  /** @throws InverseFormError `invalid-argument` for invalid options */
  constructor(options: PixelLevelEvaluationOptions = {}) {
    this.#state = declaration.create(options)
    this.instances = this.#state.options.instances
    this.#counter = this.instances ? new InstanceCounter() : undefined
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` if the maps differ in size; `invalid-argument` for missing instance ids, a
   *   label id outside 0..33 (ignored pixels have label ids, too), or an instance id whose label does not exist, or is
   *   evaluated but has no instances. The state is then unchanged.
   */
  update(image: PixelLevelImage): void {
    checkImage(image)
    const instanceIds = this.#instanceIds(image)
    const { confusion, instances } = this.#state.values
    const counts = this.#image.fill(0)
    const invalid = countPairs(image, mapOptions, counts, NONE_MISSED)
    if (invalid >= 0) {
      throw invalidPixel(
        invalid,
        image,
        confusion,
        'Pass label ids. toLabelIds() converts the train ids that networks predict.',
      )
    }
    if (instanceIds !== undefined) this.#counter?.count(instanceIds, image)
    addCounts(confusion.counts, counts)
    if (instances !== null) this.#counter?.addTo(instances)
  }

  /** @throws InverseFormError `invalid-argument` if only one of the two scores instances */
  checkMergeable(other: PixelLevelEvaluation): void {
    checkSameMetric('PixelLevelEvaluation', other, (value) => #state in value)
    this.#state.checkMergeable(other.#state)
  }

  /** @throws InverseFormError as {@link checkMergeable}; the state is then unchanged */
  merge(other: PixelLevelEvaluation): void {
    this.checkMergeable(other)
    this.#state.merge(other.#state)
  }

  toJSON(): PixelLevelEvaluationState {
    return this.#state.toJSON()
  }

  /** @throws InverseFormError `unreadable` unless `json` is what {@link toJSON} returns */
  static fromJSON(json: unknown): PixelLevelEvaluation {
    const state = declaration.read(json)
    const evaluation = new PixelLevelEvaluation(state.options)
    evaluation.#state.merge(state)
    return evaluation
  }

  compute(): PixelLevelScores {
    const { confusion, instances } = this.#state.values
    return pixelLevelScores(confusion.rows(), instances)
  }

  #instanceIds({ instanceIds, target, name }: PixelLevelImage): IdArray | undefined {
    if (!this.instances) return undefined
    if (instanceIds === undefined) {
      throw new InverseFormError('invalid-argument', `${subject(name)} has no instance ids.`, {
        hint: 'Pass the ids of *_instanceIds.png as `instanceIds`, or evaluate with { instances: false }.',
        details: { name },
      })
    }
    checkIds('instanceIds', instanceIds, name)
    checkLength('instanceIds', instanceIds.length, target.length, 'one per pixel', {
      hint: 'Pass the *_instanceIds.png that belongs to the target.',
      details: { name },
    })
    return instanceIds
  }
}
