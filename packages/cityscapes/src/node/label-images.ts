import { stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { checkOneOf, InverseFormError } from '@inverseform/errors'
import { listFew, readAhead } from '@inverseform/shared'
import { writeWholeFile } from '@inverseform/shared/node'
import { type PolygonAnnotation, parsePolygons } from '../polygons/annotation.js'
import { drawPolygons, type LabelEncoding, labelEncodings, labelImage } from '../polygons/label-image.js'
import { byName, dataFolder, list } from './files/folders.js'
import { readBytes } from './files/read.js'
import { encodePng } from './png/encode-png.js'

const POLYGONS = '_polygons.json'

export interface CreateLabelImagesOptions {
  /** The folder with `gtFine/` or `gtCoarse/`. Defaults to the environment variable CITYSCAPES_DATASET. */
  readonly data?: string
  /** Fine or coarse annotations. Defaults to `gtFine`. */
  readonly type?: 'gtFine' | 'gtCoarse'
  /** Defaults to all splits in the folder. */
  readonly splits?: readonly string[]
  /** Defaults to `['labelTrainIds']`, which training needs and the official archives lack. */
  readonly encodings?: readonly LabelEncoding[]
  /** A folder to write to instead of `data`, with the same folders in it. Defaults to `data`. */
  readonly out?: string
  /** Whether to replace existing label images. Defaults to false. */
  readonly overwrite?: boolean
  /** Called after each annotation. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
  readonly signal?: AbortSignal
}

/** Numbers of label images. */
export interface CreatedLabelImages {
  readonly written: number
  /** Existing images that were kept. */
  readonly kept: number
}

/**
 * Draws the label images of a data set's polygons, as `createTrainIdLabelImgs.py` and `createTrainIdInstanceImgs.py`
 * of cityscapesScripts do: `<type>/<split>/<city>/<name>_<type>_polygons.json` becomes
 * `<name>_<type>_<encoding>.png`. Each file is written completely or not at all, so an
 * interrupted run can continue.
 *
 * @throws InverseFormError `invalid-argument` without a folder or for an unknown encoding; `not-found` for a missing
 *   folder or split; `invalid-dataset` without annotations; `write-failed`; and as {@link readPolygons} and {@link drawPolygons}
 */
export async function createLabelImages({
  data,
  type = 'gtFine',
  splits,
  encodings = ['labelTrainIds'],
  out = data,
  overwrite = false,
  onProgress,
  signal,
}: CreateLabelImagesOptions = {}): Promise<CreatedLabelImages> {
  const root = dataFolder(data)
  for (const encoding of encodings) checkOneOf('encodings', encoding, labelEncodings)
  const annotations = await findAnnotations(root, type, splits)

  const convert = async (path: string): Promise<CreatedLabelImages> => {
    signal?.throwIfAborted()
    const stem = join(out || root, relative(root, path)).slice(0, -POLYGONS.length)
    const files = encodings.map((encoding) => ({ encoding, path: `${stem}_${encoding}.png` }))
    const isKept = await Promise.all(files.map(async (file) => !overwrite && (await isThere(file.path))))
    const wanted = files.filter((_, i) => !isKept[i])
    if (wanted.length > 0) {
      const drawn = drawPolygons(await readPolygons(path))
      for (const file of wanted) {
        const png = await encodePng(labelImage(drawn, file.encoding))
        await writeWholeFile(file.path, png)
      }
    }
    return { written: wanted.length, kept: files.length - wanted.length }
  }

  let [written, kept, done] = [0, 0, 0]
  for await (const image of readAhead(annotations, convert)) {
    written += image.written
    kept += image.kept
    onProgress?.({ done: ++done, total: annotations.length })
  }
  return { written, kept }
}

/**
 * Reads a `*_polygons.json`.
 * @throws InverseFormError as {@link parsePolygons}, `not-found`, and `unreadable` without permission
 */
export async function readPolygons(path: string): Promise<PolygonAnnotation> {
  const bytes = await readBytes(path, 'Check the path of the annotation.')
  // Unlike toString(), TextDecoder removes the byte order mark that editors on Windows write.
  return parsePolygons(new TextDecoder().decode(bytes), path)
}

/** Finds the annotations, sorted by split, city and name. */
async function findAnnotations(
  root: string,
  type: string,
  splits: readonly string[] | undefined,
): Promise<string[]> {
  const folder = join(root, type)
  const found = await names(folder)
  if (found === undefined) {
    throw new InverseFormError('not-found', `The folder ${folder} does not exist.`, {
      hint: `Pass the folder that holds ${type}, as unpacked from ${type}_trainvaltest.zip.`,
      details: { root, type },
    })
  }
  const missing = splits?.find((split) => !found.includes(split))
  if (missing !== undefined) {
    throw new InverseFormError('not-found', `${folder} has no split "${missing}"; found ${listFew(found)}.`, {
      hint: 'Pass splits that were found.',
      details: { folder, split: missing, splits: found },
    })
  }
  const paths: string[] = []
  for (const split of splits ?? found) {
    for (const city of (await names(join(folder, split))) ?? []) {
      for (const name of (await names(join(folder, split, city))) ?? []) {
        if (name.endsWith(POLYGONS)) paths.push(join(folder, split, city, name))
      }
    }
  }
  if (paths.length === 0) {
    throw new InverseFormError('invalid-dataset', `${folder} holds no <split>/<city>/*${POLYGONS}.`, {
      hint: `Unpack ${type}_trainvaltest.zip so that each city is a folder of its split.`,
      details: { folder, splits },
    })
  }
  return paths
}

/** Lists the names in a folder without a leading dot, sorted; undefined for a missing folder. */
async function names(folder: string): Promise<string[] | undefined> {
  const entries = await list(folder)
  return entries
    ?.map(({ name }) => name)
    .filter((name) => !name.startsWith('.'))
    .sort(byName)
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
