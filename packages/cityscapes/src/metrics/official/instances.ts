import { InverseFormError } from '@inverseform/errors'
import type { ExactSum } from '@inverseform/shared'
import type { IdArray } from '../../label-mapping.js'
import { categories, type Label, labels } from '../../labels.js'
import { subject } from '../check-image.js'
import type { SegmentedImage } from '../metric.js'

/** The labels that label maps can hold; the index of each is its id, 0..33. */
export const mapLabels: readonly Label[] = labels.filter(({ id }) => id >= 0)

/** The label ids, evaluated or not, of each category whose labels all have instances: human and vehicle. */
export const instanceCategories: ReadonlyMap<string, readonly number[]> = new Map(
  categories.flatMap((category) => {
    const members = mapLabels.filter((label) => label.category === category)
    return members.every(({ hasInstances }) => hasInstances) ? [[category, members.map(({ id }) => id)]] : []
  }),
)

/** Mean number of pixels of an instance by label (`avgClassSize` of evalPixelLevelSemanticLabeling.py). */
const averageSizes: Readonly<Record<string, number>> = {
  bicycle: 4672.3249222261,
  bus: 35732.1511111111,
  car: 12794.0202738185,
  motorcycle: 6298.7200839748,
  person: 3462.4756337644,
  rider: 3930.4788056518,
  train: 67583.7075812274,
  truck: 27855.1264367816,
}

/** The greatest weight of a pixel: that of an instance of one pixel. */
export const GREATEST_WEIGHT = Math.max(...Object.values(averageSizes))

/** Names of the labels, then of the categories, whose instances are counted. */
export const instanceNames: readonly string[] = [
  ...mapLabels.filter((label) => label.hasInstances && !label.ignoreInEval).map(({ name }) => name),
  ...instanceCategories.keys(),
]

/** Pixels of instances, weighted by average size / size of their instance. */
export interface WeightedPixels {
  /** Pixels that are predicted as the label, or as a label of the category. */
  readonly tp: ExactSum
  /** All other pixels. */
  readonly fn: ExactSum
}

/** Weighted pixels by the name of the label or category. */
export type InstanceSums = Readonly<Record<string, WeightedPixels>>

/** Instance ids are label id · 1000 + number. Ids up to 1000 are label ids. */
const FIRST = 1001
const END = mapLabels.length * 1000

const labelOf = (id: number): number => Math.floor(id / 1000)

/** By label id: 1 + the index of the label's category among those with instances, 0 for other categories. */
const categoryOf = Uint8Array.from(
  mapLabels,
  ({ category }) => 1 + [...instanceCategories.keys()].indexOf(category),
)

/** Counts the pixels of an image's instances. It reuses its tables for the next image. */
export class InstanceCounter {
  // Indexed by instance id.
  readonly #size = new Uint32Array(END)
  readonly #asLabel = new Uint32Array(END)
  readonly #asCategory = new Uint32Array(END)

  /**
   * Counts the instances of an image and discards the previous image.
   * @throws InverseFormError `invalid-argument` for the id of an unknown label, or of an evaluated label without instances
   */
  count(ids: IdArray, image: SegmentedImage): void {
    const { prediction } = image
    const [size, asLabel, asCategory] = [this.#size, this.#asLabel, this.#asCategory]
    for (const table of [size, asLabel, asCategory]) table.fill(0)
    for (let start = 0, end = 0; start < ids.length; start = end) {
      const id = ids[start]
      end++
      if (id < FIRST) continue
      if (id >= END) throw invalidInstanceId(id, ids, image)
      const label = labelOf(id)
      const category = categoryOf[label]
      let labelHits = 0
      let categoryHits = 0
      // Writes the sums of a run of equal ids to memory once.
      for (end = start; end < ids.length && ids[end] === id; end++) {
        const p = prediction[end]
        if (p === label) labelHits++
        if (categoryOf[p] === category) categoryHits++
      }
      size[id] += end - start
      asLabel[id] += labelHits
      asCategory[id] += categoryHits
    }
    const invalid = this.#firstInvalid()
    if (invalid !== undefined) throw invalidInstanceId(invalid, ids, image)
  }

  /** Returns the lowest id whose label is evaluated but has no instances. */
  #firstInvalid(): number | undefined {
    for (let id = FIRST; id < END; id++) {
      if (this.#size[id] === 0) continue
      const { hasInstances, ignoreInEval } = mapLabels[labelOf(id)]
      if (!hasInstances && !ignoreInEval) return id
    }
    return undefined
  }

  /** Adds the instances of the image to sums over all images. It leaves out labels that are not evaluated. */
  addTo(sums: InstanceSums): void {
    for (let id = FIRST; id < END; id++) {
      const size = this.#size[id]
      if (size === 0) continue
      const label = mapLabels[labelOf(id)]
      if (label.ignoreInEval) continue
      const weight = averageSizes[label.name] / size
      for (const [name, hits] of [
        [label.name, this.#asLabel[id]],
        [label.category, this.#asCategory[id]],
      ] as const) {
        const { tp, fn } = sums[name]
        tp.add(hits * weight)
        fn.add((size - hits) * weight)
      }
    }
  }
}

/** Creates the error for an invalid instance id: names the image, the pixel and the id. */
function invalidInstanceId(
  id: number,
  instanceIds: IdArray,
  { width, name }: SegmentedImage,
): InverseFormError {
  const pixel = instanceIds.indexOf(id)
  const [x, y] = [pixel % width, Math.floor(pixel / width)]
  const label = mapLabels[labelOf(id)]
  const why =
    label === undefined
      ? `label ${labelOf(id)} does not exist`
      : `label ${label.id}, ${label.name}, has no instances`
  return new InverseFormError(
    'invalid-argument',
    `${subject(name)} has the instance id ${id} at column ${x}, row ${y}; ${why}.`,
    {
      hint: 'Pass the ids of *_instanceIds.png: label id · 1000 + number for single objects, label ids for all other pixels.',
      details: { name, what: 'instance', id, x, y },
    },
  )
}
