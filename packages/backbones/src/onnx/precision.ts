import { InverseFormError } from '@inverseform/errors'

/** How weights are stored: in 4, 2 or 1 bytes per value. */
export type WeightPrecision = 'float32' | 'float16' | 'int8'

function unstorable(name: string, value: number, precision: WeightPrecision, range: string) {
  return new InverseFormError(
    'limit-exceeded',
    `The weight ${name} has the value ${value}, which ${precision} cannot hold.`,
    {
      hint: `${precision} holds ${range}: store the weights in float32.`,
      details: { name, value, precision },
    },
  )
}

/** Bits of the smallest float32 that rounds to infinity: half a step above 65504, the largest float16. */
const FLOAT16_OVERFLOW = 0x477ff000
/** Bits of 2^-14, the smallest normal float16. */
const FLOAT16_NORMAL = 0x38800000
/** Bits of 0.5. Float32 has steps of 2^-24 from 0.5 to 1, as subnormal float16 has, so adding 0.5 rounds to them. */
const HALF = 0x3f000000

/**
 * Converts float32 values to IEEE 754 binary16 bits, rounded to nearest, ties to even.
 *
 * @throws InverseFormError `limit-exceeded` for a value that is infinite, NaN or, after rounding, beyond ±65504. An
 * infinite weight would spoil every output, and a clipped one would be silently wrong.
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
      // Drops 13 bits of the fraction and 112 of the exponent bias. Rounding carries into the exponent.
      half = (bits + 0xfff + ((bits >>> 13) & 1) - 0x38000000) >>> 13
    } else {
      throw unstorable(name, values[i], 'float16', 'finite values up to 65504')
    }
    halves[i] = ((all[i] >>> 16) & 0x8000) | half
  }
  return halves
}

/** A weight [rows, …] as integers from -limit to limit. A value is its code times its row's scale. */
export interface QuantizedWeight {
  readonly codes: Int8Array
  /** [rows] */
  readonly scales: Float32Array
}

export interface CodeOptions {
  /** Whether to lay the codes out as [columns, rows]. */
  readonly transpose?: boolean
  /** The largest code; 127 by default. */
  readonly limit?: number
}

export interface QuantizeOptions extends CodeOptions {
  readonly rows: number
}

/**
 * The largest code of a weight that is multiplied in int8. Processors without VNNI add two products of a weight and an
 * activation (up to 255) in 16 bits, which saturate: 2 · 255 · 64 fits, 2 · 255 · 127 does not.
 */
export const CONVOLUTION_CODES = 64

/** Columns that are transposed together, so that their codes stay in the cache. */
const STRIP = 64

/**
 * Quantizes a weight symmetrically with one scale per row: scale = max |w| / limit, code = w / scale rounded to nearest,
 * ties to even. The error of a value is at most half of its row's scale.
 *
 * @throws InverseFormError `limit-exceeded` for a value that is infinite or NaN
 */
export function quantize(
  name: string,
  values: Float32Array,
  { rows, transpose = false, limit = 127 }: QuantizeOptions,
): QuantizedWeight {
  const columns = values.length / rows
  const scales = Float32Array.from({ length: rows }, (_, row) => {
    return largest(name, values.subarray(row * columns, (row + 1) * columns)) / limit
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

/** Adding 1.5 · 2^52 to a value below 2^51 leaves no bits for a fraction, and doubles round ties to even. */
const ROUNDER = 1.5 * 2 ** 52
const roundToEven = (value: number): number => value + ROUNDER - ROUNDER
