import { InverseFormError } from '@inverseform/errors'
import type { IdArray } from './metrics/ids.js'

/** The new id of each old one: a Map, an object, or a list with the old id as index. */
export type IdMap = ReadonlyMap<number, number> | ArrayLike<number> | Readonly<Record<number, number>>

export interface LabelMappingOptions {
  /** What becomes of an id that the map lacks: an `error` (default), or the id to give it, such as the ignore index. */
  readonly unmapped?: 'error' | number
}

/** Where ids are from, for errors. */
export interface IdSource {
  /** Pixels in a row. */
  readonly width?: number
  /** What to call the image. */
  readonly name?: string
}

/**
 * Gives every pixel its new id.
 * @throws InverseFormError `invalid-argument` for an id that has none, naming image, pixel and id
 */
export type LabelMapping = (ids: IdArray, source?: IdSource) => Uint8Array | Uint16Array

// No new id is below 0.
const NONE = -1

/** A span of old ids, from `first`, and the new id of each. */
interface LookUp {
  readonly first: number
  readonly table: Int32Array
  /** The new id outside the span. */
  readonly otherwise: number
}

/**
 * Makes the step from a data set's own ids to the classes of a metric. Do it before any metric sees the ids:
 *
 *     const toClasses = labelMapping({ 7: 0, 8: 0, 26: 1 }, { unmapped: 255 })
 *     metric.update({ ...image, truth: toClasses(truth), prediction: toClasses(prediction) })
 *
 * Ids come out as bytes, or as 16-bit numbers where a new id is above 255.
 *
 * @throws InverseFormError `invalid-argument` for an old id that is no whole number in -65536..65535, or a new one
 *   that is none in 0..65535
 */
export function labelMapping(map: IdMap, { unmapped = 'error' }: LabelMappingOptions = {}): LabelMapping {
  const lookUp = lookUpTable(map, unmapped === 'error' ? NONE : expectId(unmapped))
  const Ids = [...lookUp.table, lookUp.otherwise].some((id) => id > 255) ? Uint16Array : Uint8Array
  return (ids, source) => remap(ids, lookUp, new Ids(ids.length), source)
}

/**
 * ADE20K's step: 0 (no class) becomes 255, ids 1..254 move down by 1, 255 stays.
 * Source: `reduce_zero_label` of mmsegmentation, `reduce_labels` of Hugging Face's evaluate (on the truth alone: networks
 * trained so predict the classes from 0 on).
 */
export const reduceZeroLabel: LabelMapping = /* @__PURE__ */ labelMapping(
  Array.from({ length: 256 }, (_, id) => (id === 0 || id === 255 ? 255 : id - 1)),
)

/** For {@link remap}; `otherwise` is the new id of what the map lacks. */
export function lookUpTable(map: IdMap, otherwise: number): LookUp {
  const entries = entriesOf(map)
  for (const [from, to] of entries)
    if (!isIn(from, -65_536, 65_535) || !isIn(to, 0, 65_535))
      throw new InverseFormError('invalid-argument', `A label mapping cannot make ${from} into ${to}.`, {
        hint: 'Map whole numbers in -65536..65535 to whole numbers in 0..65535.',
      })
  const first = entries.reduce((least, [from]) => Math.min(least, from), 0)
  const last = entries.reduce((most, [from]) => Math.max(most, from), 0)
  const table = new Int32Array(last - first + 1).fill(otherwise)
  for (const [from, to] of entries) table[from - first] = to
  return { first, table, otherwise }
}

/** Fills `out`, which is as long as `ids`, with their new ids. */
export function remap<Out extends Uint8Array | Uint16Array>(
  ids: IdArray,
  { first, table, otherwise }: LookUp,
  out: Out,
  source?: IdSource,
): Out {
  // Most pixels repeat the id of the one before.
  let last = 0
  let id = NONE
  for (let i = 0; i < ids.length; i++) {
    const old = ids[i]!
    if (old !== last || i === 0) {
      const at = old - first
      id = at >= 0 && at < table.length ? table[at]! : otherwise
      if (id === NONE) throw unmappedId(old, i, source)
      last = old
    }
    out[i] = id
  }
  return out
}

function entriesOf(map: IdMap): [from: number, to: number][] {
  if (map instanceof Map) return [...map]
  if (Array.isArray(map) || ArrayBuffer.isView(map))
    return Array.from(map as ArrayLike<number>, (to, from): [number, number] => [from, to]).filter(
      ([, to]) => to !== undefined,
    )
  // An empty key is no 0.
  return Object.entries(map).map(([from, to]) => [from === '' ? Number.NaN : Number(from), to])
}

function expectId(unmapped: number): number {
  if (isIn(unmapped, 0, 65_535)) return unmapped
  throw new InverseFormError('invalid-argument', `A label mapping cannot make other ids into ${unmapped}.`, {
    hint: "Pass unmapped: 'error', or a whole number in 0..65535 such as 255.",
  })
}

function isIn(id: number, least: number, most: number): boolean {
  return Number.isInteger(id) && id >= least && id <= most
}

function unmappedId(id: number, pixel: number, { width, name }: IdSource = {}): InverseFormError {
  const place =
    width === undefined ? `pixel ${pixel}` : `column ${pixel % width}, row ${Math.floor(pixel / width)}`
  return new InverseFormError(
    'invalid-argument',
    `${name ?? 'An image'} has the id ${id} at ${place}, which the label mapping lacks.`,
    {
      hint: 'Add the id to the map, or say with `unmapped` which id such pixels get, such as the ignore index 255.',
      details: { name, id, pixel },
    },
  )
}
