import type { Batch } from '../batch.js'
import { augment } from './augment.js'
import { type AugmentationSettings, checkCoversCrop, drawAugmentation, type Size } from './augmentation.js'
import { findClasses, type TargetClasses } from './class-places.js'
import { derivedRandom } from './random.js'
import { loadSample, loadTarget, type TrainingSample } from './sample.js'
import type { Pick } from './sampler.js'

/** What a batch is made with. It can be sent between threads. */
export interface BatchSettings {
  readonly crop: Size
  readonly numClasses: number
  readonly seed: number
  readonly augmentation: AugmentationSettings
  readonly padding: boolean
  /** Side of the tiles in which places of classes are found, in pixels. */
  readonly tile: number
}

/** Makes batches, here or in another thread. */
export interface BatchMaker {
  /** Finds the classes of one sample. */
  classes(sample: number): Promise<TargetClasses>
  /** @param step its number is part of the seed */
  batch(step: number, picks: readonly Pick[]): Promise<Batch>
}

/** Separates the generators of images from those of epochs. */
const IMAGE = 2

/** Makes batches of samples in the caller's thread. */
export function batchMaker(samples: readonly TrainingSample[], settings: BatchSettings): BatchMaker {
  const { crop, numClasses, seed, padding, tile } = settings
  return {
    async classes(index) {
      const target = await loadTarget(samples[index], numClasses)
      if (!padding) checkCoversCrop(samples[index].name, target, crop)
      return findClasses(target, numClasses, tile)
    },
    async batch(step, picks) {
      const size = crop.width * crop.height
      const images = new Float32Array(picks.length * 3 * size)
      const target = new Uint8Array(picks.length * size)
      const edgeTarget = new Uint8Array(picks.length * size)
      const fill = async ({ sample, place }: Pick, i: number) => {
        const loaded = await loadSample(samples[sample], numClasses)
        if (!padding) checkCoversCrop(samples[sample].name, loaded.image, crop)
        const random = derivedRandom(seed, IMAGE, step, i)
        const drawn = drawAugmentation(random, loaded.image, crop, settings.augmentation, padding, place)
        augment(loaded, drawn, {
          image: images.subarray(i * 3 * size, (i + 1) * 3 * size),
          target: target.subarray(i * size, (i + 1) * size),
          edgeTarget: edgeTarget.subarray(i * size, (i + 1) * size),
        })
      }
      await Promise.all(picks.map(fill))
      return { images, target, edgeTarget, names: picks.map(({ sample }) => samples[sample].name) }
    },
  }
}
