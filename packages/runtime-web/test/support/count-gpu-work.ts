/// <reference types="@webgpu/types" />
/** Counts this page's WebGPU calls. Import it before the first call. */

export const gpuWork = {
  /** Number of kernels run. */
  dispatches: 0,
  /** Bytes copied to main memory. */
  bytesRead: 0,
  /** Buffers that were created and not destroyed. */
  buffers: new Set<GPUBuffer>(),
}

if ('GPUDevice' in globalThis) {
  const { dispatchWorkgroups } = GPUComputePassEncoder.prototype
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...counts) {
    gpuWork.dispatches++
    return dispatchWorkgroups.apply(this, counts)
  }
  const { mapAsync, destroy } = GPUBuffer.prototype
  GPUBuffer.prototype.mapAsync = function (...of) {
    if (of[0] === GPUMapMode.READ) gpuWork.bytesRead += of[2] ?? this.size - (of[1] ?? 0)
    return mapAsync.apply(this, of)
  }
  GPUBuffer.prototype.destroy = function () {
    gpuWork.buffers.delete(this)
    return destroy.apply(this)
  }
  const { createBuffer } = GPUDevice.prototype
  GPUDevice.prototype.createBuffer = function (...of) {
    const buffer = createBuffer.apply(this, of)
    gpuWork.buffers.add(buffer)
    return buffer
  }
}
