import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { IGNORE, labels, trainIdToLabelId } from '../labels.js'
import { openDataset } from './dataset.js'
import { encodePng } from './encode-png.js'
import { baseName, byName, firstFew, problemsText } from './folders.js'
import { mapAhead } from './map-ahead.js'
import { readLabelPng } from './read.js'
import { walkOutside } from './walk-outside.js'
import { writeFileAtomically } from './write-file.js'
import { writeZip, type ZipEntry } from './zip.js'

export interface CreateSubmissionOptions {
  /** The folder to search for predictions, at any depth: PNGs with `<city>_<sequence>_<frame>` in their names. */
  readonly predictions: string
  /** Where to write: an archive if it ends in `.zip`, else a folder. */
  readonly out: string
  /**
   * What the pixels of the predictions hold. Default: label ids in files ending in `labelIds.png`, train ids in all
   * others. Both are small numbers, and only the name or this option can tell one from the other.
   */
  readonly ids?: 'trainIds' | 'labelIds'
  /** The data set that was predicted: its images must each have a prediction of their size. */
  readonly root?: string
  /** Split of the data set. Default `test`. */
  readonly split?: string
  /** Told after each prediction, `done` of `total`. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
  readonly signal?: AbortSignal
}

interface Prediction {
  /** `<city>_<sequence>_<frame>` */
  readonly name: string
  readonly path: string
}

interface Size {
  readonly width: number
  readonly height: number
}

/** Of every image of Cityscapes. */
const CITYSCAPES_SIZE: Size = { width: 2048, height: 1024 }
const MAX_LABEL_ID = Math.max(...labels.map(({ id }) => id))
/** City, sequence and frame, anywhere in a file name. */
const FRAME = /(?<![A-Za-z])[A-Za-z]+_\d{6}_\d{6}(?!\d)/
/** Ends of the names that say what the file holds. */
const IDS = /label(Train)?Ids\.png$/i

/**
 * Makes predictions into what the Cityscapes server evaluates: one grey PNG of label ids per test image, not resized,
 * named `<city>_<sequence>_<frame>_labelIds.png`, in a folder or an archive. The archive is written entry by entry,
 * whole or not at all.
 * Source: getPrediction of cityscapesscripts/evaluation/evalPixelLevelSemanticLabeling.py.
 *
 * Of the files of an image those that end in `labelIds.png` or `labelTrainIds.png` are taken, or any PNG where there is
 * none; more than one is an error. The train id 255 becomes `unlabeled`, which is always wrong.
 *
 * @returns the names of the images, sorted
 * @throws InverseFormError `not-found` for no predictions; `invalid-dataset` for several of an image, images of the data
 *   set without one and predictions of other images, naming them; `size-mismatch` for another size than the image's,
 *   or than 2048 x 1024 without a data set; `unreadable` for what is no label map or holds an id that is none, naming
 *   file and pixel; `invalid-argument` for the predictions' folder as output; `write-failed`
 */
export async function createSubmission({
  predictions,
  out,
  ids,
  root,
  split = 'test',
  onProgress,
  signal,
}: CreateSubmissionOptions): Promise<string[]> {
  await expectPlace(out)
  const found = await findPredictions(predictions, isZip(out) ? undefined : out)
  const images = root === undefined ? undefined : await matchImages(found, root, split)

  const convert = async ({ name, path }: Prediction): Promise<ZipEntry> => {
    signal?.throwIfAborted()
    const image = images?.get(name)
    const { width, height, data } = await readLabelPng(path)
    const expected = image === undefined ? CITYSCAPES_SIZE : await pngSize(image)
    if (width !== expected.width || height !== expected.height)
      throw new InverseFormError(
        'size-mismatch',
        `${path} has ${width} x ${height} pixels, its image ${expected.width} x ${expected.height}.`,
        {
          hint: 'Predict at the full size, or resize the logits before taking the best class; the server resizes nothing.',
          details: { path, width, height, expected },
        },
      )
    const holds = ids ?? (/labelIds\.png$/i.test(path) ? 'labelIds' : 'trainIds')
    return {
      name: `${name}_labelIds.png`,
      bytes: await encodePng({ width, height, data: toLabelIds(data, width, path, holds) }),
    }
  }

  async function* converted(): AsyncGenerator<ZipEntry> {
    let done = 0
    for await (const entry of mapAhead(found, convert)) {
      yield entry
      onProgress?.({ done: ++done, total: found.length })
    }
  }

  if (isZip(out)) await writeFileAtomically(out, (append) => writeZip(converted(), append))
  else
    for await (const { name, bytes } of converted())
      await writeFileAtomically(join(out, name), (append) => append(bytes))
  return found.map(({ name }) => name)
}

const isZip = (path: string): boolean => /\.zip$/i.test(path)

/** Refuses what could only fail once predictions have been converted. */
async function expectPlace(out: string): Promise<void> {
  const there = await stat(out).catch(() => undefined)
  if (there === undefined || there.isDirectory() !== isZip(out)) return
  throw new InverseFormError(
    'write-failed',
    isZip(out) ? `${out} is a folder, not an archive.` : `${out} is a file, not a folder.`,
    { hint: 'Choose another output, a file ending in .zip or a folder.', details: { out } },
  )
}

/** The prediction of each image, sorted by its name; what lies in the folder `out` is left out. */
async function findPredictions(folder: string, out: string | undefined): Promise<Prediction[]> {
  const byImage = new Map<string, string[]>()
  for (const path of await walkOutside(folder, out, 'Pass the folder that holds the predictions.')) {
    const name = FRAME.exec(baseName(path))?.[0]
    if (name === undefined || !/\.png$/i.test(path)) continue
    byImage.set(name, [...(byImage.get(name) ?? []), path])
  }
  if (byImage.size === 0)
    throw new InverseFormError('not-found', `${folder} holds no PNG named after an image of Cityscapes.`, {
      hint: 'Name predictions <city>_<sequence>_<frame>, as in berlin_000000_000019_labelTrainIds.png.',
      details: { folder },
    })
  const several: string[] = []
  const predictions = [...byImage].map(([name, paths]) => {
    const named = paths.filter((path) => IDS.test(path))
    const candidates = named.length > 0 ? named : paths
    if (candidates.length > 1) several.push(candidates.sort(byName).join(' and '))
    return { name, path: candidates[0]! }
  })
  if (several.length > 0)
    throw new InverseFormError(
      'invalid-dataset',
      `${several.length} of ${byImage.size} images have several predictions: ${firstFew(several.sort(byName))}.`,
      { hint: 'Keep one prediction an image, and pictures for viewing elsewhere.', details: { several } },
    )
  return predictions.sort((a, b) => byName(a.name, b.name))
}

/** Paths of the data set's images by name, each of which has a prediction. */
async function matchImages(
  predictions: readonly Prediction[],
  root: string,
  split: string,
): Promise<Map<string, string>> {
  const { samples } = await openDataset({ root, split, requireTruth: false })
  const images = new Map(samples.map(({ name, image }) => [name, image]))
  const predicted = new Set(predictions.map(({ name }) => name))
  const missing = [...images.keys()].filter((name) => !predicted.has(name))
  const foreign = predictions.filter(({ name }) => !images.has(name)).map(({ path }) => path)
  const problems = problemsText([
    [`of ${images.size} images of the split "${split}" have no prediction`, missing],
    [`of ${predictions.length} predictions are of no image of the split "${split}"`, foreign],
  ])
  if (problems !== undefined)
    throw new InverseFormError('invalid-dataset', problems, {
      hint: 'Predict every image of the split and no other, each once.',
      details: { missing, foreign },
    })
  return images
}

/** Width and height of a PNG, which stand at fixed places of its header. */
async function pngSize(path: string): Promise<Size> {
  const header = Buffer.alloc(24)
  try {
    await using file = await open(path)
    await file.read(header, 0, header.length, 0)
  } catch (cause) {
    throw notPng(path, `cannot be read: ${(cause as Error).message}`, cause)
  }
  if (header.toString('latin1', 1, 4) !== 'PNG') throw notPng(path, 'is not a PNG file')
  return { width: header.readUInt32BE(16), height: header.readUInt32BE(20) }
}

const notPng = (path: string, what: string, cause?: unknown): InverseFormError =>
  new InverseFormError('unreadable', `${path} ${what}.`, {
    hint: 'Copy or download the image again.',
    details: { path },
    cause,
  })

function toLabelIds(
  data: Uint8Array | Uint16Array,
  width: number,
  path: string,
  ids: 'trainIds' | 'labelIds',
): Uint8Array {
  const isTrain = ids === 'trainIds'
  const labelIds = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const id = data[i]!
    const isKnown = isTrain ? trainIdToLabelId[id] || id === IGNORE : id <= MAX_LABEL_ID
    if (!isKnown) throw badId(i, id, width, path, isTrain)
    labelIds[i] = isTrain ? trainIdToLabelId[id]! : id
  }
  return labelIds
}

function badId(pixel: number, id: number, width: number, path: string, isTrain: boolean): InverseFormError {
  const [x, y] = [pixel % width, Math.floor(pixel / width)]
  const [what, range] = isTrain ? ['train', '0 to 18, or 255'] : ['label', `0 to ${MAX_LABEL_ID}`]
  const hint = isTrain
    ? 'If the files hold label ids, end their names in labelIds.png or choose label ids with the option "ids".'
    : 'If the files hold train ids, end their names in labelTrainIds.png or choose train ids with the option "ids".'
  return new InverseFormError(
    'unreadable',
    `${path} has the id ${id} at column ${x}, row ${y}, which is no ${what} id: these are ${range}.`,
    { hint, details: { path, id, x, y } },
  )
}
