import { InverseFormError } from '@inverseform/errors'
import { MAX_LABEL_PIXELS } from '../png.js'

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

/** Largest coordinate. Pillow draws in single precision, which represents integers up to this exactly. */
const MAX_COORDINATE = 2 ** 22

/**
 * Parses the text of a `*_polygons.json`.
 *
 * @param name name of the file in errors
 * @throws InverseFormError `unreadable` for invalid JSON, a missing field, or a coordinate that is not a number within
 *   ±2^22; `limit-exceeded` for an image above {@link MAX_LABEL_PIXELS}
 */
export function parsePolygons(text: string, name = 'The annotation'): PolygonAnnotation {
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
  if (width * height > MAX_LABEL_PIXELS) {
    throw new InverseFormError(
      'limit-exceeded',
      `${name} claims to outline an image of ${width} x ${height} pixels.`,
      {
        hint: `The limit is ${MAX_LABEL_PIXELS} pixels; check imgWidth and imgHeight.`,
        details: { name, width, height },
      },
    )
  }
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
