import { type LabelMapping, labelMapping, toTrainIds } from '@inverseform/cityscapes'
import { readLabelPng } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { readImage } from '@inverseform/runtime-node'
import type { LoadedSample, Target, TrainingSample } from '../../data/sample.js'
import type { SampleFile } from './match-folders.js'
import { findSampleFiles, type SampleFiles, type SampleSource, type TargetIds } from './sample-files.js'

export interface FileSampleOptions {
  /** Bytes of decoded images that are kept, so that small data sets are decoded once. Defaults to 256 MiB; 0 keeps none. */
  readonly cacheBytes?: number
}

/** The default of `cacheBytes`. */
export const CACHE_BYTES = 2 ** 28

/**
 * Finds images and label maps, and returns them as samples that are decoded when they are used.
 * @throws InverseFormError as `findSampleFiles`
 */
export async function openTrainingSamples(
  source: SampleSource & FileSampleOptions,
): Promise<readonly TrainingSample[]> {
  return fileSamples(await findSampleFiles(source), source.cacheBytes)
}

/** Returns samples that read their files. Loading fails as `readImage` and `readLabelPng` do. */
export function fileSamples(
  { files, ids }: SampleFiles,
  cacheBytes: number = CACHE_BYTES,
): readonly TrainingSample[] {
  const toClasses = classMapping(ids)
  const cache = new SampleCache(cacheBytes)
  return files.map((file): TrainingSample => {
    const readTarget = () => readClasses(file, toClasses)
    return {
      name: file.name,
      target: file.target,
      load: () => cache.get(file.name, () => loadFiles(file, readTarget)),
      loadTarget: readTarget,
    }
  })
}

function classMapping(ids: TargetIds): LabelMapping | undefined {
  if (ids === 'classes') return undefined
  return ids === 'labelIds' ? toTrainIds : labelMapping(ids.map, { unmapped: ids.unmapped })
}

async function loadFiles(file: SampleFile, readTarget: () => Promise<Target>): Promise<LoadedSample> {
  const [image, target] = await Promise.all([readImage(file.image), readTarget()])
  if (image.width !== target.width || image.height !== target.height) {
    throw new InverseFormError(
      'size-mismatch',
      `${file.target} has ${target.width}x${target.height} pixels, its image ${file.image} has ${image.width}x${image.height}.`,
      { hint: 'Give each image a label map of its own size.', details: { ...file } },
    )
  }
  return { image, target: target.data }
}

async function readClasses({ target }: SampleFile, toClasses: LabelMapping | undefined): Promise<Target> {
  const { width, height, data } = await readLabelPng(target)
  const classes = toClasses === undefined ? data : toClasses(data, { width, name: target })
  if (classes instanceof Uint8Array) return { width, height, data: classes }
  const pixel = classes.findIndex((id) => id > 255)
  if (pixel === -1) return { width, height, data: Uint8Array.from(classes) }
  throw new InverseFormError(
    'invalid-dataset',
    `${target} has the label ${classes[pixel]} at row ${Math.floor(pixel / width)}, column ${pixel % width}, which is not a class.`,
    {
      hint: 'Pass label maps of classes, or map their ids to classes with `idMap`.',
      details: { target, label: classes[pixel] },
    },
  )
}

/** Keeps what was loaded last, up to a number of bytes. */
class SampleCache {
  readonly #most: number
  /** In the order of use. */
  readonly #samples = new Map<string, LoadedSample>()
  #bytes = 0

  constructor(most: number) {
    this.#most = most
  }

  async get(name: string, load: () => Promise<LoadedSample>): Promise<LoadedSample> {
    const sample = this.#samples.get(name) ?? (await load())
    this.#remove(name)
    this.#samples.set(name, sample)
    this.#bytes += bytesOf(sample)
    for (const oldest of this.#samples.keys()) {
      if (this.#bytes <= this.#most) break
      this.#remove(oldest)
    }
    return sample
  }

  #remove(name: string): void {
    const sample = this.#samples.get(name)
    if (sample === undefined) return
    this.#samples.delete(name)
    this.#bytes -= bytesOf(sample)
  }
}

const bytesOf = ({ image, target }: LoadedSample): number => image.data.byteLength + target.byteLength
