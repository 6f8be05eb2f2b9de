/**
 * The loops of losses on float32 arrays that take the most time, in AssemblyScript with SIMD.
 * `tools/scripts/build-kernels.mjs` compiles it.
 *
 * JavaScript copies blocks in and out, so that the memory stays small. Strides and sizes are bytes. The sums have a fixed
 * order, so that results are equal on every machine.
 */

/**
 * Finds the maximum of each position over the classes, and the sum of `e^(x − maximum)`.
 *
 * @param x planes of classes, `stride` bytes apart
 * @param bytes of a plane, a multiple of 16
 */
export function softmaxSums(
  x: usize,
  stride: usize,
  classes: i32,
  bytes: usize,
  maxima: usize,
  sums: usize,
): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    let at = x + i
    let largest = v128.load(at)
    for (let c = 1; c < classes; c++) {
      at += stride
      largest = f32x4.pmax(largest, v128.load(at))
    }
    let sum = f32x4.splat(0)
    at = x + i
    for (let c = 0; c < classes; c++) {
      sum = f32x4.add(sum, exponential(f32x4.sub(v128.load(at), largest)))
      at += stride
    }
    v128.store(maxima + i, largest)
    v128.store(sums + i, sum)
  }
}

/**
 * Adds the gradient of the cross-entropy to `out`: `g · (e^(x − maximum) / sum − 1 if the class is the index)`, and nothing
 * where `g` is 0.
 *
 * @param out planes as those of x
 * @param indices 32-bit class of each position
 */
export function softmaxGradient(
  x: usize,
  stride: usize,
  classes: i32,
  bytes: usize,
  maxima: usize,
  sums: usize,
  gradients: usize,
  indices: usize,
  out: usize,
): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const g = v128.load(gradients + i)
    const reached = f32x4.ne(g, f32x4.splat(0))
    const factor = f32x4.div(g, v128.load(sums + i))
    const largest = v128.load(maxima + i)
    const index = v128.load(indices + i)
    let at = x + i
    let to = out + i
    for (let c = 0; c < classes; c++) {
      const share = f32x4.mul(factor, exponential(f32x4.sub(v128.load(at), largest)))
      const own = v128.and(g, i32x4.eq(index, i32x4.splat(c)))
      v128.store(to, f32x4.add(v128.load(to), v128.and(reached, f32x4.sub(share, own))))
      at += stride
      to += stride
    }
  }
}

/**
 * `C += A · B` for blocks of matrices in rows. It writes whole tiles of 3 x 16, so C has room for them.
 *
 * @param rows of A and C
 * @param depth columns of A and rows of B
 * @param bytes of a row of B and C that are wanted
 */
export function addRows(
  a: usize,
  aStride: usize,
  b: usize,
  c: usize,
  stride: usize,
  rows: i32,
  depth: i32,
  bytes: usize,
): void {
  const end = a + ((<usize>depth) << 2)
  for (let j: usize = 0; j < bytes; j += 64) {
    let a0 = a
    let to = c + j
    for (let i = 0; i < rows; i += 3) {
      let c00 = f32x4.splat(0)
      let c01 = c00
      let c02 = c00
      let c03 = c00
      let c10 = c00
      let c11 = c00
      let c12 = c00
      let c13 = c00
      let c20 = c00
      let c21 = c00
      let c22 = c00
      let c23 = c00
      let from = b + j
      const last = end + (a0 - a)
      for (let p = a0; p < last; p += 4) {
        const x0 = v128.load32_splat(p)
        const x1 = v128.load32_splat(p + aStride)
        const x2 = v128.load32_splat(p + aStride + aStride)
        let y = v128.load(from)
        c00 = f32x4.add(c00, f32x4.mul(x0, y))
        c10 = f32x4.add(c10, f32x4.mul(x1, y))
        c20 = f32x4.add(c20, f32x4.mul(x2, y))
        y = v128.load(from, 16)
        c01 = f32x4.add(c01, f32x4.mul(x0, y))
        c11 = f32x4.add(c11, f32x4.mul(x1, y))
        c21 = f32x4.add(c21, f32x4.mul(x2, y))
        y = v128.load(from, 32)
        c02 = f32x4.add(c02, f32x4.mul(x0, y))
        c12 = f32x4.add(c12, f32x4.mul(x1, y))
        c22 = f32x4.add(c22, f32x4.mul(x2, y))
        y = v128.load(from, 48)
        c03 = f32x4.add(c03, f32x4.mul(x0, y))
        c13 = f32x4.add(c13, f32x4.mul(x1, y))
        c23 = f32x4.add(c23, f32x4.mul(x2, y))
        from += stride
      }
      addTo(to, c00, c01, c02, c03)
      addTo(to + stride, c10, c11, c12, c13)
      addTo(to + stride + stride, c20, c21, c22, c23)
      a0 += aStride * 3
      to += stride * 3
    }
  }
}

function addTo(to: usize, c0: v128, c1: v128, c2: v128, c3: v128): void {
  v128.store(to, f32x4.add(v128.load(to), c0))
  v128.store(to, f32x4.add(v128.load(to, 16), c1), 16)
  v128.store(to, f32x4.add(v128.load(to, 32), c2), 32)
  v128.store(to, f32x4.add(v128.load(to, 48), c3), 48)
}

/**
 * `C = A · Bᵀ` for blocks of matrices in rows. It writes whole tiles of 3 x 4, so all have room for them.
 *
 * @param rows of A and C
 * @param columns of C, the rows of B
 * @param bytes of a row of A and B, a multiple of 16
 */
export function dots(
  a: usize,
  b: usize,
  stride: usize,
  c: usize,
  cStride: usize,
  rows: i32,
  columns: i32,
  bytes: usize,
): void {
  for (let j = 0; j < columns; j += 4) {
    let a0 = a
    let to = c + ((<usize>j) << 2)
    for (let i = 0; i < rows; i += 3) {
      const a1 = a0 + stride
      const a2 = a1 + stride
      const b1 = b + stride
      const b2 = b1 + stride
      const b3 = b2 + stride
      let c00 = f32x4.splat(0)
      let c01 = c00
      let c02 = c00
      let c03 = c00
      let c10 = c00
      let c11 = c00
      let c12 = c00
      let c13 = c00
      let c20 = c00
      let c21 = c00
      let c22 = c00
      let c23 = c00
      for (let p: usize = 0; p < bytes; p += 16) {
        const x0 = v128.load(a0 + p)
        const x1 = v128.load(a1 + p)
        const x2 = v128.load(a2 + p)
        let y = v128.load(b + p)
        c00 = f32x4.add(c00, f32x4.mul(x0, y))
        c10 = f32x4.add(c10, f32x4.mul(x1, y))
        c20 = f32x4.add(c20, f32x4.mul(x2, y))
        y = v128.load(b1 + p)
        c01 = f32x4.add(c01, f32x4.mul(x0, y))
        c11 = f32x4.add(c11, f32x4.mul(x1, y))
        c21 = f32x4.add(c21, f32x4.mul(x2, y))
        y = v128.load(b2 + p)
        c02 = f32x4.add(c02, f32x4.mul(x0, y))
        c12 = f32x4.add(c12, f32x4.mul(x1, y))
        c22 = f32x4.add(c22, f32x4.mul(x2, y))
        y = v128.load(b3 + p)
        c03 = f32x4.add(c03, f32x4.mul(x0, y))
        c13 = f32x4.add(c13, f32x4.mul(x1, y))
        c23 = f32x4.add(c23, f32x4.mul(x2, y))
      }
      v128.store(to, sumsOf(c00, c01, c02, c03))
      v128.store(to + cStride, sumsOf(c10, c11, c12, c13))
      v128.store(to + cStride + cStride, sumsOf(c20, c21, c22, c23))
      a0 += stride * 3
      to += cStride * 3
    }
    b += stride << 2
  }
}

/** The sums of the lanes of four vectors. */
function sumsOf(v0: v128, v1: v128, v2: v128, v3: v128): v128 {
  const t0 = f32x4.add(v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), v128.shuffle<i32>(v0, v1, 2, 6, 3, 7))
  const t1 = f32x4.add(v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), v128.shuffle<i32>(v2, v3, 2, 6, 3, 7))
  // t0 holds partial sums of v0, v1, v0, v1.
  return f32x4.add(v128.shuffle<i32>(t0, t1, 0, 1, 4, 5), v128.shuffle<i32>(t0, t1, 2, 3, 6, 7))
}

/** The constants of `exponential`: loading one is faster than making it. The polynomial is that of Cephes. */
const EXPONENTIAL = memory.data<f32>([
  -87.0, // below the smallest normal float32, the result is 0
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
])

/** `e^x` for x of at most 0, with a relative error of about 1e-7; 0 below −87, and NaN of NaN. */
function exponential(x: v128): v128 {
  const clamped = f32x4.pmax(x, constant(0))
  const shifted = f32x4.add(f32x4.mul(clamped, constant(1)), constant(2))
  const power = f32x4.sub(shifted, constant(2))
  const rest = f32x4.sub(f32x4.sub(clamped, f32x4.mul(power, constant(3))), f32x4.mul(power, constant(4)))
  let series = f32x4.add(f32x4.mul(constant(5), rest), constant(6))
  series = f32x4.add(f32x4.mul(series, rest), constant(7))
  series = f32x4.add(f32x4.mul(series, rest), constant(8))
  series = f32x4.add(f32x4.mul(series, rest), constant(9))
  series = f32x4.add(f32x4.mul(series, rest), constant(10))
  series = f32x4.add(f32x4.mul(series, f32x4.mul(rest, rest)), f32x4.add(rest, constant(11)))
  return v128.andnot(i32x4.add(series, i32x4.shl(shifted, 23)), f32x4.lt(x, constant(0)))
}

function constant(index: usize): v128 {
  return v128.load32_splat(EXPONENTIAL + (index << 2))
}

/** The first address that is free. */
export function heapStart(): usize {
  return __heap_base
}
