import { join } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { firstFew, list } from './folders.js'

export interface DatasetOptions {
  /** The folder that holds `leftImg8bit/` and `gtFine/`. Default: the environment variable CITYSCAPES_DATASET. */
  readonly root?: string
  /** `train`, `val`, `test`, or any other folder in `leftImg8bit/`. */
  readonly split: string
  /**
   * Whether every image must have its label ids. Default: true, but false for `test`, whose published label files
   * are placeholders without a single class in them and are therefore not paired at all unless this is true.
   */
  readonly requireTruth?: boolean
  /** Take images rank, rank + count, rank + 2·count, … of the sorted list, 0 <= rank < count. */
  readonly shard?: Shard
}

export interface Shard {
  readonly rank: number
  readonly count: number
}

/** One image of a data set, with the paths of what belongs to it. */
export interface Sample {
  /** City, sequence and frame, as in `frankfurt_000000_000294`. */
  readonly name: string
  readonly city: string
  /** `leftImg8bit/<split>/<city>/<name>_leftImg8bit.png` */
  readonly image: string
  /** `gtFine/<split>/<city>/<name>_gtFine_labelIds.png`, where there is one. */
  readonly labelIds?: string
  /** `gtFine/<split>/<city>/<name>_gtFine_instanceIds.png`, where there is one. */
  readonly instanceIds?: string
}

export interface Dataset {
  readonly root: string
  readonly split: string
  /** Sorted by city, then by file name, and then sharded. */
  readonly samples: readonly Sample[]
  /** Number of images in the split, over all shards. */
  readonly total: number
  /** What has no counterpart, over all shards, as paths. */
  readonly unpaired: {
    /** Images without label ids; not listed where the truth is not paired at all. */
    readonly images: readonly string[]
    /** Label ids without an image. */
    readonly labelIds: readonly string[]
  }
}

const IMAGE = '_leftImg8bit.png'
const LABEL_IDS = '_gtFine_labelIds.png'
const INSTANCE_IDS = '_gtFine_instanceIds.png'

/**
 * Finds the images of a split and the truth that belongs to them.
 *
 * @throws InverseFormError `not-found` when the root, `leftImg8bit/` or the split is not there; `invalid-dataset`
 *   when the split has no images, or images lack the truth they must have; `invalid-argument` for no root or a
 *   shard that cannot be
 */
export async function openDataset(options: DatasetOptions): Promise<Dataset> {
  const { split, requireTruth = split !== 'test', shard } = options
  const root = options.root || process.env.CITYSCAPES_DATASET
  if (!root)
    throw new InverseFormError('invalid-argument', 'No data set was named.', {
      hint: 'Pass its root folder, or set the environment variable CITYSCAPES_DATASET to it.',
    })
  checkShard(shard)
  const images = await findImages(root, split)
  const truthFolder = join(root, 'gtFine', split)
  const pairTruth = requireTruth || split !== 'test'
  const truth = pairTruth
    ? ((await findFiles(truthFolder)) ?? new Map<string, string>())
    : new Map<string, string>()

  const all = [...images].map(([key, image]): Sample => {
    const [city, name] = key.split('/') as [string, string]
    return {
      name,
      city,
      image,
      labelIds: truth.get(key + LABEL_IDS),
      instanceIds: truth.get(key + INSTANCE_IDS),
    }
  })
  const unpaired = {
    images: pairTruth ? all.filter(({ labelIds }) => labelIds === undefined).map(({ image }) => image) : [],
    labelIds: [...truth]
      .filter(([file]) => file.endsWith(LABEL_IDS) && !images.has(file.slice(0, -LABEL_IDS.length)))
      .map(([, path]) => path),
  }
  if (requireTruth && unpaired.images.length > 0)
    throw new InverseFormError(
      'invalid-dataset',
      `${unpaired.images.length} of ${all.length} images of the split "${split}" have no label ids: looked in ` +
        `${truthFolder} for ${firstFew(all.filter((s) => s.labelIds === undefined).map((s) => `${s.city}/${s.name}${LABEL_IDS}`))}.`,
      {
        hint: 'Add the files of gtFine_trainvaltest.zip; without them images can be segmented but not evaluated.',
        details: { images: unpaired.images },
      },
    )
  return {
    root,
    split,
    samples: shard === undefined ? all : all.filter((_, i) => i % shard.count === shard.rank),
    total: all.length,
    unpaired,
  }
}

function checkShard(shard: Shard | undefined): void {
  if (shard === undefined) return
  const { rank, count } = shard
  if (!Number.isInteger(count) || !Number.isInteger(rank) || count < 1 || rank < 0 || rank >= count)
    throw new InverseFormError('invalid-argument', `There is no shard ${rank} of ${count}.`, {
      hint: 'Pass a whole count of at least 1 and a whole rank from 0 to count - 1.',
    })
}

/** Paths of the split's images by `city/name`, sorted. */
async function findImages(root: string, split: string): Promise<Map<string, string>> {
  const imagesFolder = join(root, 'leftImg8bit')
  const splitFolder = join(imagesFolder, split)
  const files = await findFiles(splitFolder)
  if (files === undefined) throw await missingSplit(root, imagesFolder, split)
  const images = new Map<string, string>()
  for (const [file, path] of files) if (file.endsWith(IMAGE)) images.set(file.slice(0, -IMAGE.length), path)
  if (images.size === 0) {
    const found = files.size > 0 ? [...files.keys()] : ((await namesIn(splitFolder)) ?? [])
    throw new InverseFormError(
      'invalid-dataset',
      `The split "${split}" has no images: looked for ${join(splitFolder, '<city>', `*${IMAGE}`)}, found ${firstFew(found)}.`,
      { hint: 'Unpack leftImg8bit_trainvaltest.zip so that each city is a folder of the split.' },
    )
  }
  return images
}

async function missingSplit(root: string, imagesFolder: string, split: string): Promise<InverseFormError> {
  const inRoot = await namesIn(root)
  if (inRoot === undefined)
    return new InverseFormError('not-found', `There is no data set folder ${root}.`, {
      hint: 'Pass the folder that holds leftImg8bit and gtFine.',
      details: { root },
    })
  const splits = await namesIn(imagesFolder)
  if (splits === undefined)
    return new InverseFormError(
      'not-found',
      `${root} has no folder leftImg8bit; found ${firstFew(inRoot)}.`,
      {
        hint: 'Pass the folder that holds leftImg8bit and gtFine, not one of these two themselves.',
        details: { root, found: inRoot },
      },
    )
  return new InverseFormError(
    'not-found',
    `There is no split "${split}" in ${imagesFolder}; found ${firstFew(splits)}.`,
    { hint: 'Name one of the splits that are there.', details: { root, split, splits } },
  )
}

/** Paths of the files in a folder's folders, by `city/file`, sorted by city, then file; undefined for no such folder. */
async function findFiles(folder: string): Promise<Map<string, string> | undefined> {
  const cities = await namesIn(folder)
  if (cities === undefined) return undefined
  const files = await Promise.all(cities.map((city) => namesIn(join(folder, city))))
  return new Map(
    cities.flatMap((city, i) =>
      (files[i] ?? []).map((file) => [`${city}/${file}`, join(folder, city, file)]),
    ),
  )
}

/**
 * Names in a folder, sorted; undefined for what is no folder. Names with a leading dot are left out: macOS puts
 * `._*.png` beside every picture it copies to a foreign disk.
 */
async function namesIn(folder: string): Promise<string[] | undefined> {
  const entries = await list(folder)
  return entries
    ?.map(({ name }) => name)
    .filter((name) => !name.startsWith('.'))
    .sort()
}
