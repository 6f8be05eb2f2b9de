/// <reference types="@webgpu/types" />
import { InverseFormError } from '@inverseform/errors'

/** One WebGPU device, which ONNX Runtime, the kernels around the network and the painting of pictures share. */
export class Gpu {
  /** Bytes that one tensor may take. */
  readonly maxBufferBytes: number
  private readonly waiting = new Set<(reason: InverseFormError) => void>()
  /** Why the device computes no more. */
  private lost: InverseFormError | undefined
  /** What went wrong on the device since it was last asked; WebGPU reports that to no caller. */
  private fault: InverseFormError | undefined

  constructor(readonly device: GPUDevice) {
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits
    this.maxBufferBytes = Math.min(maxBufferSize, maxStorageBufferBindingSize)
    device.lost.then(({ message, reason }) => {
      this.lost = deviceLost(message || reason)
      for (const reject of this.waiting) reject(this.lost)
    })
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault()
      this.fault ??= deviceFault(event.error)
    })
  }

  /**
   * A buffer of at least so many bytes, zero or filled with data.
   * @throws `out-of-memory` where the device allows none so large
   */
  createBuffer(content: number | ArrayBufferView, usage = GPUBufferUsage.STORAGE): GPUBuffer {
    this.requireAlive()
    const bytes = typeof content === 'number' ? content : content.byteLength
    if (bytes > this.maxBufferBytes) throw bufferTooLarge(bytes, this.maxBufferBytes)
    const buffer = this.allocate({
      size: Math.max(4, Math.ceil(bytes / 4) * 4),
      usage: usage | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      mappedAtCreation: typeof content !== 'number',
    })
    if (typeof content !== 'number') {
      const { buffer: memory, byteOffset, byteLength } = content
      new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(memory, byteOffset, byteLength))
      buffer.unmap()
    }
    return buffer
  }

  /** Submits commands. */
  submit(encode: (encoder: GPUCommandEncoder) => void): void {
    this.requireAlive()
    const encoder = this.device.createCommandEncoder()
    encode(encoder)
    this.device.queue.submit([encoder.finish()])
  }

  /** Copies a buffer's first bytes to main memory: the one way by which anything gets there. */
  async read(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    this.requireAlive()
    const size = Math.ceil(bytes / 4) * 4
    const staging = this.device.createBuffer({
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    })
    try {
      this.submit((encoder) => encoder.copyBufferToBuffer(buffer, 0, staging, 0, size))
      await this.settle(() => staging.mapAsync(GPUMapMode.READ))
      return staging.getMappedRange().slice(0, bytes)
    } finally {
      staging.destroy()
    }
  }

  /**
   * Waits for work on the device.
   * @throws `inference-failed` when the device is lost, which some work never says; what the device itself reports
   */
  async settle<T>(work: () => Promise<T>): Promise<T> {
    this.requireAlive()
    const working = work()
    const result = await new Promise<T>((resolve, reject) => {
      this.waiting.add(reject)
      // Work that failed because the device was lost may say so before the device does.
      const fail = (error: unknown) => setTimeout(() => reject(this.lost ?? error))
      working.then(resolve, fail).finally(() => this.waiting.delete(reject))
    })
    const { fault } = this
    this.fault = undefined
    if (fault) throw fault
    return result
  }

  /** Waits until all that was submitted is done. */
  finish(): Promise<undefined> {
    return this.settle(() => this.device.queue.onSubmittedWorkDone())
  }

  dispose(): void {
    this.device.destroy()
  }

  private allocate(descriptor: GPUBufferDescriptor): GPUBuffer {
    try {
      return this.device.createBuffer(descriptor)
    } catch (cause) {
      // What is to be mapped at once needs main memory too.
      throw cause instanceof RangeError ? outOfMemory(cause) : cause
    }
  }

  private requireAlive(): void {
    if (this.lost) throw this.lost
  }
}

function deviceLost(why: string): InverseFormError {
  return new InverseFormError('inference-failed', `The GPU was lost: ${why.replace(/\.+$/, '')}.`, {
    hint: 'Create another segmenter. If it happens again, use smaller images or the device wasm.',
  })
}

function deviceFault(error: GPUError): InverseFormError {
  if (error instanceof GPUOutOfMemoryError) return outOfMemory(error)
  return new InverseFormError('inference-failed', `The GPU reported an error: ${error.message}`, {
    hint: 'Use the device wasm, and report the message.',
  })
}

function outOfMemory(cause: unknown): InverseFormError {
  return new InverseFormError('out-of-memory', 'The GPU had not enough memory.', {
    hint: 'Use a smaller memoryBudget, tiles, smaller scales, or a smaller model.',
    cause,
  })
}

function bufferTooLarge(bytes: number, most: number): InverseFormError {
  const mebibytes = (n: number) => `${Math.ceil(n / 2 ** 20)} MiB`
  return new InverseFormError(
    'out-of-memory',
    `A buffer of ${mebibytes(bytes)} is needed; this GPU allows ${mebibytes(most)}.`,
    { hint: 'Use a smaller image or smaller batches, or the device wasm.' },
  )
}
