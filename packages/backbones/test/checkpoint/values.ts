import { toFloat32 } from '../../src/checkpoint/float32.js'
import type { TensorData } from '../../src/checkpoint/types.js'

/** Tensors as the expected files have them. */
export type Expected = Record<
  string,
  { dtype: string; shape: number[]; values: (number | string | boolean)[] }
>

/** A tensor's values in that form: int64, NaN and infinities as strings. */
export function values(tensor: TensorData): (number | string | boolean)[] {
  const { dtype, data } = tensor
  if (data instanceof BigInt64Array) return Array.from(data, String)
  if (dtype === 'bool') return Array.from(data, Boolean)
  const numbers = dtype === 'float16' || dtype === 'bfloat16' ? toFloat32(tensor) : data
  return Array.from(numbers as Float32Array, (x) => (Number.isFinite(x) ? x : String(x)))
}
