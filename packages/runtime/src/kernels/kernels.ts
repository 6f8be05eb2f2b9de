import { KERNELS } from './binary.js'

/** The functions of `assembly/kernels.ts`; pointers and sizes are bytes. */
interface KernelFunctions {
  readonly memory: WebAssembly.Memory
  heapStart(): number
  interpolate(first: number, second: number, out: number, bytes: number, rest: number, weight: number): void
  stretch(
    row: number,
    stride: number,
    out: number,
    outStride: number,
    channels: number,
    spans: number,
    spansEnd: number,
    rests: number,
    weights: number,
  ): void
  gate(gates: number, values: number, out: number, stride: number, channels: number, bytes: number): void
  blend(
    gated: number,
    gates: number,
    rest: number,
    out: number,
    stride: number,
    channels: number,
    bytes: number,
  ): void
  addShare(row: number, sum: number, bytes: number, count: number): void
  reverse(row: number, width: number): void
  finite(row: number, stride: number, channels: number, width: number): number
  argmax(row: number, stride: number, channels: number, width: number, labels: number): void
  confidence(row: number, stride: number, channels: number, width: number, out: number): void
  sigmoid(row: number, bytes: number): void
  fillAgreeing(
    top: number,
    bottom: number,
    spans: number,
    spansEnd: number,
    labels: number,
    mixed: number,
  ): number
  labelSpans(
    top: number,
    bottom: number,
    stride: number,
    channels: number,
    spans: number,
    spansEnd: number,
    rests: number,
    weights: number,
    rows: number,
    labels: number,
    labelStride: number,
  ): void
  normalize(
    pixels: number,
    width: number,
    tables: number,
    out: number,
    stride: number,
    mirrored: boolean,
  ): void
}

const PAGE = 2 ** 16
/** A memory above this is given up after its job, since it cannot shrink. */
const KEPT_BYTES = 2 ** 26
/** Bytes of one row of all channels up to which kernels are used; a job has about twenty rows. */
const LARGEST_ROW = 2 ** 24

/** WebAssembly kernels with their memory, from which one job at a time allocates. */
export class Kernels {
  readonly run: KernelFunctions
  #end: number
  #bytes: Uint8Array
  #floats: Float32Array
  #integers: Uint32Array

  /** @throws if the platform has no SIMD, or a policy forbids WebAssembly */
  constructor() {
    const binary = Uint8Array.from(atob(KERNELS), (character) => character.charCodeAt(0))
    this.run = new WebAssembly.Instance(new WebAssembly.Module(binary)).exports as unknown as KernelFunctions
    this.#end = this.run.heapStart()
    const { buffer } = this.run.memory
    this.#bytes = new Uint8Array(buffer)
    this.#floats = new Float32Array(buffer)
    this.#integers = new Uint32Array(buffer)
  }

  /** All of the memory; valid until the next allocation. */
  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** All of the memory as floats; valid until the next allocation. */
  get floats(): Float32Array {
    return this.#floats
  }

  /**
   * Allocates bytes for the current job, aligned to a cache line. Their content is undefined. Kernels may read and write
   * up to 16 bytes beyond the end.
   */
  allocate(bytes: number): number {
    const at = Math.ceil(this.#end / 64) * 64
    this.#end = at + bytes + 16
    const missing = this.#end - this.#bytes.length
    if (missing > 0) {
      this.run.memory.grow(Math.ceil(missing / PAGE))
      const { buffer } = this.run.memory
      this.#bytes = new Uint8Array(buffer)
      this.#floats = new Float32Array(buffer)
      this.#integers = new Uint32Array(buffer)
    }
    return at
  }

  /** Allocates a copy of 32-bit numbers. */
  copy(values: Float32Array | Uint32Array): number {
    const at = this.allocate(values.byteLength)
    if (values instanceof Float32Array) this.#floats.set(values, at / 4)
    else this.#integers.set(values, at / 4)
    return at
  }

  /** Frees all memory of the job. Returns whether the instance should be kept. */
  reset(): boolean {
    this.#end = this.run.heapStart()
    return this.#bytes.length <= KEPT_BYTES
  }
}

/** Undefined before the first job, null where kernels cannot run. */
let kernels: Kernels | null | undefined

/**
 * Runs a job with kernels, or its form in TypeScript: where WebAssembly with SIMD is missing or forbidden, and for rows that
 * are too long. Both compute the same.
 *
 * @param rowBytes of the longest row of all channels
 */
export function withKernels<T>(rowBytes: number, job: (kernels: Kernels) => T, inTypeScript: () => T): T {
  if (rowBytes > LARGEST_ROW) return inTypeScript()
  if (kernels === undefined) kernels = startKernels()
  if (!kernels) return inTypeScript()
  try {
    return job(kernels)
  } finally {
    if (!kernels.reset()) kernels = undefined
  }
}

function startKernels(): Kernels | null {
  try {
    return new Kernels()
  } catch {
    return null
  }
}
