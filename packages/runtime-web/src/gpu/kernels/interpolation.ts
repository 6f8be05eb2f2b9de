import { InverseFormError } from '@inverseform/errors'

/**
 * WGSL: the two neighbours of an output position along one axis, and the weight of the second. Bilinear, half-pixel
 * centres, clamped at both ends: `(i + 1/2) · input / output − 1/2`. As a fraction of whole numbers it is exact; as a
 * float32, positions far from the origin would have few bits left for the weight.
 */
export const interpolationCode = `
struct Interpolation { lower: u32, upper: u32, weight: f32 }

fn interpolation(i: u32, input: u32, output: u32) -> Interpolation {
  let scaled = (2 * i + 1) * input;
  let numerator = max(scaled, output) - output;
  let lower = min(numerator / (2 * output), input - 1);
  let rest = numerator - 2 * output * lower;
  return Interpolation(lower, min(lower + 1, input - 1), f32(rest) / f32(2 * output));
}`

/** @throws `limit-exceeded` for sides whose product passes the 32 bits of the shader's whole numbers */
export function requireInterpolable(input: number, output: number): void {
  if (2 * input * output < 2 ** 32) return
  throw new InverseFormError(
    'limit-exceeded',
    `A side of ${input} pixels was to be resized to ${output} on the GPU.`,
    { hint: 'Use a smaller image, a smaller scale, or the device wasm.' },
  )
}
