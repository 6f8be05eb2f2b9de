import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkOneOf, InverseFormError } from '@inverseform/errors'
import { listFew, readAhead } from '@inverseform/shared'
import {
  checkPath,
  encodePng,
  fileError,
  makeFolder,
  openRegularFile,
  writeFileAtomically,
  writeWholeFile,
} from '@inverseform/shared/node'
import { IGNORE, labels, trainIdToLabelId } from '../../labels.js'
import { openDataset } from '../dataset.js'
import type { PixelIds } from '../evaluate/evaluate-pair.js'
import { baseName, byName, problemsText, walkOutside } from '../files/folders.js'
import { readLabelPng } from '../files/read.js'
import { writeZip, type ZipEntry } from './zip.js'

export interface CreateSubmissionOptions {
  /** The folder to search for predictions, at any depth: PNGs with `<city>_<sequence>_<frame>` in their names. */
  readonly predictions: string
  /** Path of the output: an archive if it ends in `.zip`, otherwise a folder. */
  readonly out: string
  /**
   * Ids in the predictions. Defaults to label ids for files ending in `labelIds.png`, and to train ids for all others:
   * the values alone do not tell the two apart.
   */
  readonly predictionIds?: PixelIds
  /** Folder of the data set: each of its images must have a prediction of the same size. */
  readonly data?: string
  /** Split of the data set. Defaults to `test`. */
  readonly split?: string
  /** Most pixels that a prediction may have. Defaults to what the memory allows, at most 2^26. */
  readonly maxPixels?: number
  /** Called after each prediction. */
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

/** Size of all images of Cityscapes. */
const CITYSCAPES_SIZE: Size = { width: 2048, height: 1024 }
const MAX_LABEL_ID = Math.max(...labels.map(({ id }) => id))
/** City, sequence and frame, anywhere in a file name. */
const FRAME = /(?<![A-Za-z])[A-Za-z]+_\d{6}_\d{6}(?!\d)/
/** Ends of file names that tell the kind of ids. */
const IDS = /label(Train)?Ids\.png$/i

/**
 * Converts predictions to a submission for the Cityscapes server: one gray PNG of label ids per test image, named
 * `<city>_<sequence>_<frame>_labelIds.png`, in a folder or an archive. Does not resize. An archive is written entry by
 * entry, completely or not at all.
 * Source: getPrediction of cityscapesscripts/evaluation/evalPixelLevelSemanticLabeling.py.
 *
 * Reads the files of an image that end in `labelIds.png` or `labelTrainIds.png`, or any PNG without such files. Several
 * candidates for an image are an error. Train id 255 becomes `unlabeled`, which always counts as wrong.
 *
 * @returns the names of the images, sorted
 * @throws InverseFormError `not-found` without predictions; `invalid-dataset`, naming the files, for several predictions
 *   of an image, images without a prediction and predictions of other images; `size-mismatch` for another size than the
 *   image, or than 2048 x 1024 without a data set; `unreadable`, naming file and pixel, for other files than label maps
 *   and invalid ids; `invalid-argument` when `out` is the folder of predictions; `write-failed`
 */
export async function createSubmission({
  predictions,
  out,
  predictionIds,
  data,
  split = 'test',
  maxPixels,
  onProgress,
  signal,
}: CreateSubmissionOptions): Promise<string[]> {
  checkPath('predictions', predictions)
  checkPath('out', out)
  if (predictionIds !== undefined) checkOneOf('predictionIds', predictionIds, ['labelIds', 'trainIds'])
  await checkOut(out)
  const found = await findPredictions(predictions, isZip(out) ? undefined : out)
  const images = data === undefined ? undefined : await matchImages(found, data, split)

  const convert = async ({ name, path }: Prediction): Promise<ZipEntry> => {
    signal?.throwIfAborted()
    const image = images?.get(name)
    const { width, height, data: ids } = await readLabelPng(path, { maxPixels })
    const expected = image === undefined ? CITYSCAPES_SIZE : await pngSize(image)
    if (width !== expected.width || height !== expected.height) {
      throw new InverseFormError(
        'size-mismatch',
        `${path} has ${width} x ${height} pixels, its image has ${expected.width} x ${expected.height}.`,
        {
          hint: 'Predict at the full size, or resize the logits before the argmax; the server does not resize.',
          details: { path, width, height, expected },
        },
      )
    }
    const kind = predictionIds ?? (/labelIds\.png$/i.test(path) ? 'labelIds' : 'trainIds')
    return {
      name: `${name}_labelIds.png`,
      bytes: await encodePng({ width, height, data: toLabelIds(ids, width, path, kind) }),
    }
  }

  async function* converted(): AsyncGenerator<ZipEntry> {
    let done = 0
    for await (const entry of readAhead(found, convert)) {
      yield entry
      onProgress?.({ done: ++done, total: found.length })
    }
  }

  if (isZip(out)) {
    await makeFolder(dirname(out))
    await writeFileAtomically(out, (sink) => writeZip(converted(), sink))
  } else {
    for await (const { name, bytes } of converted()) await writeWholeFile(join(out, name), bytes)
  }
  return found.map(({ name }) => name)
}

const isZip = (path: string): boolean => /\.zip$/i.test(path)

/** Fails early for outputs that cannot be written. */
async function checkOut(out: string): Promise<void> {
  const there = await stat(out).catch(() => undefined)
  if (there === undefined || there.isDirectory() !== isZip(out)) return
  throw new InverseFormError(
    'write-failed',
    isZip(out) ? `${out} is a folder, not an archive.` : `${out} is a file, not a folder.`,
    { hint: 'Pass a file ending in .zip or a folder as output.', details: { out } },
  )
}

/** Finds the prediction of each image, sorted by name; skips the folder `out`. */
async function findPredictions(folder: string, out: string | undefined): Promise<Prediction[]> {
  const byImage = new Map<string, string[]>()
  for (const path of await walkOutside(folder, out, 'Pass the folder that holds the predictions.')) {
    const name = FRAME.exec(baseName(path))?.[0]
    if (name === undefined || !/\.png$/i.test(path)) continue
    byImage.set(name, [...(byImage.get(name) ?? []), path])
  }
  if (byImage.size === 0) {
    throw new InverseFormError('not-found', `${folder} holds no PNG named after an image of Cityscapes.`, {
      hint: 'Name predictions <city>_<sequence>_<frame>, as in berlin_000000_000019_labelTrainIds.png.',
      details: { folder },
    })
  }
  const several: string[] = []
  const predictions = [...byImage].map(([name, paths]) => {
    const named = paths.filter((path) => IDS.test(path))
    const candidates = named.length > 0 ? named : paths
    if (candidates.length > 1) several.push(candidates.sort(byName).join(' and '))
    return { name, path: candidates[0] }
  })
  if (several.length > 0) {
    throw new InverseFormError(
      'invalid-dataset',
      `${several.length} of ${byImage.size} images have several predictions: ${listFew(several.sort(byName))}.`,
      { hint: 'Keep one prediction per image, and images for viewing elsewhere.', details: { several } },
    )
  }
  return predictions.sort((a, b) => byName(a.name, b.name))
}

/** Returns the paths of the images by name; throws unless each image has a prediction. */
async function matchImages(
  predictions: readonly Prediction[],
  data: string,
  split: string,
): Promise<Map<string, string>> {
  const { samples } = await openDataset({ data, split, requireTarget: false })
  const images = new Map(samples.map(({ name, image }) => [name, image]))
  const predicted = new Set(predictions.map(({ name }) => name))
  const missing = [...images.keys()].filter((name) => !predicted.has(name))
  const foreign = predictions.filter(({ name }) => !images.has(name)).map(({ path }) => path)
  const problems = problemsText([
    [`of ${images.size} images of the split "${split}" have no prediction`, missing],
    [`of ${predictions.length} predictions match no image of the split "${split}"`, foreign],
    [
      'images have the name of another, in another city',
      samples.filter(({ name, image }) => images.get(name) !== image).map(({ image }) => image),
    ],
  ])
  if (problems !== undefined) {
    throw new InverseFormError('invalid-dataset', problems, {
      hint: 'Predict each image of the split once, and no other images.',
      details: { missing, foreign },
    })
  }
  return images
}

/** Reads width and height of a PNG from fixed positions in its header. */
async function pngSize(path: string): Promise<Size> {
  const header = Buffer.alloc(24)
  const { handle } = await openRegularFile(path)
  try {
    await handle.read(header, 0, header.length, 0)
  } catch (cause) {
    throw fileError(path, cause)
  } finally {
    await handle.close()
  }
  if (header.toString('latin1', 1, 4) !== 'PNG') throw notPng(path, 'is not a PNG file')
  return { width: header.readUInt32BE(16), height: header.readUInt32BE(20) }
}

const notPng = (path: string, what: string): InverseFormError =>
  new InverseFormError('unreadable', `${path} ${what}.`, {
    hint: 'Copy or download the image again.',
    details: { path },
  })

function toLabelIds(ids: Uint8Array | Uint16Array, width: number, path: string, kind: PixelIds): Uint8Array {
  const isTrain = kind === 'trainIds'
  const labelIds = new Uint8Array(ids.length)
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]
    const isKnown = isTrain ? trainIdToLabelId[id] || id === IGNORE : id <= MAX_LABEL_ID
    if (!isKnown) throw badId(i, id, width, path, isTrain)
    labelIds[i] = isTrain ? trainIdToLabelId[id] : id
  }
  return labelIds
}

function badId(pixel: number, id: number, width: number, path: string, isTrain: boolean): InverseFormError {
  const [x, y] = [pixel % width, Math.floor(pixel / width)]
  const [what, range] = isTrain ? ['train', '0 to 18, or 255'] : ['label', `0 to ${MAX_LABEL_ID}`]
  const hint = isTrain
    ? 'If the files hold label ids, end their names in labelIds.png, or select label ids as the ids of predictions.'
    : 'If the files hold train ids, end their names in labelTrainIds.png, or select train ids as the ids of predictions.'
  return new InverseFormError(
    'unreadable',
    `${path} has the id ${id} at column ${x}, row ${y}; ${what} ids are ${range}.`,
    { hint, details: { path, id, x, y } },
  )
}
