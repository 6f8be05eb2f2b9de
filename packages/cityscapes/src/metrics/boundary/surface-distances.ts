import { MAX_SIDE } from '@inverseform/distance-transform'
import type { ExactSum } from '../exact-sum.js'
import { type ClassOptions, resolveClasses } from '../ids.js'
import type { Metric, SegmentedImage } from '../metric.js'
import { expectClasses, expectSameOptions, expectState, type StateHeader } from '../state.js'
import { ClassMaps } from './class-maps.js'
import { type DirectedDistances, directedDistances, pooledQuantile } from './directed-distances.js'
import { checkNumbers, diagonal } from './lengths.js'
import { NearestPixels } from './nearest-pixels.js'
import { listSurfaces } from './outlines.js'
import { PixelLists } from './pixel-lists.js'
import {
  addCounts,
  addSums,
  atMost,
  meanOfNumbers,
  noCounts,
  noSums,
  readCounts,
  readSums,
  withOptions,
} from './tallies.js'

const FORMAT = 'inverseform.surface-distances'

export interface SurfaceDistancesOptions extends ClassOptions {
  /** Tolerances of the surface Dice in pixels, 0 and up. Default [1, 2, 3, 5]. */
  readonly tolerances?: readonly number[]
}

const distances = [
  'hausdorff',
  'hd95MaxOfDirected',
  'hd95Pooled',
  'assdMeanOfDirected',
  'assdPooled',
] as const

/** The distances between the surfaces of one class, in pixels. */
export interface SurfaceDistanceScores {
  /** The greatest distance of a surface pixel, of either map, to the other map's surface. */
  readonly hausdorff: number
  /** The greater of the two directed distances' 95th percentiles: MONAI; DeepMind's surface-distance. */
  readonly hd95MaxOfDirected: number
  /** The 95th percentile of both directions' distances together: MedPy's `hd95`. */
  readonly hd95Pooled: number
  /** The mean of the two directed distances' means: MedPy's `assd`. */
  readonly assdMeanOfDirected: number
  /** The mean of both directions' distances together: the average symmetric surface distance of Heimann et al. */
  readonly assdPooled: number
}

type Distance = keyof SurfaceDistanceScores

/** What a {@link SurfaceDistances} is on disk and between processes; its lists are by class. */
export interface SurfaceDistancesState extends StateHeader {
  readonly format: typeof FORMAT
  readonly version: 1
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly tolerances: readonly number[]
  /** Images with the class in both maps. */
  readonly both: readonly number[]
  /** Images with the class in the truth alone. */
  readonly missed: readonly number[]
  /** Images with the class in the prediction alone. */
  readonly spurious: readonly number[]
  /** Sums over images, in parts that add up exactly. */
  readonly distances: Readonly<Record<keyof SurfaceDistanceScores, readonly (readonly number[])[]>>
  /** For each tolerance, sums over images, in parts that add up exactly. */
  readonly surfaceDice: readonly (readonly (readonly number[])[])[]
}

/** Means over the images that have the class in both maps, in pixels; NaN where none has. */
export interface SurfaceClassScores extends SurfaceDistanceScores {
  /** Images with the class in both maps. */
  readonly both: number
  /** Images with the class in the truth alone: the class has no distance there. */
  readonly missed: number
  /** Images with the class in the prediction alone: the class has no distance there. */
  readonly spurious: number
  /** For each tolerance, the mean over the images with the class in either map, 0 where it is in one alone. */
  readonly surfaceDice: readonly number[]
}

/** What {@link SurfaceDistances.compute} returns: means over the classes that have a number. */
export interface SurfaceScores extends SurfaceDistanceScores {
  /** In the order of the option. */
  readonly tolerances: readonly number[]
  /** For each tolerance, in 0..1. */
  readonly meanSurfaceDice: readonly number[]
  /** Pairs of image and class that are in one map alone, which the distances leave out. */
  readonly missed: number
  readonly spurious: number
  readonly classes: readonly SurfaceClassScores[]
}

/**
 * Distances between the surfaces of each class in the truth and in the prediction, image by image, and the surface Dice.
 *
 * The surface of a class is its pixels with one of their four neighbours outside it: of another class, void, or outside
 * the image (MedPy: a mask without its erosion by a cross). The distance of a surface pixel is the Euclidean one to the
 * nearest surface pixel of the other map, between centres, in pixels. Percentiles are interpolated linearly, as NumPy's
 * are. Void pixels are taken out of both maps before, so the border with void, and the frame, are surface in both maps
 * alike where both have the class there.
 *
 * Where a class is in one map alone there is no distance: such images are left out of the means and counted as `missed`
 * or `spurious` (MedPy raises an error there, DeepMind's code gives Infinity, which no mean survives).
 *
 * The surface Dice (normalised surface Dice, NSD) at a tolerance is the share of both surfaces' pixels that are within
 * the tolerance of the other surface: Nikolov et al. 2018 (arXiv 1809.04430), in pixels for their surface elements, which
 * weigh a diagonal step as much as a straight one.
 *
 * Sources: Huttenlocher et al., TPAMI 1993; Heimann et al., TMI 2009 (average symmetric surface distance).
 */
export class SurfaceDistances implements Metric<SegmentedImage, SurfaceDistancesState, SurfaceScores> {
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly tolerances: readonly number[]
  readonly #both: number[]
  readonly #missed: number[]
  readonly #spurious: number[]
  readonly #distances: Readonly<Record<Distance, readonly ExactSum[]>>
  readonly #surfaceDice: readonly (readonly ExactSum[])[]
  readonly #maps: ClassMaps
  readonly #truth: PixelLists
  readonly #prediction: PixelLists
  readonly #nearest = new NearestPixels()

  /** @throws InverseFormError `invalid-argument` for options that are not as described */
  constructor({ tolerances = [1, 2, 3, 5], ...options }: SurfaceDistancesOptions = {}) {
    const resolved = resolveClasses(options)
    const n = resolved.classes
    this.classes = n
    this.ignoreIndex = resolved.ignoreIndex
    this.tolerances = checkNumbers(
      'tolerances',
      tolerances,
      (value) => Number.isFinite(value) && value >= 0,
      'Pass distances in pixels, 0 or more, each once.',
    )
    this.#both = noCounts(n)
    this.#missed = noCounts(n)
    this.#spurious = noCounts(n)
    this.#distances = perDistance(() => noSums(n))
    this.#surfaceDice = this.tolerances.map(() => noSums(n))
    this.#maps = new ClassMaps(resolved)
    this.#truth = new PixelLists(n)
    this.#prediction = new PixelLists(n)
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` when truth and prediction differ in size; `invalid-argument` for a true id
   *   outside 0..n-1 that is not the ignore index, or such a prediction where the truth is not void;
   *   `limit-exceeded` for more than 32767 rows or columns. None changes what was gathered.
   */
  update(image: SegmentedImage): void {
    const { width, height } = image
    this.#maps.read(image)
    listSurfaces(this.#maps.truth, width, height, this.classes, this.#truth)
    listSurfaces(this.#maps.prediction, width, height, this.classes, this.#prediction)
    const measured = this.#both.map((_, c) => {
      const truth = this.#truth.of(c)
      const prediction = this.#prediction.of(c)
      if (truth.length === 0 || prediction.length === 0)
        return { missed: truth.length > 0, spurious: prediction.length > 0 }
      const directed = [
        directedDistances(this.#nearest.squares(truth, prediction, width, height), this.tolerances),
        directedDistances(this.#nearest.squares(prediction, truth, width, height), this.tolerances),
      ] as const
      return { missed: false, spurious: false, directed }
    })
    measured.forEach(({ missed, spurious, directed }, c) => {
      if (missed) this.#missed[c]!++
      if (spurious) this.#spurious[c]!++
      if (directed) this.#add(c, ...directed)
    })
  }

  /** @throws InverseFormError `invalid-argument` when the options differ */
  expectMergeable(other: SurfaceDistances): void {
    expectSameOptions('metric of surface distances', this.#options, other.#options)
  }

  /** @throws as {@link expectMergeable} does, and is then as before */
  merge(other: SurfaceDistances): void {
    this.expectMergeable(other)
    addCounts(this.#both, other.#both)
    addCounts(this.#missed, other.#missed)
    addCounts(this.#spurious, other.#spurious)
    for (const name of distances) addSums(this.#distances[name], other.#distances[name])
    this.#surfaceDice.forEach((sums, k) => {
      addSums(sums, other.#surfaceDice[k]!)
    })
  }

  toJSON(): SurfaceDistancesState {
    const partials = (sums: readonly ExactSum[]): number[][] => sums.map((sum) => sum.toJSON())
    return {
      format: FORMAT,
      version: 1,
      ...this.#options,
      both: [...this.#both],
      missed: [...this.#missed],
      spurious: [...this.#spurious],
      distances: perDistance((name) => partials(this.#distances[name])),
      surfaceDice: this.#surfaceDice.map(partials),
    }
  }

  /** @throws InverseFormError `unreadable` when `json` is not what {@link toJSON} returns */
  static fromJSON(json: unknown): SurfaceDistances {
    const state = expectState<SurfaceDistancesState>(json, FORMAT, 1)
    const classes = expectClasses(state, FORMAT)
    const metric = withOptions(
      FORMAT,
      () => new SurfaceDistances({ ...classes, tolerances: state.tolerances ?? [] }),
    )
    const n = metric.classes
    const both = readCounts(FORMAT, 'both', state.both, atMost(n))
    addCounts(metric.#both, both)
    addCounts(metric.#missed, readCounts(FORMAT, 'missed', state.missed, atMost(n)))
    addCounts(metric.#spurious, readCounts(FORMAT, 'spurious', state.spurious, atMost(n)))
    const farthest = both.map((images) => images * diagonal(MAX_SIDE, MAX_SIDE))
    for (const name of distances)
      addSums(metric.#distances[name], readSums(FORMAT, name, state.distances?.[name], farthest))
    metric.#surfaceDice.forEach((sums, k) => {
      addSums(sums, readSums(FORMAT, 'surfaceDice', state.surfaceDice?.[k], both))
    })
    return metric
  }

  compute(): SurfaceScores {
    const classes = this.#both.map((both, c): SurfaceClassScores => {
      const missed = this.#missed[c]!
      const spurious = this.#spurious[c]!
      return {
        ...perDistance((name) => this.#distances[name][c]!.value / both),
        both,
        missed,
        spurious,
        surfaceDice: this.#surfaceDice.map((sums) => sums[c]!.value / (both + missed + spurious)),
      }
    })
    const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)
    return {
      ...perDistance((name) => meanOfNumbers(classes.map((scores) => scores[name]))),
      tolerances: [...this.tolerances],
      meanSurfaceDice: this.tolerances.map((_, k) =>
        meanOfNumbers(classes.map(({ surfaceDice }) => surfaceDice[k]!)),
      ),
      missed: total(this.#missed),
      spurious: total(this.#spurious),
      classes,
    }
  }

  #add(c: number, a: DirectedDistances, b: DirectedDistances): void {
    const pixels = a.squares.length + b.squares.length
    this.#both[c]!++
    this.#distances.hausdorff[c]!.add(Math.max(a.greatest, b.greatest))
    this.#distances.hd95MaxOfDirected[c]!.add(Math.max(a.percentile95, b.percentile95))
    this.#distances.hd95Pooled[c]!.add(pooledQuantile(a, b, 0.95))
    this.#distances.assdMeanOfDirected[c]!.add((a.sum / a.squares.length + b.sum / b.squares.length) / 2)
    this.#distances.assdPooled[c]!.add((a.sum + b.sum) / pixels)
    this.#surfaceDice.forEach((sums, k) => {
      sums[c]!.add((a.within[k]! + b.within[k]!) / pixels)
    })
  }

  get #options(): Required<SurfaceDistancesOptions> {
    const { classes, ignoreIndex, tolerances } = this
    return { classes, ignoreIndex, tolerances }
  }
}

function perDistance<T>(value: (name: Distance) => T): Record<Distance, T> {
  return Object.fromEntries(distances.map((name) => [name, value(name)])) as Record<Distance, T>
}
