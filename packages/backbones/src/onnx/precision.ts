import { InverseFormError } from '@inverseform/errors'

/** How weights are stored: as they are, in half the bytes, or in a quarter of them. */
export type WeightPrecision = 'float32' | 'float16' | 'int8'

/** A weight that a precision cannot hold, by its name. */
function unstorable(name: string, value: number, precision: WeightPrecision, range: string) {
  return new InverseFormError(
    'limit-exceeded',
    `The weight ${name} has the value ${value}, which ${precision} cannot hold.`,
    { hint: `It holds ${range}: keep these weights in float32.`, details: { name, value, precision } },
  )
}

/** From here on values round to infinity: half a step above 65504, the largest one. */
const FLOAT16_OVERFLOW = 0x477ff000
/** Bits of 2^-14: below it float16 is subnormal. */
const FLOAT16_NORMAL = 0x38800000
/** A float32 of 0.5 to 1 has steps of 2^-24, as a subnormal float16: adding this rounds to them. */
const HALF = 0x3f000000

/**
 * IEEE 754 binary16 bits of float32 values, rounded to nearest, ties to even.
 * @throws `limit-exceeded` for a value beyond ±65504 (after rounding), infinite or NaN: a weight that became infinite
 * would spoil every output, and one that was cut off would be wrong without a word.
 */
export function toFloat16(name: string, values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length)
  const all = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const scratch = new Float32Array(1)
  const scratchBits = new Uint32Array(scratch.buffer)
  for (let i = 0; i < all.length; i++) {
    const bits = all[i] & 0x7fffffff
    let half: number
    if (bits < FLOAT16_NORMAL) {
      scratch[0] = Math.abs(values[i]) + 0.5
      half = scratchBits[0] - HALF
    } else if (bits < FLOAT16_OVERFLOW) {
      // 13 bits less of fraction, 112 less of exponent bias; the carry of rounding runs on into the exponent.
      half = (bits + 0xfff + ((bits >>> 13) & 1) - 0x38000000) >>> 13
    } else {
      throw unstorable(name, values[i], 'float16', 'finite values up to 65504')
    }
    halves[i] = ((all[i] >>> 16) & 0x8000) | half
  }
  return halves
}

/** A weight [rows, …] as whole numbers in -127..127; a value is its number times its row's scale. */
export interface QuantisedWeight {
  readonly codes: Int8Array
  /** [rows] */
  readonly scales: Float32Array
}

export interface QuantiseOptions {
  readonly rows: number
  /** Whether the codes are to be [columns, rows] in memory. */
  readonly transpose: boolean
}

/** Columns written together when transposing, so that what is being written stays in the cache. */
const STRIP = 64

/**
 * Symmetric quantisation with one scale a row: scale = max |w| / 127, code = w / scale rounded to nearest, ties to even.
 * The error of a value is at most half its row's scale.
 * @throws `limit-exceeded` for a value that is infinite or NaN
 */
export function quantise(
  name: string,
  values: Float32Array,
  { rows, transpose }: QuantiseOptions,
): QuantisedWeight {
  const columns = values.length / rows
  const scales = Float32Array.from({ length: rows }, (_, row) => {
    return largest(name, values.subarray(row * columns, (row + 1) * columns)) / 127
  })
  const codes = new Int8Array(values.length)
  const [rowStep, columnStep] = transpose ? [1, rows] : [columns, 1]
  const strip = transpose ? STRIP : columns
  for (let start = 0; start < columns; start += strip) {
    const end = Math.min(start + strip, columns)
    for (let row = 0; row < rows; row++) {
      const factor = scales[row] > 0 ? 1 / scales[row] : 0
      for (let column = start; column < end; column++) {
        codes[row * rowStep + column * columnStep] = roundToEven(values[row * columns + column] * factor)
      }
    }
  }
  return { codes, scales }
}

function largest(name: string, values: Float32Array): number {
  let most = 0
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i])
    if (!(magnitude < Number.POSITIVE_INFINITY)) throw unstorable(name, values[i], 'int8', 'finite values')
    if (magnitude > most) most = magnitude
  }
  return most
}

/** Below 2^51: adding 1.5 · 2^52 leaves no bits for a fraction, and a double's sum is rounded to even. */
const ROUNDER = 1.5 * 2 ** 52
const roundToEven = (value: number): number => value + ROUNDER - ROUNDER
