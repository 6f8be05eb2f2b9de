/// <reference types="@webgpu/types" />
import type { Blender } from '@inverseform/runtime'
import { product } from '@inverseform/shared'
import type { Gpu } from './gpu.js'
import type { Kernel } from './kernel.js'
import type { addTile, divideByWeights } from './kernels/blend-tiles.js'
import type { GpuTensor } from './tensor.js'

export interface BlendKernels {
  readonly addTile: Kernel<(typeof addTile.uniforms)[number]>
  readonly divideByWeights: Kernel<(typeof divideByWeights.uniforms)[number]>
}

/**
 * Returns a blender for maps in the GPU's memory.
 * @param shape [N,C,height,width] of the whole map
 */
export function gpuBlender(gpu: Gpu, kernels: BlendKernels, shape: readonly number[]): Blender<GpuTensor> {
  const [, , height, width] = shape
  const sums = gpu.createBuffer(4 * product(shape))
  const weights = gpu.createBuffer(4 * height * width)
  return {
    add({ buffer, shape: tile }, x, y) {
      const [, , tileHeight, tileWidth] = tile
      kernels.addTile({
        count: product(tile),
        uniforms: { x, y, tileWidth, tileHeight, width, height },
        buffers: [buffer, sums, weights],
      })
    },
    finish() {
      kernels.divideByWeights({
        count: product(shape),
        uniforms: { plane: height * width },
        buffers: [sums, weights],
      })
      weights.destroy()
      return { buffer: sums, shape, free: () => sums.destroy() }
    },
  }
}
