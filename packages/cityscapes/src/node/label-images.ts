import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { checkArgument, checkInteger, checkOneOf, InverseFormError } from '@inverseform/errors'
import { listFew, readAhead } from '@inverseform/shared'
import {
  checkPath,
  defaultMaxPixels,
  encodePng,
  readRegularFile,
  writeWholeFile,
} from '@inverseform/shared/node'
import { MAX_POLYGON_PIXELS, type PolygonAnnotation, parsePolygons } from '../polygons/annotation.js'
import { drawPolygons, type LabelEncoding, labelEncodings, labelImage } from '../polygons/label-image.js'
import { dataFolder } from './files/folders.js'
import { type AnnotationType, contentsOf, findPart, names } from './files/layout.js'

const POLYGONS = '_polygons.json'

export interface CreateLabelImagesOptions {
  /**
   * The folder with `gtFine/` or `gtCoarse/`, or with the folders that their archives were unpacked into. Defaults to
   * the environment variable CITYSCAPES_DATASET.
   */
  readonly data?: string
  /** Fine or coarse annotations. Defaults to `gtFine`. */
  readonly type?: AnnotationType
  /** Defaults to all splits in the folder. */
  readonly splits?: readonly string[]
  /** Defaults to `['labelTrainIds']`, which training needs and the official archives lack. */
  readonly encodings?: readonly LabelEncoding[]
  /** A folder to write to, as `<type>/<split>/<city>/`. Defaults to the folders of the polygons. */
  readonly out?: string
  /** Whether to replace existing label images. Defaults to false. */
  readonly overwrite?: boolean
  /** Most pixels that an image may have. Defaults to what the memory allows, at most 2^24. */
  readonly maxPixels?: number
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
  out,
  overwrite = false,
  maxPixels,
  onProgress,
  signal,
}: CreateLabelImagesOptions = {}): Promise<CreatedLabelImages> {
  const root = dataFolder(data)
  checkOneOf('type', type, ['gtFine', 'gtCoarse'])
  checkArgument('encodings', encodings, Array.isArray(encodings), 'an array of encodings')
  for (const [i, encoding] of encodings.entries()) checkOneOf(`encodings[${i}]`, encoding, labelEncodings)
  checkArgument('splits', splits, splits === undefined || Array.isArray(splits), 'an array of splits')
  for (const [i, split] of (splits ?? []).entries()) checkPath(`splits[${i}]`, split)
  if (out) checkPath('out', out)
  if (maxPixels !== undefined) checkInteger('maxPixels', maxPixels, { min: 1 })
  const annotations = await findAnnotations(root, type, splits)

  const isElsewhere = out !== undefined && out !== '' && resolve(out) !== resolve(root)

  const convert = async ({ path, stem: inside }: Annotation): Promise<CreatedLabelImages> => {
    signal?.throwIfAborted()
    const stem = isElsewhere ? join(out, inside) : path.slice(0, -POLYGONS.length)
    const files = encodings.map((encoding) => ({ encoding, path: `${stem}_${encoding}.png` }))
    const isKept = await Promise.all(files.map(async (file) => !overwrite && (await isThere(file.path))))
    const wanted = files.filter((_, i) => !isKept[i])
    if (wanted.length > 0) {
      const drawn = drawPolygons(await readPolygons(path, { maxPixels }), { maxPixels })
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

export interface ReadPolygonsOptions {
  /** Most pixels that the image may have. Defaults to what the memory allows, at most 2^24. */
  readonly maxPixels?: number
  /** Most bytes that the file may have. Defaults to 2^24, far more than any file of Cityscapes. */
  readonly maxBytes?: number
}

/** Memory that drawing takes, on two images at once: objects, ids, colors, and the rows of a PNG before compression. */
const DRAWN_BYTES_PER_PIXEL = 48

/**
 * Reads a `*_polygons.json`.
 * @throws InverseFormError as {@link parsePolygons}; `not-found`, and `unreadable` without permission or for what is not
 *   a regular file
 */
export async function readPolygons(
  path: string,
  {
    maxPixels = Math.min(MAX_POLYGON_PIXELS, defaultMaxPixels(DRAWN_BYTES_PER_PIXEL)),
    maxBytes = 2 ** 24,
  }: ReadPolygonsOptions = {},
): Promise<PolygonAnnotation> {
  checkInteger('maxBytes', maxBytes, { min: 1 })
  const bytes = await readRegularFile(path, { maxBytes, limit: '`maxBytes`' })
  // Unlike toString(), TextDecoder removes the byte order mark that editors on Windows write.
  return parsePolygons(new TextDecoder().decode(bytes), path, { maxPixels })
}

/** A `*_polygons.json` and where its label images go. */
interface Annotation {
  readonly path: string
  /** `<type>/<split>/<city>/<name>_<type>` */
  readonly stem: string
}

/** Finds the annotations, sorted by split, city and name. */
async function findAnnotations(
  root: string,
  type: AnnotationType,
  splits: readonly string[] | undefined,
): Promise<Annotation[]> {
  const folders = await findPart(root, type)
  const archive = type === 'gtFine' ? 'gtFine_trainvaltest.zip' : 'gtCoarse.zip'
  if (folders.length === 0) {
    throw new InverseFormError(
      'not-found',
      `The folder ${join(root, type)} does not exist; ${await contentsOf(root)}.`,
      {
        hint: `Pass the folder that holds ${type}, as unpacked from ${archive}.`,
        details: { root, type },
      },
    )
  }
  const folderOf = new Map<string, string>()
  for (const folder of folders) {
    for (const split of (await names(folder)) ?? []) {
      // The folder of an archive may hold a folder of the same name: gtCoarse/gtCoarse.
      if (split !== type && !folderOf.has(split)) folderOf.set(split, folder)
    }
  }
  const found = [...folderOf.keys()]
  const place = folders.join(' and ')
  const missing = splits?.find((split) => !folderOf.has(split))
  if (missing !== undefined) {
    throw new InverseFormError('not-found', `${place} has no split "${missing}"; found ${listFew(found)}.`, {
      hint: 'Pass splits that were found.',
      details: { folder: place, split: missing, splits: found },
    })
  }
  const annotations: Annotation[] = []
  for (const split of splits ?? found) {
    const folder = join(folderOf.get(split)!, split)
    for (const city of (await names(folder)) ?? []) {
      for (const name of (await names(join(folder, city))) ?? []) {
        if (!name.endsWith(POLYGONS)) continue
        const stem = join(type, split, city, name.slice(0, -POLYGONS.length))
        annotations.push({ path: join(folder, city, name), stem })
      }
    }
  }
  if (annotations.length === 0) {
    throw new InverseFormError(
      'invalid-dataset',
      `${place} holds no <split>/<city>/*${POLYGONS}; found ${listFew(found)}.`,
      {
        hint: `Unpack ${archive} so that each city is a folder of its split.`,
        details: { folder: place, splits },
      },
    )
  }
  return annotations
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
