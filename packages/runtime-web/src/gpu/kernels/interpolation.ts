import { InverseFormError } from '@inverseform/errors'

/**
 * WGSL that computes the two neighbors of an output position along one axis, and the weight of the second. Bilinear, with
 * half-pixel centers, clamped at both ends: `(i + 1/2) · input / output − 1/2`. Integer arithmetic keeps it exact; in
 * float32, positions far from the origin would leave few bits for the weight.
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

/** @throws `limit-exceeded` if twice the product of the sides exceeds the 32-bit integers of the shader */
export function checkInterpolable(input: number, output: number): void {
  if (2 * input * output < 2 ** 32) return
  throw new InverseFormError(
    'limit-exceeded',
    `The GPU cannot resize a side from ${input} to ${output} pixels.`,
    { hint: 'Use a smaller image, a smaller scale, or the device wasm.' },
  )
}
