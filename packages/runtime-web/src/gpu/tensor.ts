/// <reference types="@webgpu/types" />

/** A float32 tensor in C order in a GPU's memory. */
export interface GpuTensor {
  /** At least as large as the tensor, which starts at offset 0. */
  readonly buffer: GPUBuffer
  readonly shape: readonly number[]
  /** Returns the memory to its owner. */
  free(): void
}
