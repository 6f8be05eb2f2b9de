import { join } from 'node:path'
import { checkArgument, checkBoolean, checkInteger, checkOneOf, InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { checkPath } from '@inverseform/shared/node'
import { dataFolder } from './files/folders.js'
import {
  type AnnotationType,
  annotationType,
  contentsOf,
  findPart,
  findSplit,
  names,
  otherType,
} from './files/layout.js'

export interface DatasetOptions {
  /**
   * The folder with `leftImg8bit/` and `gtFine/`, or with the folders that the archives were unpacked into, such as
   * `leftImg8bit_trainvaltest/leftImg8bit/`; or `leftImg8bit/` itself. Defaults to the environment variable
   * CITYSCAPES_DATASET.
   */
  readonly data?: string
  /** `train`, `val`, `test`, `train_extra`, or any other folder in `leftImg8bit/`. */
  readonly split: string
  /** Fine or coarse annotations. Defaults to `gtFine`; to `gtCoarse` for `train_extra`, which has no others. */
  readonly type?: AnnotationType
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
  /** `<type>/<split>/<city>/<name>_<type>_labelIds.png`, if it exists. */
  readonly labelIds?: string
  /** `<type>/<split>/<city>/<name>_<type>_instanceIds.png`, if it exists. */
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

/**
 * Finds the images of a split and their label files.
 *
 * @throws InverseFormError `not-found` for a missing folder, `leftImg8bit/` or split; `invalid-dataset` when the split
 *   has no images or is there twice, or images lack required label ids; `invalid-argument` without a folder or for an
 *   invalid option
 */
export async function openDataset(options: DatasetOptions): Promise<Dataset> {
  checkArgument('options', options, typeof options === 'object' && options !== null, 'an object with `split`')
  const { split, requireTarget = split !== 'test', shard } = options
  checkPath('split', split)
  const { type = annotationType(split) } = options
  checkOneOf('type', type, ['gtFine', 'gtCoarse'])
  checkBoolean('requireTarget', requireTarget)
  checkShard(shard)
  const data = dataFolder(options.data)
  const images = await findImages(data, split)
  const [labelIdsEnd, instanceIdsEnd] = [`_${type}_labelIds.png`, `_${type}_instanceIds.png`]
  const pairTarget = requireTarget || split !== 'test'
  const targetFolder = pairTarget ? await findSplit(data, type, split) : undefined
  const target = (targetFolder && (await findFiles(targetFolder))) || new Map<string, string>()

  const all = [...images].map(([key, image]): Sample => {
    const [city, name] = key.split('/') as [string, string]
    return {
      name,
      city,
      image,
      labelIds: target.get(key + labelIdsEnd),
      instanceIds: target.get(key + instanceIdsEnd),
    }
  })
  const unpaired = {
    images: pairTarget ? all.filter(({ labelIds }) => labelIds === undefined).map(({ image }) => image) : [],
    labelIds: [...target]
      .filter(([file]) => file.endsWith(labelIdsEnd) && !images.has(file.slice(0, -labelIdsEnd.length)))
      .map(([, path]) => path),
  }
  if (requireTarget && unpaired.images.length > 0) {
    const missing = all.filter(({ labelIds }) => labelIds === undefined)
    const expected = listFew(missing.map(({ city, name }) => `${city}/${name}${labelIdsEnd}`))
    const place = targetFolder ?? join(data, type, split)
    const found = targetFolder === undefined ? ` That folder does not exist; ${await contentsOf(data)}.` : ''
    throw new InverseFormError(
      'invalid-dataset',
      `${missing.length} of ${all.length} images of the split "${split}" have no label ids: looked in ` +
        `${place} for ${expected}.${found}`,
      {
        hint: `Add the files of ${archiveOf(type)}; without them, images can be segmented but not evaluated.${await otherType(data, type)}`,
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

const archiveOf = (type: AnnotationType): string =>
  type === 'gtFine' ? 'gtFine_trainvaltest.zip' : 'gtCoarse.zip'

function checkShard(shard: Shard | undefined): void {
  if (shard === undefined) return
  checkArgument('shard', shard, typeof shard === 'object' && shard !== null, 'an object { rank, count }')
  checkInteger('shard.count', shard.count, { min: 1 })
  checkInteger('shard.rank', shard.rank, { min: 0, max: shard.count - 1 })
}

/** Paths of the split's images by `city/name`, sorted. */
async function findImages(data: string, split: string): Promise<Map<string, string>> {
  const folder = await findSplit(data, 'leftImg8bit', split)
  const files = folder === undefined ? undefined : await findFiles(folder)
  if (folder === undefined || files === undefined) throw await missingSplit(data, split)
  const images = new Map<string, string>()
  for (const [file, path] of files) if (file.endsWith(IMAGE)) images.set(file.slice(0, -IMAGE.length), path)
  if (images.size === 0) {
    const found = files.size > 0 ? [...files.keys()] : ((await names(folder)) ?? [])
    throw new InverseFormError(
      'invalid-dataset',
      `The split "${split}" has no images: looked for ${join(folder, '<city>', `*${IMAGE}`)}, found ${listFew(found)}.`,
      { hint: `Unpack ${imagesArchiveOf(split)} so that each city is a folder of the split. ${PLAIN}` },
    )
  }
  return images
}

const imagesArchiveOf = (split: string): string =>
  split === 'train_extra' ? 'leftImg8bit_trainextra.zip' : 'leftImg8bit_trainvaltest.zip'

const PLAIN = 'For plain folders of images and label maps, pass `images`.'

async function missingSplit(data: string, split: string): Promise<InverseFormError> {
  const found = await names(data)
  if (found === undefined) {
    return new InverseFormError('not-found', `The data set folder ${data} does not exist.`, {
      hint: 'Pass the folder that holds leftImg8bit and gtFine.',
      details: { root: data },
    })
  }
  const folders = await findPart(data, 'leftImg8bit')
  if (folders.length === 0) {
    return new InverseFormError('not-found', `${data} has no folder leftImg8bit; found ${listFew(found)}.`, {
      hint: `Pass the folder that holds leftImg8bit (or leftImg8bit_trainvaltest) and gtFine. ${PLAIN}`,
      details: { root: data, found },
    })
  }
  const splits = (await Promise.all(folders.map(names))).flatMap((each) => each ?? [])
  const places = folders.length === 1 ? `${folders[0]} has` : `${folders.join(' and ')} have`
  return new InverseFormError('not-found', `${places} no split "${split}"; found ${listFew(splits)}.`, {
    hint:
      split === 'train_extra'
        ? 'Unpack leftImg8bit_trainextra.zip, or pass one of the splits that were found.'
        : 'Pass one of the splits that were found.',
    details: { root: data, split, splits },
  })
}

/** Finds the files of all cities by `city/file`, sorted by city, then file; undefined for a missing folder. */
async function findFiles(folder: string): Promise<Map<string, string> | undefined> {
  const cities = await names(folder)
  if (cities === undefined) return undefined
  const files = await Promise.all(cities.map((city) => names(join(folder, city))))
  return new Map(
    cities.flatMap((city, i) =>
      (files[i] ?? []).map((file) => [`${city}/${file}`, join(folder, city, file)]),
    ),
  )
}
