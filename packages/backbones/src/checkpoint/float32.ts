import type { TensorData } from './types.js'

/** All float16 values by their bits, filled on first use. A lookup is many times faster than computing a value. */
let halves: Float32Array | undefined

/** Returns a tensor's values as float32, rounded to nearest. A float32 tensor's own array is returned, not a copy. */
export function toFloat32({ dtype, data }: TensorData): Float32Array {
  if (data instanceof Float32Array) return data
  if (data instanceof BigInt64Array) return Float32Array.from(data, Number)
  if (dtype === 'float16') {
    halves ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfToFloat(bits))
    // A plain loop: Float32Array.from with a function takes ten times as long.
    const values = new Float32Array(data.length)
    for (let i = 0; i < values.length; i++) values[i] = halves[data[i] as number]
    return values
  }
  if (dtype === 'bfloat16') {
    // A bfloat16 is the upper half of a float32.
    const bits = new Uint32Array(data.length)
    for (let i = 0; i < bits.length; i++) bits[i] = (data[i] as number) << 16
    return new Float32Array(bits.buffer)
  }
  return new Float32Array(data)
}

/** Returns the value of IEEE 754 binary16 bits. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = (bits & 1023) / 1024
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction) : sign * 2 ** -14 * fraction
}
