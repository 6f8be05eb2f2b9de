import { KERNELS } from './binary.js'

/** The functions of `assembly/kernels.ts`; pointers and strides are bytes. */
interface KernelFunctions {
  readonly memory: WebAssembly.Memory
  heapStart(): number
  softmaxSums(x: number, stride: number, classes: number, bytes: number, maxima: number, sums: number): void
  softmaxGradient(
    x: number,
    stride: number,
    classes: number,
    bytes: number,
    maxima: number,
    sums: number,
    gradients: number,
    indices: number,
    out: number,
  ): void
  addRows(
    a: number,
    aStride: number,
    b: number,
    c: number,
    stride: number,
    rows: number,
    depth: number,
    bytes: number,
  ): void
  dots(
    a: number,
    b: number,
    stride: number,
    c: number,
    cStride: number,
    rows: number,
    columns: number,
    bytes: number,
  ): void
}

export interface Kernels {
  readonly run: KernelFunctions
  readonly floats: Float32Array
  readonly integers: Int32Array
  /** Where each of the blocks starts, in bytes. */
  readonly at: readonly number[]
}

const PAGE = 2 ** 16
/** Larger jobs run in TypeScript, since the memory cannot shrink. */
const LARGEST_JOB = 2 ** 24
const CACHE_LINE = 64

/** Undefined before the first job, null where kernels cannot run. */
let run: KernelFunctions | null | undefined

/**
 * Returns the kernels with memory for one job, or undefined: where WebAssembly with SIMD is missing or forbidden, and for
 * large jobs. The memory is valid until the next call, and its content undefined.
 *
 * @param blocks their sizes in bytes
 */
export function kernelsFor(...blocks: readonly number[]): Kernels | undefined {
  if (run === undefined) run = start()
  if (run === null) return undefined
  let end = Math.ceil(run.heapStart() / CACHE_LINE) * CACHE_LINE
  const at = blocks.map((bytes) => {
    const first = end
    end += Math.ceil(bytes / CACHE_LINE) * CACHE_LINE
    return first
  })
  if (end > LARGEST_JOB) return undefined
  const missing = end - run.memory.buffer.byteLength
  if (missing > 0) run.memory.grow(Math.ceil(missing / PAGE))
  const { buffer } = run.memory
  return { run, floats: new Float32Array(buffer), integers: new Int32Array(buffer), at }
}

/**
 * Returns the bytes from one row to the next: an odd number of cache lines. With a power of two, the values of a column would
 * compete for the same lines of the cache.
 */
export const strideOf = (length: number): number => CACHE_LINE * (Math.ceil(length / 16) | 1)

function start(): KernelFunctions | null {
  try {
    const binary = Uint8Array.from(atob(KERNELS), (character) => character.charCodeAt(0))
    // So small a module may be compiled synchronously everywhere.
    return new WebAssembly.Instance(new WebAssembly.Module(binary)).exports as unknown as KernelFunctions
  } catch {
    return null
  }
}
