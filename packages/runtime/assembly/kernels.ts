/**
 * The work before and after a network, in AssemblyScript with SIMD. `tools/scripts/build-kernels.mjs` compiles it.
 *
 * Kernels work on single rows, which JavaScript copies in and out, so that the memory stays small. A row of several
 * channels is planar: channel `c` starts at `c * stride` bytes. Loops handle 4 values at a time and may run past the end of
 * a channel, into its padding. Float32 operations have the order of the TypeScript forms, so that labels are equal.
 *
 * A span is a part of an output row of 1 to 4 pixels between the same two input pixels: four 32-bit integers, the byte
 * offsets of both input pixels in a channel, the first output pixel, and the number of pixels.
 */

const SPAN = 16

/** `out = first · rest + second · weight`, on `bytes` bytes. */
export function interpolate(
  first: usize,
  second: usize,
  out: usize,
  bytes: usize,
  rest: f32,
  weight: f32,
): void {
  const r = f32x4.splat(rest)
  const w = f32x4.splat(weight)
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(out + i, lerp(v128.load(first + i), v128.load(second + i), r, w))
  }
}

/** Resizes a row along its length: all channels by the same spans. */
export function stretch(
  row: usize,
  stride: usize,
  out: usize,
  outStride: usize,
  channels: i32,
  spans: usize,
  spansEnd: usize,
  rests: usize,
  weights: usize,
): void {
  for (let c = 0; c < channels; c++) {
    for (let span = spans; span < spansEnd; span += SPAN) {
      const x = (<usize>load<u32>(span, 8)) << 2
      const left = v128.load32_splat(row + load<u32>(span))
      const right = v128.load32_splat(row + load<u32>(span, 4))
      // The next span overwrites what lies beyond this one.
      v128.store(out + x, lerp(left, right, v128.load(rests + x), v128.load(weights + x)))
    }
    row += stride
    out += outStride
  }
}

/** `out = gate · values`, with a gate of one channel of `bytes` bytes. */
export function gate(
  gates: usize,
  values: usize,
  out: usize,
  stride: usize,
  channels: i32,
  bytes: usize,
): void {
  for (let c = 0; c < channels; c++) {
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(out + i, f32x4.mul(v128.load(gates + i), v128.load(values + i)))
    }
    values += stride
    out += stride
  }
}

/** `out = gated + (1 − gate) · rest`, with a gate of one channel of `bytes` bytes. */
export function blend(
  gated: usize,
  gates: usize,
  rest: usize,
  out: usize,
  stride: usize,
  channels: i32,
  bytes: usize,
): void {
  const one = f32x4.splat(1)
  for (let c = 0; c < channels; c++) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const remainder = f32x4.mul(f32x4.sub(one, v128.load(gates + i)), v128.load(rest + i))
      v128.store(out + i, f32x4.add(v128.load(gated + i), remainder))
    }
    gated += stride
    rest += stride
    out += stride
  }
}

/** `sum = sum + row / count`, on `bytes` bytes. */
export function addShare(row: usize, sum: usize, bytes: usize, count: f32): void {
  const n = f32x4.splat(count)
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(sum + i, f32x4.add(v128.load(sum + i), f32x4.div(v128.load(row + i), n)))
  }
}

/** Swaps left and right of one channel of 32-bit values. */
export function reverse(row: usize, width: usize): void {
  let right = row + (width << 2) - 4
  for (let left = row; left < right; left += 4, right -= 4) {
    const value = load<u32>(left)
    store<u32>(left, load<u32>(right))
    store<u32>(right, value)
  }
}

/** Returns whether all values of a row are finite; padding is not read. */
export function finite(row: usize, stride: usize, channels: i32, width: usize): bool {
  let check = f32x4.splat(0)
  let single: f32 = 0
  for (let c = 0; c < channels; c++) {
    let i = row
    const end = row + (width << 2)
    for (; i + 16 <= end; i += 16) {
      const values = v128.load(i)
      // Becomes NaN with the first value that is NaN or infinite, and stays so.
      check = f32x4.add(check, f32x4.sub(values, values))
    }
    for (; i < end; i += 4) single += load<f32>(i) - load<f32>(i)
    row += stride
  }
  return !v128.any_true(f32x4.ne(check, f32x4.splat(0))) && single === 0
}

/** Finds the first class with the largest logit of each pixel. */
export function argmax(row: usize, stride: usize, channels: i32, width: usize, labels: usize): void {
  for (let x: usize = 0; x < width; x += 4) {
    let at = row + (x << 2)
    let largest = v128.load(at)
    let best = i32x4.splat(0)
    for (let k = 1; k < channels; k++) {
      at += stride
      const values = v128.load(at)
      best = v128.bitselect(i32x4.splat(k), best, f32x4.gt(values, largest))
      largest = f32x4.pmax(largest, values)
    }
    store<u32>(labels + x, bytesOf(best))
  }
}

/** Computes the softmax probability of the largest logit of each pixel. */
export function confidence(row: usize, stride: usize, channels: i32, width: usize, out: usize): void {
  const least = constant(12)
  for (let x: usize = 0; x < width; x += 4) {
    const start = row + (x << 2)
    let at = start
    let largest = v128.load(at)
    for (let k = 1; k < channels; k++) {
      at += stride
      largest = f32x4.pmax(largest, v128.load(at))
    }
    let sum = f32x4.splat(0)
    at = start
    for (let k = 0; k < channels; k++) {
      const difference = f32x4.sub(v128.load(at), largest)
      if (v128.any_true(f32x4.gt(difference, least))) {
        sum = f32x4.add(sum, exponential(difference))
      }
      at += stride
    }
    v128.store(out + (x << 2), f32x4.div(f32x4.splat(1), sum))
  }
}

/** Replaces each value of `bytes` bytes by its sigmoid. */
export function sigmoid(row: usize, bytes: usize): void {
  const one = f32x4.splat(1)
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(row + i)
    const e = exponential(f32x4.neg(f32x4.abs(x)))
    const numerator = v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0)))
    v128.store(row + i, f32x4.div(numerator, f32x4.add(one, e)))
  }
}

/**
 * Fills a row of labels between two rows of small labels where all four corners of a span agree, and writes the other spans
 * to `mixed`. Returns the end of these.
 */
export function fillAgreeing(
  top: usize,
  bottom: usize,
  spans: usize,
  spansEnd: usize,
  labels: usize,
  mixed: usize,
): usize {
  for (let span = spans; span < spansEnd; span += SPAN) {
    const left = <usize>load<u32>(span) >> 2
    const right = <usize>load<u32>(span, 4) >> 2
    const label = <u32>load<u8>(top + left)
    if (
      label === <u32>load<u8>(top + right) &&
      label === <u32>load<u8>(bottom + left) &&
      label === <u32>load<u8>(bottom + right)
    ) {
      store<u32>(labels + load<u32>(span, 8), label * 0x01010101)
    } else {
      v128.store(mixed, v128.load(span))
      mixed += SPAN
    }
  }
  return mixed
}

/**
 * Computes the labels of spans in 4 rows between two rows of small logits, and writes them to `labels`, whose rows are
 * `labelStride` bytes apart. `rows` holds the 4 weights of the upper row, then the 4 of the lower one.
 */
export function labelSpans(
  top: usize,
  bottom: usize,
  stride: usize,
  channels: i32,
  spans: usize,
  spansEnd: usize,
  rests: usize,
  weights: usize,
  rows: usize,
  labels: usize,
  labelStride: usize,
): void {
  const r0 = v128.load32_splat(rows)
  const r1 = v128.load32_splat(rows, 4)
  const r2 = v128.load32_splat(rows, 8)
  const r3 = v128.load32_splat(rows, 12)
  const w0 = v128.load32_splat(rows, 16)
  const w1 = v128.load32_splat(rows, 20)
  const w2 = v128.load32_splat(rows, 24)
  const w3 = v128.load32_splat(rows, 28)
  const down = bottom - top
  for (let span = spans; span < spansEnd; span += SPAN) {
    const x = <usize>load<u32>(span, 8)
    const rest = v128.load(rests + (x << 2))
    const weight = v128.load(weights + (x << 2))
    let left = top + load<u32>(span)
    let right = top + load<u32>(span, 4)
    let largest0 = f32x4.splat(-Infinity)
    let largest1 = largest0
    let largest2 = largest0
    let largest3 = largest0
    let best0 = i32x4.splat(0)
    let best1 = best0
    let best2 = best0
    let best3 = best0
    let k = i32x4.splat(0)
    for (let c = 0; c < channels; c++) {
      const upper = lerp(v128.load32_splat(left), v128.load32_splat(right), rest, weight)
      const lower = lerp(v128.load32_splat(left + down), v128.load32_splat(right + down), rest, weight)
      const logit0 = lerp(upper, lower, r0, w0)
      best0 = v128.bitselect(k, best0, f32x4.gt(logit0, largest0))
      largest0 = f32x4.pmax(largest0, logit0)
      const logit1 = lerp(upper, lower, r1, w1)
      best1 = v128.bitselect(k, best1, f32x4.gt(logit1, largest1))
      largest1 = f32x4.pmax(largest1, logit1)
      const logit2 = lerp(upper, lower, r2, w2)
      best2 = v128.bitselect(k, best2, f32x4.gt(logit2, largest2))
      largest2 = f32x4.pmax(largest2, logit2)
      const logit3 = lerp(upper, lower, r3, w3)
      best3 = v128.bitselect(k, best3, f32x4.gt(logit3, largest3))
      largest3 = f32x4.pmax(largest3, logit3)
      k = i32x4.add(k, i32x4.splat(1))
      left += stride
      right += stride
    }
    const count = load<u32>(span, 12)
    let to = labels + x
    storeBytes(to, bytesOf(best0), count)
    to += labelStride
    storeBytes(to, bytesOf(best1), count)
    to += labelStride
    storeBytes(to, bytesOf(best2), count)
    to += labelStride
    storeBytes(to, bytesOf(best3), count)
  }
}

/**
 * Converts a row of RGB pixels to three normalized channels, with a table of 256 float32 values for each. With `mirrored`,
 * left and right are swapped.
 */
export function normalize(
  pixels: usize,
  width: usize,
  tables: usize,
  out: usize,
  stride: usize,
  mirrored: bool,
): void {
  const step: isize = mirrored ? -4 : 4
  let to = mirrored ? out + (width << 2) - 4 : out
  const second = stride
  const third = stride << 1
  for (let x: usize = 0; x < width; x++) {
    store<f32>(to, load<f32>(tables + ((<usize>load<u8>(pixels)) << 2)))
    store<f32>(to + second, load<f32>(tables + ((<usize>load<u8>(pixels, 1)) << 2), 1024))
    store<f32>(to + third, load<f32>(tables + ((<usize>load<u8>(pixels, 2)) << 2), 2048))
    pixels += 3
    to += step
  }
}

/** Interpolates. Rounding keeps the order of values, so a class that is largest at both ends stays largest between. */
function lerp(first: v128, second: v128, rest: v128, weight: v128): v128 {
  return f32x4.add(f32x4.mul(first, rest), f32x4.mul(second, weight))
}

/** The lowest byte of each of four integers. */
function bytesOf(values: v128): u32 {
  const halves = i16x8.narrow_i32x4_u(values, values)
  return i32x4.extract_lane(i8x16.narrow_i16x8_u(halves, halves), 0)
}

function storeBytes(to: usize, bytes: u32, count: u32): void {
  if (count === 4) {
    store<u32>(to, bytes)
    return
  }
  store<u8>(to, <u8>bytes)
  if (count > 1) store<u8>(to, <u8>(bytes >> 8), 1)
  if (count > 2) store<u8>(to, <u8>(bytes >> 16), 2)
}

/**
 * The constants of `exponential`. V8 makes each vector constant anew in a loop, from two integers; loading one is faster.
 * The polynomial is that of Cephes.
 */
const EXPONENTIAL = memory.data<f32>([
  -87.0, // the least exponent: e^-87 is still a normal float
  <f32>Math.LOG2E, // 1 / ln(2)
  12582912.0, // 1.5 · 2^23: adding it rounds to an integer, and leaves that in the lowest bits
  0.693359375, // ln(2), its first bits
  -2.1219444e-4, // ln(2), the rest
  1.98756915e-4,
  1.3981999507e-3,
  8.3334519073e-3,
  4.1665795894e-2,
  1.6666665459e-1,
  0.5,
  1.0,
  -20.0, // in a softmax, e^-20 is below float32's resolution of the sum, and most classes are further away
])

/**
 * `e^x` for x of at most 0, with a relative error of about 1e-7: a power of two, and a polynomial for the rest, at most
 * ln(2) / 2 from 0.
 */
function exponential(x: v128): v128 {
  const clamped = f32x4.pmax(constant(0), x)
  const shifted = f32x4.add(f32x4.mul(clamped, constant(1)), constant(2))
  const power = f32x4.sub(shifted, constant(2))
  const rest = f32x4.sub(f32x4.sub(clamped, f32x4.mul(power, constant(3))), f32x4.mul(power, constant(4)))
  let series = f32x4.add(f32x4.mul(constant(5), rest), constant(6))
  series = f32x4.add(f32x4.mul(series, rest), constant(7))
  series = f32x4.add(f32x4.mul(series, rest), constant(8))
  series = f32x4.add(f32x4.mul(series, rest), constant(9))
  series = f32x4.add(f32x4.mul(series, rest), constant(10))
  series = f32x4.add(f32x4.mul(series, f32x4.mul(rest, rest)), f32x4.add(rest, constant(11)))
  return i32x4.add(series, i32x4.shl(shifted, 23))
}

function constant(index: usize): v128 {
  return v128.load32_splat(EXPONENTIAL + (index << 2))
}

/** The first address that is free. */
export function heapStart(): usize {
  return __heap_base
}
