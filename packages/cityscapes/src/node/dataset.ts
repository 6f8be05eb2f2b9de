import { join } from 'node:path'
import { checkArgument, checkInteger, InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { dataFolder, list } from './files/folders.js'

export interface DatasetOptions {
  /** The folder with `leftImg8bit/` and `gtFine/`. Defaults to the environment variable CITYSCAPES_DATASET. */
  readonly data?: string
  /** `train`, `val`, `test`, or any other folder in `leftImg8bit/`. */
  readonly split: string
  /**
   * Whether every image must have label ids. Defaults to true, except for `test`: its published label files are
   * placeholders without any class, so they are not paired unless this is true.
   */
  readonly requireTarget?: boolean
  /** Selects images rank, rank + count, rank + 2·count, … of the sorted list. */
  readonly shard?: Shard
}

export interface Shard {
  /** From 0 to count - 1. */
  readonly rank: number
  readonly count: number
}

/** One image of a data set with the paths of its files. */
export interface Sample {
  /** City, sequence and frame, as in `frankfurt_000000_000294`. */
  readonly name: string
  readonly city: string
  /** `leftImg8bit/<split>/<city>/<name>_leftImg8bit.png` */
  readonly image: string
  /** `gtFine/<split>/<city>/<name>_gtFine_labelIds.png`, if it exists. */
  readonly labelIds?: string
  /** `gtFine/<split>/<city>/<name>_gtFine_instanceIds.png`, if it exists. */
  readonly instanceIds?: string
}

export interface Dataset {
  readonly data: string
  readonly split: string
  /** Sorted by city, then by file name, and then sharded. */
  readonly samples: readonly Sample[]
  /** Number of images in the split, over all shards. */
  readonly total: number
  /** Paths of the files without a counterpart, over all shards. */
  readonly unpaired: {
    /** Images without label ids; empty when label ids are not paired. */
    readonly images: readonly string[]
    /** Label ids without an image. */
    readonly labelIds: readonly string[]
  }
}

const IMAGE = '_leftImg8bit.png'
const LABEL_IDS = '_gtFine_labelIds.png'
const INSTANCE_IDS = '_gtFine_instanceIds.png'

/**
 * Finds the images of a split and their label files.
 *
 * @throws InverseFormError `not-found` for a missing folder, `leftImg8bit/` or split; `invalid-dataset` when the split
 *   has no images, or images lack required label ids; `invalid-argument` without a folder or for an invalid shard
 */
export async function openDataset(options: DatasetOptions): Promise<Dataset> {
  const { split, requireTarget = split !== 'test', shard } = options
  const data = dataFolder(options.data)
  checkShard(shard)
  const images = await findImages(data, split)
  const targetFolder = join(data, 'gtFine', split)
  const pairTarget = requireTarget || split !== 'test'
  const target = pairTarget
    ? ((await findFiles(targetFolder)) ?? new Map<string, string>())
    : new Map<string, string>()

  const all = [...images].map(([key, image]): Sample => {
    const [city, name] = key.split('/') as [string, string]
    return {
      name,
      city,
      image,
      labelIds: target.get(key + LABEL_IDS),
      instanceIds: target.get(key + INSTANCE_IDS),
    }
  })
  const unpaired = {
    images: pairTarget ? all.filter(({ labelIds }) => labelIds === undefined).map(({ image }) => image) : [],
    labelIds: [...target]
      .filter(([file]) => file.endsWith(LABEL_IDS) && !images.has(file.slice(0, -LABEL_IDS.length)))
      .map(([, path]) => path),
  }
  if (requireTarget && unpaired.images.length > 0) {
    throw new InverseFormError(
      'invalid-dataset',
      `${unpaired.images.length} of ${all.length} images of the split "${split}" have no label ids: looked in ` +
        `${targetFolder} for ${listFew(all.filter((s) => s.labelIds === undefined).map((s) => `${s.city}/${s.name}${LABEL_IDS}`))}.`,
      {
        hint: 'Add the files of gtFine_trainvaltest.zip; without them, images can be segmented but not evaluated.',
        details: { images: unpaired.images },
      },
    )
  }
  return {
    data,
    split,
    samples: shard === undefined ? all : all.filter((_, i) => i % shard.count === shard.rank),
    total: all.length,
    unpaired,
  }
}

function checkShard(shard: Shard | undefined): void {
  if (shard === undefined) return
  checkArgument('shard', shard, typeof shard === 'object' && shard !== null, 'an object { rank, count }')
  checkInteger('shard.count', shard.count, { min: 1 })
  checkInteger('shard.rank', shard.rank, { min: 0, max: shard.count - 1 })
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
      `The split "${split}" has no images: looked for ${join(splitFolder, '<city>', `*${IMAGE}`)}, found ${listFew(found)}.`,
      { hint: 'Unpack leftImg8bit_trainvaltest.zip so that each city is a folder of the split.' },
    )
  }
  return images
}

async function missingSplit(root: string, imagesFolder: string, split: string): Promise<InverseFormError> {
  const inRoot = await namesIn(root)
  if (inRoot === undefined) {
    return new InverseFormError('not-found', `The data set folder ${root} does not exist.`, {
      hint: 'Pass the folder that holds leftImg8bit and gtFine.',
      details: { root },
    })
  }
  const splits = await namesIn(imagesFolder)
  if (splits === undefined) {
    return new InverseFormError('not-found', `${root} has no folder leftImg8bit; found ${listFew(inRoot)}.`, {
      hint: 'Pass the folder that holds leftImg8bit and gtFine, not one of these two folders.',
      details: { root, found: inRoot },
    })
  }
  return new InverseFormError(
    'not-found',
    `${imagesFolder} has no split "${split}"; found ${listFew(splits)}.`,
    { hint: 'Pass one of the splits that were found.', details: { root, split, splits } },
  )
}

/** Finds the files of all cities by `city/file`, sorted by city, then file; undefined for a missing folder. */
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
 * Lists the names in a folder, sorted; undefined for a missing folder. Skips names with a leading dot: macOS writes
 * `._*.png` next to each image it copies to a foreign disk.
 */
async function namesIn(folder: string): Promise<string[] | undefined> {
  const entries = await list(folder)
  return entries
    ?.map(({ name }) => name)
    .filter((name) => !name.startsWith('.'))
    .sort()
}
