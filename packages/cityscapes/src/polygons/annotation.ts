import { checkArgument, checkInteger, InverseFormError } from '@inverseform/errors'
import { checkPixels } from '@inverseform/shared'
import { MAX_COORDINATE } from './fill-polygon.js'

/** One object of a `*_polygons.json`. */
export interface PolygonObject {
  /** Name from the label table, optionally followed by `group`. */
  readonly label: string
  /** x, y, x, y, …: columns and rows of the corners; they may lie outside the image. */
  readonly points: Float64Array
  /** Deleted objects stay in the file but are not drawn. */
  readonly deleted: boolean
}

/** The contents of a `*_polygons.json`: the outlined objects of an image, in drawing order. */
export interface PolygonAnnotation {
  /** Name of the file in errors. */
  readonly name: string
  readonly width: number
  readonly height: number
  readonly objects: readonly PolygonObject[]
}

/** Largest image that is drawn by default, in pixels: a few bytes can claim any size. */
export const MAX_POLYGON_PIXELS = 2 ** 24

export interface ParsePolygonsOptions {
  /** Most pixels that the image may have. Defaults to 2^24, eight times the size of Cityscapes. */
  readonly maxPixels?: number
}

/**
 * Parses the text of a `*_polygons.json`.
 *
 * @param name name of the file in errors
 * @throws InverseFormError `unreadable` for invalid JSON, a missing field, or a coordinate that is not a number within
 *   ±2^22; `limit-exceeded` for an image above `maxPixels`; `invalid-argument`
 */
export function parsePolygons(
  text: string,
  name = 'The annotation',
  { maxPixels = MAX_POLYGON_PIXELS }: ParsePolygonsOptions = {},
): PolygonAnnotation {
  checkArgument('text', text, typeof text === 'string', 'the text of a JSON file')
  checkInteger('maxPixels', maxPixels, { min: 1 })
  let root: unknown
  try {
    root = JSON.parse(text)
  } catch (cause) {
    throw unreadable(`${name} is not JSON: ${(cause as Error).message}.`, name, cause)
  }
  if (!isRecord(root)) throw unreadable(`${name} must hold a JSON object, got ${describe(root)}.`, name)
  const { imgWidth, imgHeight, objects } = root
  const width = readSize(imgWidth, 'imgWidth', name)
  const height = readSize(imgHeight, 'imgHeight', name)
  checkPixels(name, { width, height }, maxPixels)
  if (!Array.isArray(objects)) {
    throw unreadable(`${name} has ${describe(objects)} for "objects", not a list.`, name)
  }
  return { name, width, height, objects: objects.map((object, i) => readObject(object, i, name)) }
}

function readSize(size: unknown, key: string, name: string): number {
  if (typeof size === 'number' && Number.isSafeInteger(size) && size > 0) return size
  throw unreadable(`${name} has ${describe(size)} for "${key}", not a positive integer.`, name)
}

function readObject(object: unknown, index: number, name: string): PolygonObject {
  const where = `${name}, object ${index + 1}`
  if (!isRecord(object)) throw unreadable(`${where}, is ${describe(object)}, not a JSON object.`, name)
  const { label, polygon, deleted } = object
  if (typeof label !== 'string') throw unreadable(`${where}, has ${describe(label)} for "label".`, name)
  const labeled = `${where} ("${label}")`
  if (!Array.isArray(polygon)) {
    throw unreadable(`${labeled}, has ${describe(polygon)} for "polygon", not a list.`, name)
  }
  const points = new Float64Array(2 * polygon.length)
  polygon.forEach((point: unknown, i) => {
    const [x, y]: unknown[] = Array.isArray(point) ? point : []
    if (!isCoordinate(x) || !isCoordinate(y)) {
      throw unreadable(
        `${labeled}, has ${JSON.stringify(point)?.slice(0, 60)} for corner ${i + 1}, not a column and a row within ±${MAX_COORDINATE}.`,
        name,
      )
    }
    points[2 * i] = x
    points[2 * i + 1] = y
  })
  return { label, points, deleted: Boolean(deleted) }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCoordinate = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) <= MAX_COORDINATE

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  return Array.isArray(value)
    ? 'a list'
    : typeof value === 'object' && value
      ? 'an object'
      : JSON.stringify(value).slice(0, 60)
}

function unreadable(message: string, name: string, cause?: unknown): InverseFormError {
  return new InverseFormError('unreadable', message, {
    hint: 'Use a file ending in _polygons.json, as in gtFine_trainvaltest.zip.',
    cause,
    details: { name },
  })
}
