import { dirname, relative, resolve, sep } from 'node:path'
import type { Dataset, Sample } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { readRegularFile } from '@inverseform/shared/node'
import { openSamples } from '../evaluation/data-flags.js'
import { filesOf } from '../evaluation/evaluate-run.js'
import { isPathBelow } from '../path-below.js'
import { isUrl, type QueuedSample, shownData } from './data-source.js'
import type { QueueEvalFlags } from './flags.js'

/** The images of a run, and where workers find them. */
export interface Listing {
  readonly dataset: Dataset
  /** The samples of `dataset`, with paths below `root`. */
  readonly queued: readonly QueuedSample[]
  /** The folder that has all files; undefined where this process does not see them. */
  readonly root?: string
}

/** Lists the images that the flags name. */
export async function listSamples(flags: QueueEvalFlags): Promise<Listing> {
  const { data, imageList, out } = flags
  if (imageList !== undefined) return readList(imageList, flags)
  if (data !== undefined && isUrl(data)) {
    throw new InverseFormError('invalid-argument', 'A URL as --data needs --image-list.', {
      hint: 'Servers do not list their files: pass --image-list with a file that has the path of an image in each line.',
    })
  }
  const dataset = await openSamples(flags, out)
  const folders = flags.images === undefined ? [dataset.data] : [flags.images, flags.gt as string]
  const root = rootOf(
    folders.map((folder) => resolve(folder)),
    dataset.samples,
  )
  const below = (path: string) => relative(root, resolve(path)).split(sep).join('/')
  const queued = dataset.samples.map(({ name, city, image, labelIds }) => ({
    name,
    city,
    image: below(image),
    labelIds: labelIds && below(labelIds),
  }))
  return { dataset, queued, root }
}

/** Returns the deepest folder that has some folders and all files of the samples. */
function rootOf(folders: readonly string[], samples: readonly Sample[]): string {
  const paths = samples.flatMap(filesOf)
  let [root] = folders
  for (const path of [...folders, ...paths.map((each) => resolve(each))]) {
    while (path !== root && !path.startsWith(root.endsWith(sep) ? root : root + sep)) root = dirname(root)
  }
  return root
}

const MAX_BYTES = 2 ** 27

/** The layout of Cityscapes, in which label maps follow from images. */
const CITYSCAPES = /^leftImg8bit\/([^/]+)\/([^/]+)\/([^/]+)_leftImg8bit\.png$/

/**
 * Reads a list of images: a path in each line, and after a tab that of its label map, which may be left out in the layout of
 * Cityscapes.
 */
async function readList(
  path: string,
  { data = process.env.CITYSCAPES_DATASET, split, coarse }: QueueEvalFlags,
): Promise<Listing> {
  if (data === undefined) {
    throw new InverseFormError('invalid-argument', '--image-list needs --data.', {
      hint: 'Pass --data with the folder or the URL that has the images.',
    })
  }
  const text = new TextDecoder().decode(await readRegularFile(path, { maxBytes: MAX_BYTES }))
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const queued = lines.map((line): QueuedSample => {
    const [image, labelIds, more] = line.split('\t')
    if (more !== undefined || !filesOf({ image, labelIds }).every(isPathBelow)) {
      throw new InverseFormError(
        'invalid-dataset',
        `${path} has a line that names no files: ${JSON.stringify(line)}.`,
        {
          hint: 'Write the path of an image below --data, divided by /, and after a tab that of its label map.',
          details: { path, line },
        },
      )
    }
    const [, listedSplit, city, name] = CITYSCAPES.exec(image) ?? []
    if (name === undefined) return { name: image.replace(/\.\w+$/, ''), city: '', image, labelIds }
    const type = coarse ? 'gtCoarse' : 'gtFine'
    const derived = `${type}/${listedSplit}/${city}/${name}_${type}_labelIds.png`
    return { name, city, image, labelIds: labelIds ?? (listedSplit === 'test' ? undefined : derived) }
  })
  if (queued.length === 0) {
    throw new InverseFormError('invalid-dataset', `${path} names no image.`, {
      hint: 'Write the path of an image below --data in each line.',
      details: { path },
    })
  }
  const seen = new Set<string>()
  const twice = queued.find(({ image }) => seen.has(image) || !seen.add(image))
  if (twice !== undefined) {
    throw new InverseFormError('invalid-dataset', `${path} names ${twice.image} twice.`, {
      hint: 'Name each image once.',
      details: { path },
    })
  }
  const unpaired = { images: [], labelIds: [] }
  const dataset = { data: shownData(data), split, samples: queued, total: queued.length, unpaired }
  return { dataset, queued, root: isUrl(data) ? undefined : resolve(data) }
}
