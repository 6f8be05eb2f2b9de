import { InverseFormError } from '@inverseform/errors'
import { categories, type Label, labels } from '../../labels.js'
import { ExactSum } from '../exact-sum.js'
import { type IdArray, of } from '../ids.js'
import type { SegmentedImage } from '../metric.js'

/** The labels that label maps may hold; each one's index is its id, 0..33. */
export const mapLabels: readonly Label[] = labels.filter(({ id }) => id >= 0)

/** The label ids of each category whose labels all have instances (human and vehicle), those not evaluated too. */
export const instanceCategories: ReadonlyMap<string, readonly number[]> = new Map(
  categories.flatMap((category) => {
    const members = mapLabels.filter((label) => label.category === category)
    return members.every(({ hasInstances }) => hasInstances) ? [[category, members.map(({ id }) => id)]] : []
  }),
)

/** Mean number of pixels of an instance, by label (`avgClassSize` of evalPixelLevelSemanticLabeling.py). */
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

/** The most that a pixel can weigh: one that is an instance of its own. */
export const GREATEST_WEIGHT = Math.max(...Object.values(averageSizes))

/** What {@link newInstanceSums} has an entry for: the labels, then the categories, that instances are counted of. */
export const instanceNames: readonly string[] = [
  ...mapLabels.filter((label) => label.hasInstances && !label.ignoreInEval).map(({ name }) => name),
  ...instanceCategories.keys(),
]

/** Pixels of instances, each instance weighted by average size / its size: those predicted as its label, and the rest. */
export interface WeightedPixels {
  readonly tp: ExactSum
  readonly fn: ExactSum
}

/** By the name of the label or category. */
export type InstanceSums = ReadonlyMap<string, WeightedPixels>

export const newInstanceSums = (): InstanceSums =>
  new Map(instanceNames.map((name) => [name, { tp: new ExactSum(), fn: new ExactSum() }]))

/** Instance ids are label id · 1000 + number; up to 1000 they are plain label ids. */
const FIRST = 1001
const END = mapLabels.length * 1000

const labelOf = (id: number): number => Math.floor(id / 1000)

/** 1 + the index of a label's category among those with instances, 0 for none; by label id. */
const categoryOf = Uint8Array.from(
  mapLabels,
  ({ category }) => 1 + [...instanceCategories.keys()].indexOf(category),
)

/** Counts the pixels of an image's instances; its tables are used again for the next. */
export class InstanceCounter {
  /** All three by instance id. */
  readonly #size = new Uint32Array(END)
  readonly #asLabel = new Uint32Array(END)
  readonly #asCategory = new Uint32Array(END)

  /**
   * Counts the instances of an image, and forgets the one before.
   * @throws InverseFormError `invalid-argument` for an id of no label, or of one that is evaluated and has no instances
   */
  count(ids: IdArray, image: SegmentedImage): void {
    const { prediction } = image
    const [size, asLabel, asCategory] = [this.#size, this.#asLabel, this.#asCategory]
    for (const table of [size, asLabel, asCategory]) table.fill(0)
    for (let start = 0, end = 0; start < ids.length; start = end) {
      const id = ids[start]!
      end++
      if (id < FIRST) continue
      if (id >= END) throw badInstanceId(id, ids, image)
      const label = labelOf(id)
      const category = categoryOf[label]
      let labelHits = 0
      let categoryHits = 0
      // Sums of a row's stretch of an instance go to memory once.
      for (end = start; end < ids.length && ids[end] === id; end++) {
        const p = prediction[end]!
        if (p === label) labelHits++
        if (categoryOf[p] === category) categoryHits++
      }
      size[id]! += end - start
      asLabel[id]! += labelHits
      asCategory[id]! += categoryHits
    }
    const stray = this.#firstStray()
    if (stray !== undefined) throw badInstanceId(stray, ids, image)
  }

  /** The first id, in ascending order, whose label is evaluated and yet has no instances. */
  #firstStray(): number | undefined {
    for (let id = FIRST; id < END; id++) {
      if (this.#size[id] === 0) continue
      const { hasInstances, ignoreInEval } = mapLabels[labelOf(id)]!
      if (!hasInstances && !ignoreInEval) return id
    }
    return undefined
  }

  /** Adds the instances of the image to sums over all; those of labels that are not evaluated are left out. */
  addTo(sums: InstanceSums): void {
    for (let id = FIRST; id < END; id++) {
      const size = this.#size[id]!
      if (size === 0) continue
      const label = mapLabels[labelOf(id)]!
      if (label.ignoreInEval) continue
      const weight = averageSizes[label.name]! / size
      for (const [name, hits] of [
        [label.name, this.#asLabel[id]!],
        [label.category, this.#asCategory[id]!],
      ] as const) {
        const { tp, fn } = sums.get(name)!
        tp.add(hits * weight)
        fn.add((size - hits) * weight)
      }
    }
  }
}

/** The error for an instance id that no instance can have: names the image, the pixel and the id. */
function badInstanceId(id: number, instanceIds: IdArray, { width, name }: SegmentedImage): InverseFormError {
  const pixel = instanceIds.indexOf(id)
  const [x, y] = [pixel % width, Math.floor(pixel / width)]
  const label = mapLabels[labelOf(id)]
  const why =
    label === undefined
      ? `there is no label ${labelOf(id)}`
      : `label ${label.id}, ${label.name}, has no instances`
  return new InverseFormError(
    'invalid-argument',
    `${of(name)}has the instance id ${id} at column ${x}, row ${y}; ${why}.`,
    {
      hint: 'Pass the ids of *_instanceIds.png: label id · 1000 + number for single objects, plain label ids for all else.',
      details: { name, what: 'instance', id, x, y },
    },
  )
}
