/// <reference types="@webgpu/types" />
import { InverseFormError } from '@inverseform/errors'

/** A WebGPU device that ONNX Runtime, the kernels around the network and the painter share. */
export class Gpu {
  /** Largest size of a tensor, in bytes. */
  readonly maxBufferBytes: number
  readonly #waiting = new Set<(reason: InverseFormError) => void>()
  /** Why the device was lost. */
  #lost: InverseFormError | undefined
  /** The first error since the last `settle`. WebGPU reports errors to the device, not to the caller. */
  #fault: InverseFormError | undefined

  readonly device: GPUDevice

  constructor(device: GPUDevice) {
    this.device = device
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits
    this.maxBufferBytes = Math.min(maxBufferSize, maxStorageBufferBindingSize)
    device.lost.then(({ message, reason }) => {
      this.#lost = deviceLost(message || reason)
      for (const reject of this.#waiting) reject(this.#lost)
    })
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault()
      this.#fault ??= deviceFault(event.error)
    })
  }

  /**
   * Creates a buffer, zeroed or filled with data.
   *
   * @param content its data, or at least how many bytes it has
   * @throws `out-of-memory` if the device does not allow a buffer of this size
   */
  createBuffer(content: number | ArrayBufferView, usage = GPUBufferUsage.STORAGE): GPUBuffer {
    this.#checkAlive()
    const bytes = typeof content === 'number' ? content : content.byteLength
    if (bytes > this.maxBufferBytes) throw bufferTooLarge(bytes, this.maxBufferBytes)
    const buffer = this.#allocate({
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

  /** Encodes commands and submits them. */
  submit(encode: (encoder: GPUCommandEncoder) => void): void {
    this.#checkAlive()
    const encoder = this.device.createCommandEncoder()
    encode(encoder)
    this.device.queue.submit([encoder.finish()])
  }

  /**
   * Copies bytes of a buffer to main memory. Nothing else reads from the GPU.
   * @param offset a multiple of 4
   */
  async read(buffer: GPUBuffer, bytes: number, offset = 0): Promise<ArrayBuffer> {
    this.#checkAlive()
    const size = Math.ceil(bytes / 4) * 4
    const staging = this.device.createBuffer({
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    })
    try {
      this.submit((encoder) => encoder.copyBufferToBuffer(buffer, offset, staging, 0, size))
      await this.settle(() => staging.mapAsync(GPUMapMode.READ))
      return staging.getMappedRange().slice(0, bytes)
    } finally {
      staging.destroy()
    }
  }

  /**
   * Waits for work on the device.
   * @throws `inference-failed` when the device is lost, which some work never reports; errors that the device reports
   */
  async settle<T>(work: () => Promise<T>): Promise<T> {
    this.#checkAlive()
    const working = work()
    const result = await new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject)
      // Work may fail before the device reports that it is lost.
      const fail = (error: unknown) => setTimeout(() => reject(this.#lost ?? error))
      working.then(resolve, fail).finally(() => this.#waiting.delete(reject))
    })
    const fault = this.#fault
    this.#fault = undefined
    if (fault) throw fault
    return result
  }

  /** Waits until all submitted work is done. */
  finish(): Promise<undefined> {
    return this.settle(() => this.device.queue.onSubmittedWorkDone())
  }

  dispose(): void {
    this.device.destroy()
  }

  #allocate(descriptor: GPUBufferDescriptor): GPUBuffer {
    try {
      return this.device.createBuffer(descriptor)
    } catch (cause) {
      // A buffer that is mapped at creation also needs main memory.
      throw cause instanceof RangeError ? outOfMemory(cause) : cause
    }
  }

  #checkAlive(): void {
    if (this.#lost) throw this.#lost
  }
}

function deviceLost(why: string): InverseFormError {
  return new InverseFormError('inference-failed', `The GPU was lost: ${why.replace(/\.+$/, '')}.`, {
    hint: 'Create another segmenter. If the error stays, use smaller images or the device wasm.',
  })
}

function deviceFault(error: GPUError): InverseFormError {
  if (error instanceof GPUOutOfMemoryError) return outOfMemory(error)
  return new InverseFormError('inference-failed', `The GPU reported an error: ${error.message}`, {
    hint: 'Use the device wasm, and report the message.',
  })
}

function outOfMemory(cause: unknown): InverseFormError {
  return new InverseFormError('out-of-memory', 'The GPU does not have enough memory.', {
    hint: 'Use a smaller `memoryBudget`, tiles, smaller scales, or a smaller model.',
    cause,
  })
}

function bufferTooLarge(bytes: number, max: number): InverseFormError {
  const mebibytes = (n: number) => `${Math.ceil(n / 2 ** 20)} MiB`
  return new InverseFormError(
    'out-of-memory',
    `The GPU allows ${mebibytes(max)} per buffer, but ${mebibytes(bytes)} are needed.`,
    { hint: 'Use a smaller image or smaller batches, or the device wasm.' },
  )
}
