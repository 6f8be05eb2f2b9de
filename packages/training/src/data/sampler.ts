import { type Random, shuffle } from '@inverseform/shared'
import type { Place } from './augmentation.js'
import type { SamplePlace } from './class-places.js'
import { derivedRandom } from './random.js'

/** An image that takes part in a batch. */
export interface Pick {
  /** Position of the sample in the data set. */
  readonly sample: number
  /** A pixel that the crop contains. */
  readonly place?: Place
}

export interface SamplerOptions {
  /** Number of images of the data set, and of an epoch. */
  readonly size: number
  readonly seed: number
  /** For each class, the places where it occurs; without it, no image is chosen by class. */
  readonly places?: readonly (readonly SamplePlace[])[]
  /** The part of an epoch that is chosen by class, 0 to 1. */
  readonly fraction?: number
}

/** Separates the generator of an epoch from those of images. */
const EPOCH = 1

/**
 * Returns which image comes at each position of training, from 0.
 *
 * An epoch has as many images as the data set. `fraction` of them are chosen by class: all classes that occur have an equal
 * share, and within one class each of its places comes once before any comes again. The others are chosen uniformly, none
 * twice. The order is random. Source: `datasets/uniform.py` of NVIDIA's semantic-segmentation.
 */
export function createSampler(options: SamplerOptions): (position: number) => Pick {
  // A batch may lie in two epochs.
  const epochs = new Map<number, readonly Pick[]>()
  const picksOf = (epoch: number): readonly Pick[] => {
    const known = epochs.get(epoch)
    if (known !== undefined) return known
    for (const other of epochs.keys()) if (Math.abs(other - epoch) > 1) epochs.delete(other)
    const picks = drawEpoch(derivedRandom(options.seed, EPOCH, epoch), options)
    epochs.set(epoch, picks)
    return picks
  }
  return (position) => picksOf(Math.floor(position / options.size))[position % options.size]
}

function drawEpoch(random: Random, { size, places = [], fraction = 0 }: SamplerOptions): readonly Pick[] {
  const occurring = places.filter((list) => list.length > 0)
  const byClass = occurring.length === 0 ? 0 : Math.round(size * fraction)
  const samples = Array.from({ length: size }, (_, sample) => sample)
  shuffle(samples, random)
  const picks: Pick[] = samples.slice(byClass).map((sample) => ({ sample }))
  // The first classes get one more where the share is not a whole number.
  shuffle(occurring, random)
  occurring.forEach((list, i) => {
    const count = Math.floor(byClass / occurring.length) + (i < byClass % occurring.length ? 1 : 0)
    for (const { sample, x, y } of take(list, count, random)) picks.push({ sample, place: { x, y } })
  })
  shuffle(picks, random)
  return picks
}

/** Takes elements in random order; after all, they start again. */
function take<T>(list: readonly T[], count: number, random: Random): T[] {
  const order = Array.from({ length: list.length }, (_, i) => i)
  if (count > 0) shuffle(order, random)
  return Array.from({ length: count }, (_, i) => list[order[i % order.length]])
}
