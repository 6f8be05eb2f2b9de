import {
  checkArgument,
  checkInteger,
  checkOneOf,
  InverseFormError,
  type InverseFormErrorCode,
} from '@inverseform/errors'
import { checkPixels } from '@inverseform/shared'
import { IGNORE, type Label, labels } from '../labels.js'
import { MAX_POLYGON_PIXELS, type PolygonAnnotation } from './annotation.js'
import { fill } from './fill-polygon.js'

/**
 * Encodings of label images, named like the ends of their files:
 *
 * - `labelIds`: label ids 0..33; 0 outside all polygons
 * - `labelTrainIds`: train ids 0..18; 255 for labels that are not evaluated and outside all polygons
 * - `instanceIds`: label id · 1000 + number for single objects, the plain label id otherwise, also for groups
 * - `instanceTrainIds`: the same with train ids; 255 for all objects that are not evaluated
 * - `color`: red, green, blue and alpha (always 255)
 */
export const labelEncodings = [
  'labelIds',
  'labelTrainIds',
  'instanceIds',
  'instanceTrainIds',
  'color',
] as const
export type LabelEncoding = (typeof labelEncodings)[number]

export interface LabelImage<Encoding extends LabelEncoding = LabelEncoding> {
  readonly width: number
  readonly height: number
  /** width · height ids, row by row from the top left; four bytes per pixel with `color`. */
  readonly data: Encoding extends 'instanceIds' | 'instanceTrainIds' ? Uint16Array : Uint8Array
}

/** The visible objects of an annotation. */
export interface DrawnPolygons {
  readonly width: number
  readonly height: number
  /** Index into `objects` of the visible object of each pixel, row by row from the top left. */
  readonly data: Uint16Array | Uint32Array
  /** The background (`unlabeled`), then all drawn objects in order. */
  readonly objects: readonly DrawnObject[]
}

export interface DrawnObject {
  readonly label: Label
  /** Number among the single objects of this label, from 0; undefined for groups and labels without instances. */
  readonly instance?: number
}

export interface DrawPolygonsOptions {
  /** Most pixels that the image may have. Defaults to 2^24, eight times the size of Cityscapes. */
  readonly maxPixels?: number
}

/** Most objects of a label with their own instance ids: the next id would belong to another label. */
const MAX_INSTANCES = 1000

const byName: ReadonlyMap<string, Label> = new Map(labels.map((label) => [label.name, label]))

/**
 * Draws an annotation as `json2labelImg.py` and `json2instanceImg.py` of cityscapesScripts do: in the order of the
 * file, without deleted objects and license plates. A label such as `cargroup` stands for a group of cars.
 *
 * @throws InverseFormError `unreadable` for a label that is not in the label table, or fewer than two corners;
 *   `limit-exceeded` for more than 1000 single objects of a label, an image above `maxPixels`, and polygons that cover
 *   or cut so many pixels that drawing would take minutes; `invalid-argument`
 */
export function drawPolygons(
  annotation: PolygonAnnotation,
  { maxPixels = MAX_POLYGON_PIXELS }: DrawPolygonsOptions = {},
): DrawnPolygons {
  checkArgument(
    'annotation',
    annotation,
    typeof annotation === 'object' && annotation !== null,
    'an annotation, as returned by parsePolygons',
  )
  const { name = 'The annotation', width, height } = annotation
  checkInteger('width', width, { min: 1 })
  checkInteger('height', height, { min: 1 })
  checkInteger('maxPixels', maxPixels, { min: 1 })
  checkPixels(name, annotation, maxPixels)
  checkArgument(
    'objects',
    annotation.objects,
    Array.isArray(annotation.objects),
    'an array of polygon objects',
  )
  checkWork(annotation, maxPixels)
  const Indices = annotation.objects.length < 2 ** 16 ? Uint16Array : Uint32Array
  const data = new Indices(width * height)
  const objects: DrawnObject[] = [{ label: labels[0] }]
  const instances = new Map<Label, number>()
  for (const [i, object] of annotation.objects.entries()) {
    if (object.deleted) continue
    const failure = (code: InverseFormErrorCode, what: string, hint: string) =>
      new InverseFormError(code, `${name}, object ${i + 1} ("${object.label}"), ${what}.`, {
        hint,
        details: { name, object: i + 1, label: object.label },
      })
    const single = byName.get(object.label)
    const label = single ?? byName.get(object.label.replace(/group$/, ''))
    if (label === undefined) {
      throw failure(
        'unreadable',
        'has a label that is not in the label table of Cityscapes',
        'Correct the label or mark the object as deleted; names are those of the label table, groups end in "group".',
      )
    }
    if (object.points.length < 4) {
      throw failure(
        'unreadable',
        'has fewer than two corners',
        'Give the object its corners or mark it as deleted.',
      )
    }
    if (label.id < 0) continue
    const instance = label.hasInstances && single !== undefined ? (instances.get(label) ?? 0) : undefined
    if (instance === MAX_INSTANCES) {
      throw failure(
        'limit-exceeded',
        `is number ${MAX_INSTANCES + 1} of its label`,
        `Instance ids can number ${MAX_INSTANCES} objects of a label; merge some of them into groups.`,
      )
    }
    if (instance !== undefined) instances.set(label, instance + 1)
    fill({ width, height, data }, object.points, objects.length)
    objects.push({ label, instance })
  }
  return { width, height, data, objects }
}

/** Fails before any work for polygons that would take minutes. All of Cityscapes stays far below this. */
function checkWork({ name, width, height, objects }: PolygonAnnotation, maxPixels: number): void {
  const most = Math.max(LEAST_WORK, 64 * maxPixels)
  const work = objects.reduce(
    (sum, { points, deleted }) => sum + (deleted ? 0 : workOf(points, width, height)),
    0,
  )
  if (work <= most) return
  throw new InverseFormError(
    'limit-exceeded',
    `${name ?? 'The annotation'} has polygons that cover too many pixels, or have too many corners: ${work.toExponential(1)} steps, ` +
      `at most ${most.toExponential(1)} are allowed.`,
    {
      hint: 'Check the file. If it is right, raise `maxPixels`: 64 steps are allowed per pixel.',
      details: { name, work, most },
    },
  )
}

/** Steps that are always allowed: 2000 polygons over a whole image of Cityscapes. */
const LEAST_WORK = 2 ** 32

/** Estimates the steps of drawing a polygon: its pixels, the rows of its edges, and pairs of edges at a corner. */
function workOf(points: ArrayLike<number>, width: number, height: number): number {
  const count = points.length
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
  let edgeRows = 0
  for (let i = 0; i + 1 < count; i += 2) {
    const [x, y, next] = [points[i], points[i + 1], points[(i + 3) % count]]
    left = Math.min(left, x)
    right = Math.max(right, x)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y)
    edgeRows += pixelsBetween(Math.min(y, next), Math.max(y, next), height)
  }
  const area = pixelsBetween(left, right, width) * pixelsBetween(top, bottom, height)
  return area + EDGE_ROW_STEPS * edgeRows + EDGE_PAIR_STEPS * (count / 2) ** 2
}

/** Time of an edge in a row, and of a pair of edges, in that of a pixel. */
const EDGE_ROW_STEPS = 100
const EDGE_PAIR_STEPS = 8

const pixelsBetween = (first: number, last: number, size: number): number =>
  Math.max(0, Math.min(last, size - 1) - Math.max(first, 0) + 1)

const instanceId = (id: number, instance: number | undefined): number =>
  instance === undefined || id === IGNORE ? id : id * 1000 + instance

const idOf: Readonly<Record<LabelEncoding, (object: DrawnObject) => number>> = {
  labelIds: ({ label }) => label.id,
  labelTrainIds: ({ label }) => label.trainId,
  instanceIds: ({ label, instance }) => instanceId(label.id, instance),
  instanceTrainIds: ({ label, instance }) => instanceId(label.trainId, instance),
  // The four bytes as one number in native byte order, as they are written.
  color: ({ label }) => new Uint32Array(Uint8Array.of(...label.color, 255).buffer)[0],
}

const arrays = {
  labelIds: Uint8Array,
  labelTrainIds: Uint8Array,
  instanceIds: Uint16Array,
  instanceTrainIds: Uint16Array,
  color: Uint32Array,
} as const satisfies Record<LabelEncoding, unknown>

/** Encodes a drawing as a label image; one drawing serves all encodings. */
export function labelImage<Encoding extends LabelEncoding>(
  { width, height, data, objects }: DrawnPolygons,
  encoding: Encoding,
): LabelImage<Encoding> {
  checkOneOf('encoding', encoding, labelEncodings)
  const table = objects.map(idOf[encoding])
  const values = new arrays[encoding](data.length)
  // Objects form long runs: filling a run is several times faster than looking up each pixel.
  for (let start = 0, end = 0; start < data.length; start = end) {
    const object = data[start]
    while (end < data.length && data[end] === object) end++
    values.fill(table[object], start, end)
  }
  const image = encoding === 'color' ? new Uint8Array(values.buffer) : values
  return { width, height, data: image as LabelImage<Encoding>['data'] }
}
