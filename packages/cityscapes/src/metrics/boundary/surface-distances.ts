import { MAX_SIDE } from '@inverseform/distance-transform'
import { nanMean, sum } from '@inverseform/shared'
import type { Metric, SegmentedImage } from '../metric.js'
import { type MetricOptions, resolveMetricOptions } from '../options.js'
import { checkSameMetric, declareState, type StateHeader, type StateOf } from '../state/declare-state.js'
import { counts, exactSums, listOf, record, type Scope } from '../state/fields.js'
import { ClassMaps } from './class-maps.js'
import { type DirectedDistances, directedDistances, pooledQuantile } from './directed-distances.js'
import { NearestPixels } from './nearest-pixels.js'
import { checkNumbers, diagonal } from './options.js'
import { listSurfaces, PixelLists } from './outlines.js'

export interface SurfaceDistancesOptions extends MetricOptions {
  /** Tolerances of the surface Dice in pixels, at least 0. Default [1, 2, 3, 5]. */
  readonly tolerances?: readonly number[]
}

const distanceNames = [
  'hausdorff',
  'hd95MaxOfDirected',
  'hd95Pooled',
  'assdMeanOfDirected',
  'assdPooled',
] as const

/** The distances between the surfaces of one class, in pixels. */
export interface SurfaceDistanceScores {
  /** The greatest distance of a surface pixel of either map to the surface of the other map. */
  readonly hausdorff: number
  /** The greater of the two directed distances' 95th percentiles, as in MONAI and DeepMind's surface-distance. */
  readonly hd95MaxOfDirected: number
  /** The 95th percentile of both directions' distances together, MedPy's `hd95`. */
  readonly hd95Pooled: number
  /** The mean of the two directed mean distances, MedPy's `assd`. */
  readonly assdMeanOfDirected: number
  /** The mean of both directions' distances together: the average symmetric surface distance of Heimann et al. */
  readonly assdPooled: number
}

type Distance = keyof SurfaceDistanceScores

/** The state of a {@link SurfaceDistances} as JSON. Lists have one entry per class. */
export interface SurfaceDistancesState extends StateHeader {
  readonly format: 'inverseform.surface-distances'
  readonly version: 1
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly tolerances: readonly number[]
  /** Images with the class in both maps. */
  readonly both: readonly number[]
  /** Images with the class in the target only. */
  readonly missed: readonly number[]
  /** Images with the class in the prediction only. */
  readonly spurious: readonly number[]
  /** Exact sums over the images, as doubles to add up. */
  readonly distances: Readonly<Record<keyof SurfaceDistanceScores, readonly (readonly number[])[]>>
  /** For each tolerance, exact sums over the images, as doubles to add up. */
  readonly surfaceDice: readonly (readonly (readonly number[])[])[]
}

/** Means over the images with the class in both maps, in pixels; NaN without such images. */
export interface SurfaceClassScores extends SurfaceDistanceScores {
  /** Images with the class in both maps. */
  readonly both: number
  /** Images with the class in the target only, where it has no distance. */
  readonly missed: number
  /** Images with the class in the prediction only, where it has no distance. */
  readonly spurious: number
  /** For each tolerance, the mean over the images with the class in either map; 0 in images with it in one map only. */
  readonly surfaceDice: readonly number[]
}

/** What {@link SurfaceDistances.compute} returns: means over the classes whose score is not NaN. */
export interface SurfaceScores extends SurfaceDistanceScores {
  /** In the order of the option `tolerances`. */
  readonly tolerances: readonly number[]
  /** For each tolerance, a fraction in 0..1. */
  readonly meanSurfaceDice: readonly number[]
  /** Number of pairs of an image and a class in its target only, which the distances leave out. */
  readonly missed: number
  /** Number of pairs of an image and a class in its prediction only, which the distances leave out. */
  readonly spurious: number
  readonly classes: readonly SurfaceClassScores[]
}

function resolveOptions({
  tolerances = [1, 2, 3, 5],
  ...options
}: SurfaceDistancesOptions): Readonly<Required<SurfaceDistancesOptions>> {
  const isTolerance = (value: number): boolean => Number.isFinite(value) && value >= 0
  return {
    ...resolveMetricOptions(options),
    tolerances: checkNumbers('tolerances', tolerances, isTolerance, 'numbers of at least 0 (pixels)'),
  }
}

const GREATEST_DISTANCE = diagonal(MAX_SIDE, MAX_SIDE)

/** The most that the distances of `both` images can add up to, by class. */
const greatestSums = ({ both }: Scope): Float64Array =>
  (both as Float64Array).map((images) => images * GREATEST_DISTANCE)

const declaration = declareState({
  name: 'metric of surface distances',
  format: 'inverseform.surface-distances',
  version: 1,
  resolve: resolveOptions,
  stored: ['numClasses', 'ignoreIndex', 'tolerances'],
  fields: ({ numClasses, tolerances }) => ({
    both: counts(numClasses),
    missed: counts(numClasses),
    spurious: counts(numClasses),
    distances: record(perDistance(() => exactSums(numClasses, greatestSums))),
    surfaceDice: listOf(tolerances.length, exactSums(numClasses, 'both')),
  }),
})

/**
 * Distances between the surfaces of each class in the target and in the prediction, image by image, and the surface Dice.
 *
 * The surface of a class is its pixels with one of their four neighbors outside it: in another class, in void, or outside
 * the image (MedPy: a mask without its erosion by a cross). The distance of a surface pixel is the Euclidean distance to
 * the nearest surface pixel of the other map, between centers, in pixels. Percentiles are interpolated linearly, as in
 * NumPy. Void pixels are first removed from both maps. The border with void, and the frame, are therefore surface, the
 * same in both maps where both have the class there.
 *
 * A class in only one map of an image has no distance. The means leave such images out; `missed` and `spurious` count them.
 * MedPy raises an error in this case. DeepMind's code returns Infinity, which makes every mean infinite.
 *
 * The surface Dice (normalized surface Dice, NSD) at a tolerance is the fraction of both surfaces' pixels that are within
 * the tolerance of the other surface: Nikolov et al. 2018 (arXiv 1809.04430), with pixels instead of their surface
 * elements. A diagonal step therefore weighs as much as a straight one.
 *
 * Sources: Huttenlocher et al., TPAMI 1993; Heimann et al., TMI 2009 (average symmetric surface distance).
 */
export class SurfaceDistances implements Metric<SegmentedImage, SurfaceDistancesState, SurfaceScores> {
  readonly numClasses: number
  readonly ignoreIndex: number | null
  readonly tolerances: readonly number[]
  readonly #state: StateOf<typeof declaration>
  readonly #maps: ClassMaps
  readonly #targetSurfaces: PixelLists
  readonly #predictedSurfaces: PixelLists
  readonly #nearest = new NearestPixels()

  /** @throws InverseFormError `invalid-argument` for invalid options */
  constructor(options: SurfaceDistancesOptions = {}) {
    this.#state = declaration.create(options)
    const { numClasses, ignoreIndex, tolerances } = this.#state.options
    this.numClasses = numClasses
    this.ignoreIndex = ignoreIndex
    this.tolerances = tolerances
    this.#maps = new ClassMaps(this.#state.options)
    this.#targetSurfaces = new PixelLists(numClasses)
    this.#predictedSurfaces = new PixelLists(numClasses)
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` if target and prediction differ in size; `invalid-argument` for a target id
   *   that is neither in 0..n-1 nor the ignore index, or such a prediction where the target is not void;
   *   `limit-exceeded` for more than 32767 rows or columns. The state is then unchanged.
   */
  update(image: SegmentedImage): void {
    const { numClasses } = this
    const maps = this.#maps.of(image)
    const { width, height } = image
    listSurfaces(maps.target, width, height, numClasses, this.#targetSurfaces)
    listSurfaces(maps.prediction, width, height, numClasses, this.#predictedSurfaces)
    const measured = Array.from({ length: numClasses }, (_, c) => {
      const target = this.#targetSurfaces.of(c)
      const prediction = this.#predictedSurfaces.of(c)
      if (target.length === 0 || prediction.length === 0) {
        return { missed: target.length > 0, spurious: prediction.length > 0 }
      }
      const directed = [
        directedDistances(this.#nearest.squares(target, prediction, width, height), this.tolerances),
        directedDistances(this.#nearest.squares(prediction, target, width, height), this.tolerances),
      ] as const
      return { missed: false, spurious: false, directed }
    })
    const state = this.#state.values
    measured.forEach(({ missed, spurious, directed }, c) => {
      if (missed) state.missed[c]++
      if (spurious) state.spurious[c]++
      if (directed) this.#add(c, ...directed)
    })
  }

  /** @throws InverseFormError `invalid-argument` if the options differ */
  checkMergeable(other: SurfaceDistances): void {
    checkSameMetric('SurfaceDistances', other, (value) => #state in value)
    this.#state.checkMergeable(other.#state)
  }

  /** @throws InverseFormError as {@link checkMergeable}; the state is then unchanged */
  merge(other: SurfaceDistances): void {
    this.checkMergeable(other)
    this.#state.merge(other.#state)
  }

  toJSON(): SurfaceDistancesState {
    return this.#state.toJSON()
  }

  /** @throws InverseFormError `unreadable` unless `json` is what {@link toJSON} returns */
  static fromJSON(json: unknown): SurfaceDistances {
    const state = declaration.read(json)
    const metric = new SurfaceDistances(state.options)
    metric.#state.merge(state)
    return metric
  }

  compute(): SurfaceScores {
    const state = this.#state.values
    const classes = Array.from(state.both, (both, c): SurfaceClassScores => {
      const missed = state.missed[c]
      const spurious = state.spurious[c]
      return {
        ...perDistance((name) => state.distances[name][c].value / both),
        both,
        missed,
        spurious,
        surfaceDice: state.surfaceDice.map((sums) => sums[c].value / (both + missed + spurious)),
      }
    })
    return {
      ...perDistance((name) => nanMean(classes.map((scores) => scores[name]))),
      tolerances: [...this.tolerances],
      meanSurfaceDice: this.tolerances.map((_, k) =>
        nanMean(classes.map(({ surfaceDice }) => surfaceDice[k])),
      ),
      missed: sum(state.missed),
      spurious: sum(state.spurious),
      classes,
    }
  }

  #add(c: number, a: DirectedDistances, b: DirectedDistances): void {
    const { both, distances, surfaceDice } = this.#state.values
    const pixels = a.squares.length + b.squares.length
    both[c]++
    distances.hausdorff[c].add(Math.max(a.greatest, b.greatest))
    distances.hd95MaxOfDirected[c].add(Math.max(a.percentile95, b.percentile95))
    distances.hd95Pooled[c].add(pooledQuantile(a, b, 0.95))
    distances.assdMeanOfDirected[c].add((a.sum / a.squares.length + b.sum / b.squares.length) / 2)
    distances.assdPooled[c].add((a.sum + b.sum) / pixels)
    surfaceDice.forEach((sums, k) => {
      sums[c].add((a.within[k] + b.within[k]) / pixels)
    })
  }
}

function perDistance<T>(value: (name: Distance) => T): Record<Distance, T> {
  return Object.fromEntries(distanceNames.map((name) => [name, value(name)])) as Record<Distance, T>
}
