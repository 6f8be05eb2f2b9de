import { InverseFormError } from '@inverseform/errors'
import type { Place } from './augmentation.js'
import type { Target } from './sample.js'

/** A place where a class occurs. */
export interface ClassPlace extends Place {
  readonly class: number
}

/** The classes of one target. */
export interface TargetClasses {
  readonly width: number
  readonly height: number
  /** Number of pixels of each class. */
  readonly pixels: readonly number[]
  /** A place of each class in each tile where it occurs. */
  readonly places: readonly ClassPlace[]
}

/** The classes of a whole data set. */
export interface DatasetClasses {
  /** Number of pixels of each class. */
  readonly pixels: readonly number[]
  /** For each class, the places where it occurs. */
  readonly places: readonly (readonly SamplePlace[])[]
}

export interface SamplePlace extends Place {
  /** Position of the sample in the data set. */
  readonly sample: number
}

/**
 * Finds a place for each class in each tile of a target: the pixel of the class that is nearest to the centroid of its
 * pixels in the tile. The centroids themselves, which NVIDIA's recipe takes, may lie beside the class.
 */
export function findClasses(
  { width, height, data }: Target,
  numClasses: number,
  tile: number,
): TargetClasses {
  const pixels: number[] = Array(numClasses).fill(0)
  const places: ClassPlace[] = []
  for (let top = 0; top < height; top += tile) {
    for (let left = 0; left < width; left += tile) {
      const bounds = { left, top, right: Math.min(left + tile, width), bottom: Math.min(top + tile, height) }
      for (const { count, ...place } of classesOfTile(data, width, bounds, numClasses)) {
        pixels[place.class] += count
        places.push(place)
      }
    }
  }
  return { width, height, pixels, places }
}

interface Bounds {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

function classesOfTile(
  data: Uint8Array,
  width: number,
  { left, top, right, bottom }: Bounds,
  numClasses: number,
): (ClassPlace & { readonly count: number })[] {
  // Sums have an entry for each byte, so that ignored pixels need no branch.
  const counts = new Float64Array(256)
  const sumX = new Float64Array(256)
  const sumY = new Float64Array(256)
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const label = data[y * width + x]
      counts[label]++
      sumX[label] += x
      sumY[label] += y
    }
  }
  const distances = new Float64Array(256).fill(Infinity)
  const nearest = new Int32Array(256)
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const label = data[y * width + x]
      const dx = x - sumX[label] / counts[label]
      const dy = y - sumY[label] / counts[label]
      const distance = dx * dx + dy * dy
      if (distance < distances[label]) {
        distances[label] = distance
        nearest[label] = y * width + x
      }
    }
  }
  return Array.from({ length: numClasses }, (_, label) => ({
    class: label,
    count: counts[label],
    x: nearest[label] % width,
    y: Math.floor(nearest[label] / width),
  })).filter(({ count }) => count > 0)
}

/** Joins the classes of all targets, which are in the order of the samples. */
export function joinClasses(targets: readonly TargetClasses[], numClasses: number): DatasetClasses {
  const pixels: number[] = Array(numClasses).fill(0)
  const places: SamplePlace[][] = Array.from({ length: numClasses }, () => [])
  targets.forEach((target, sample) => {
    target.pixels.forEach((count, label) => {
      pixels[label] += count
    })
    for (const { class: label, x, y } of target.places) places[label].push({ sample, x, y })
  })
  return { pixels, places }
}

/**
 * Checks that there is something to tell apart.
 * @throws InverseFormError `invalid-dataset` when fewer than two classes occur
 */
export function checkClasses(pixels: readonly number[], numSamples: number): void {
  const classes = pixels.flatMap((count, label) => (count > 0 ? [label] : []))
  if (classes.length > 1) return
  const found = classes.length === 0 ? 'no class at all, only ignored pixels' : `only the class ${classes[0]}`
  throw new InverseFormError(
    'invalid-dataset',
    `The targets of all ${numSamples} images have ${found}: a network learns nothing from them.`,
    {
      hint: 'Check that the label maps hold class ids rather than colors or a mask, and that the id map fits them.',
      details: { classes, numSamples },
    },
  )
}
