import { checkArgument, checkIntegerArray, InverseFormError } from '@inverseform/errors'

/** One id per pixel, in any typed array of integers of at most 32 bits. */
export type IdArray =
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array

/** The new id of each old id: a Map, an object, or a list indexed by the old id. */
export type IdMap = ReadonlyMap<number, number> | ArrayLike<number> | Readonly<Record<number, number>>

export interface LabelMappingOptions {
  /** What to do with ids that are not in the map: an `error` (default), `keep` them, or their new id, such as the ignore index. */
  readonly unmapped?: 'error' | 'keep' | number
}

/** The image that ids come from, for errors. */
export interface IdSource {
  /** Pixels per row. */
  readonly width?: number
  /** Name of the image. */
  readonly name?: string
}

/**
 * Returns the new id of every pixel.
 * @throws InverseFormError `invalid-argument` for an id without a new id; names image, pixel and id
 */
export type LabelMapping = (ids: IdArray, source?: IdSource) => Uint8Array | Uint16Array

// Marks old ids without a new id; new ids are at least 0.
const NONE = -1
// Marks old ids that stay.
const KEPT = -2

/** The new ids of a range of old ids that starts at `first`. */
interface LookUp {
  readonly first: number
  readonly table: Int32Array
  /** The new id outside the range. */
  readonly otherwise: number
}

/**
 * Creates a function that maps the ids of a data set to the classes of a metric. Apply it before the metric:
 *
 *     const toClasses = labelMapping({ 7: 0, 8: 0, 26: 1 }, { unmapped: 255 })
 *     metric.update({ ...image, target: toClasses(target), prediction: toClasses(prediction) })
 *
 * New ids are bytes, or 16-bit integers if one is above 255.
 *
 * @throws InverseFormError `invalid-argument` unless old ids are integers in -65536..65535 and new ids in 0..65535
 */
export function labelMapping(map: IdMap, { unmapped = 'error' }: LabelMappingOptions = {}): LabelMapping {
  checkArgument(
    'unmapped',
    unmapped,
    unmapped === 'error' || unmapped === 'keep' || isIn(unmapped, 0, 65_535),
    "'error', 'keep' or an integer from 0 to 65535",
  )
  const keeps = unmapped === 'keep'
  const lookUp = lookUpTable(map, unmapped === 'error' ? NONE : keeps ? KEPT : unmapped)
  const isWide = [...lookUp.table, lookUp.otherwise].some((id) => id > 255)
  return (ids, source) => {
    checkIntegerArray('ids', ids)
    const Ids = isWide || (keeps && ids.BYTES_PER_ELEMENT > 1) ? Uint16Array : Uint8Array
    return remap(ids, lookUp, new Ids(ids.length), source)
  }
}

/**
 * Maps the ids of ADE20K: 0 (no class) becomes 255, ids 1..254 move down by 1, 255 stays.
 * Source: `reduce_zero_label` of mmsegmentation, `reduce_labels` of Hugging Face's evaluate. Apply it to the target only:
 * networks trained with it predict the classes from 0 on.
 */
export const reduceZeroLabel: LabelMapping = /* @__PURE__ */ labelMapping(
  Array.from({ length: 256 }, (_, id) => (id === 0 || id === 255 ? 255 : id - 1)),
)

/**
 * Creates a table for {@link remap}.
 * @param otherwise the new id of ids that are not in the map
 */
export function lookUpTable(map: IdMap, otherwise: number): LookUp {
  const entries = mapEntries(map)
  for (const [from, to] of entries) {
    if (!isIn(from, -65_536, 65_535) || !isIn(to, 0, 65_535)) {
      throw new InverseFormError(
        'invalid-argument',
        `\`map\` must map integers from -65536 to 65535 to integers from 0 to 65535, got ${from} to ${to}.`,
        { details: { from, to } },
      )
    }
  }
  const first = entries.reduce((least, [from]) => Math.min(least, from), 0)
  const last = entries.reduce((most, [from]) => Math.max(most, from), 0)
  const table = new Int32Array(last - first + 1).fill(otherwise)
  for (const [from, to] of entries) table[from - first] = to
  return { first, table, otherwise }
}

/** Fills `out`, which has the length of `ids`, with their new ids. */
export function remap<Out extends Uint8Array | Uint16Array>(
  ids: IdArray,
  { first, table, otherwise }: LookUp,
  out: Out,
  source?: IdSource,
): Out {
  // Most pixels repeat the id of the previous pixel.
  let last = 0
  let id = NONE
  for (let i = 0; i < ids.length; i++) {
    const old = ids[i]
    if (old !== last || i === 0) {
      const at = old - first
      id = at >= 0 && at < table.length ? table[at] : otherwise
      if (id === KEPT && old >= 0 && old <= 65_535) id = old
      if (id < 0) throw unmappedId(old, i, source)
      last = old
    }
    out[i] = id
  }
  return out
}

/** The pairs of old and new ids. */
function mapEntries(map: IdMap): [from: number, to: number][] {
  const isMap = (typeof map === 'object' && map !== null) || ArrayBuffer.isView(map)
  checkArgument('map', map, isMap, 'a Map, an object or a list of new ids')
  if (map instanceof Map) return [...map]
  if (Array.isArray(map) || ArrayBuffer.isView(map)) {
    return Array.from(map as ArrayLike<number>, (to, from): [number, number] => [from, to]).filter(
      ([, to]) => to !== undefined,
    )
  }
  // Number('') is 0, but an empty key is not an id.
  return Object.entries(map).map(([from, to]) => [from === '' ? Number.NaN : Number(from), to])
}

function isIn(id: number, least: number, most: number): boolean {
  return Number.isInteger(id) && id >= least && id <= most
}

function unmappedId(id: number, pixel: number, { width, name }: IdSource = {}): InverseFormError {
  const place =
    width === undefined ? `pixel ${pixel}` : `column ${pixel % width}, row ${Math.floor(pixel / width)}`
  return new InverseFormError(
    'invalid-argument',
    `${name ?? 'An image'} has the id ${id} at ${place}, which is not in the label mapping.`,
    {
      hint: 'Add the id to the map, as 255 if its pixels are ignored.',
      details: { name, id, pixel },
    },
  )
}
