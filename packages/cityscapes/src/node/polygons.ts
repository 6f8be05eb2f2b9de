import { stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { type PolygonAnnotation, parsePolygons } from '../polygons/annotation.js'
import { drawPolygons, type LabelEncoding, labelEncodings, labelImage } from '../polygons/label-image.js'
import { encodePng } from './encode-png.js'
import { byName, firstFew, list } from './folders.js'
import { mapAhead } from './map-ahead.js'
import { readBytes } from './read.js'
import { writeFileAtomically } from './write-file.js'

const POLYGONS = '_polygons.json'

export interface CreateLabelImagesOptions {
  /** The folder that holds `gtFine/` or `gtCoarse/`. Default: the environment variable CITYSCAPES_DATASET. */
  readonly root?: string
  /** Fine or coarse annotations. Default `gtFine`. */
  readonly type?: 'gtFine' | 'gtCoarse'
  /** Default: all that are there. */
  readonly splits?: readonly string[]
  /** Default `['labelTrainIds']`, the only one that the official archives lack and training needs. */
  readonly encodings?: readonly LabelEncoding[]
  /** A folder in the place of `root` to write to, with the same folders in it. Default: beside the annotations. */
  readonly out?: string
  /** Whether to replace label images that are there already. Default false: they are kept, and not drawn again. */
  readonly overwrite?: boolean
  /** Told after each annotation, `done` of `total`. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
  readonly signal?: AbortSignal
}

/** Numbers of label images. */
export interface CreatedLabelImages {
  readonly written: number
  /** There already, and kept. */
  readonly kept: number
}

/**
 * Draws the label images of a data set's polygons, as `createTrainIdLabelImgs.py` and `createTrainIdInstanceImgs.py`
 * of cityscapesScripts do: `<type>/<split>/<city>/<name>_<type>_polygons.json` becomes
 * `<name>_<type>_<encoding>.png`. Each file is written whole or not at all, so that an interrupted run can go on.
 *
 * @throws InverseFormError `invalid-argument` for no root or an unknown encoding; `not-found` for a missing root or
 *   split; `invalid-dataset` for no annotations; `write-failed`; and as {@link readPolygons} and {@link drawPolygons}
 */
export async function createLabelImages({
  root = process.env.CITYSCAPES_DATASET,
  type = 'gtFine',
  splits,
  encodings = ['labelTrainIds'],
  out = root,
  overwrite = false,
  onProgress,
  signal,
}: CreateLabelImagesOptions = {}): Promise<CreatedLabelImages> {
  if (!root || !out)
    throw new InverseFormError('invalid-argument', 'No data set was named.', {
      hint: 'Pass its root folder, or set the environment variable CITYSCAPES_DATASET to it.',
    })
  const unknown = encodings.find((encoding) => !labelEncodings.includes(encoding))
  if (unknown !== undefined)
    throw new InverseFormError('invalid-argument', `There is no encoding "${unknown}".`, {
      hint: `The encodings are ${labelEncodings.join(', ')}.`,
    })
  const annotations = await findAnnotations(root, type, splits)

  const convert = async (path: string): Promise<CreatedLabelImages> => {
    signal?.throwIfAborted()
    const stem = join(out, relative(root, path)).slice(0, -POLYGONS.length)
    const targets = encodings.map((encoding) => ({ encoding, path: `${stem}_${encoding}.png` }))
    const isKept = await Promise.all(
      targets.map(async (target) => !overwrite && (await isThere(target.path))),
    )
    const wanted = targets.filter((_, i) => !isKept[i])
    if (wanted.length > 0) {
      const drawn = drawPolygons(await readPolygons(path))
      for (const target of wanted) {
        const png = await encodePng(labelImage(drawn, target.encoding))
        await writeFileAtomically(target.path, (append) => append(png))
      }
    }
    return { written: wanted.length, kept: targets.length - wanted.length }
  }

  let [written, kept, done] = [0, 0, 0]
  for await (const image of mapAhead(annotations, convert)) {
    written += image.written
    kept += image.kept
    onProgress?.({ done: ++done, total: annotations.length })
  }
  return { written, kept }
}

/**
 * Reads a `*_polygons.json`.
 * @throws InverseFormError as {@link parsePolygons}, `not-found`, and `unreadable` for a file that may not be read
 */
export async function readPolygons(path: string): Promise<PolygonAnnotation> {
  const bytes = await readBytes(path, 'Check the path of the annotation.')
  // Unlike toString() it takes a byte-order mark, which editors on Windows write, for what it is.
  return parsePolygons(new TextDecoder().decode(bytes), path)
}

/** Paths of the annotations, by split, city and name. */
async function findAnnotations(
  root: string,
  type: string,
  splits: readonly string[] | undefined,
): Promise<string[]> {
  const folder = join(root, type)
  const found = await names(folder)
  if (found === undefined)
    throw new InverseFormError('not-found', `There is no folder ${folder}.`, {
      hint: `Pass the folder that holds ${type}, as unpacked from ${type}_trainvaltest.zip.`,
      details: { root, type },
    })
  const missing = splits?.find((split) => !found.includes(split))
  if (missing !== undefined)
    throw new InverseFormError(
      'not-found',
      `There is no split "${missing}" in ${folder}; found ${firstFew(found) || 'nothing'}.`,
      { hint: 'Name splits that are there.', details: { folder, split: missing, splits: found } },
    )
  const paths: string[] = []
  for (const split of splits ?? found)
    for (const city of (await names(join(folder, split))) ?? [])
      for (const name of (await names(join(folder, split, city))) ?? [])
        if (name.endsWith(POLYGONS)) paths.push(join(folder, split, city, name))
  if (paths.length === 0)
    throw new InverseFormError('invalid-dataset', `There is no <split>/<city>/*${POLYGONS} in ${folder}.`, {
      hint: `Unpack ${type}_trainvaltest.zip so that each city is a folder of its split.`,
      details: { folder, splits },
    })
  return paths
}

/** Names in a folder, sorted, but for those with a leading dot; undefined for what is no folder. */
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
