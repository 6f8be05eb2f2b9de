/// <reference types="@webgpu/types" />

/** A float32 tensor in C order in a GPU's memory. */
export interface GpuTensor {
  /** At least as large as the tensor, which begins at its start. */
  readonly buffer: GPUBuffer
  readonly shape: readonly number[]
  /** Gives the memory back to whoever made it. */
  free(): void
}

export const elementsOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)
