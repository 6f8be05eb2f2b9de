import { notUsable } from '@inverseform/runtime'
import type { Device } from './devices.js'
import type { Machine } from './machine.js'

/** What onnxruntime-node is built with, of `listSupportedBackends()`. */
export type Providers = readonly string[]

/** Which of them has what, so that a machine that lacks it can be told where it is. */
const homes: Readonly<Record<Device, string>> = {
  cpu: 'every platform',
  webgpu: 'Linux, Windows and macOS on Apple silicon',
  cuda: 'Linux on x64',
  tensorrt: 'Linux on x64',
  dml: 'Windows',
  coreml: 'macOS on Apple silicon',
}

/** How a device that is not usable is made so. */
export const remedies: Readonly<Record<Device, string>> = {
  cpu: 'Install onnxruntime-node again.',
  webgpu:
    'On Linux it needs the Vulkan loader (libvulkan.so.1; Debian: libvulkan1) and the driver of the GPU; `vulkaninfo --summary` lists what Vulkan finds.',
  cuda: "Run onnxruntime-node's install step with ONNXRUNTIME_NODE_INSTALL=cuda12 (`npm rebuild onnxruntime-node`, or `pnpm rebuild` where it is in onlyBuiltDependencies); it downloads the provider from NuGet. CUDA 12 and cuDNN 9 must be installed and in LD_LIBRARY_PATH, and the driver of the GPU must be there.",
  tensorrt:
    "It needs all that CUDA needs (ONNXRUNTIME_NODE_INSTALL=cuda12 for onnxruntime-node's install step, CUDA 12 and cuDNN 9) and TensorRT 10 in LD_LIBRARY_PATH.",
  dml: 'It needs Windows 10 (1903) or later and a GPU with DirectX 12.',
  coreml: 'It needs macOS on Apple silicon.',
}

/**
 * Finds out, at next to no cost, that a device cannot be there.
 * @throws `runtime-unavailable`
 */
export function probe(device: Device, providers: Providers, machine: Machine): void {
  if (!providers.includes(device)) {
    const place = `${machine.platform}-${machine.arch}`
    throw notUsable(
      { outcome: 'unavailable', reason: `onnxruntime-node for ${place} is built without ${device}.` },
      {
        hint: `It has ${device} on ${homes[device]}; \`auto\` takes the best device that is there.`,
      },
    )
  }
  if (device !== 'cuda' && device !== 'tensorrt') return
  const library = `libonnxruntime_providers_${device}.so`
  if (machine.platform === 'linux' && !machine.hasLibrary(library)) {
    throw notUsable(
      { outcome: 'unavailable', reason: `${library} is not installed beside onnxruntime-node.` },
      {
        hint: remedies[device],
      },
    )
  }
  if (machine.platform === 'linux' && !machine.hasNvidiaGpu()) {
    throw notUsable(
      { outcome: 'unavailable', reason: 'There is no NVIDIA GPU: no /dev/nvidia<number> is there.' },
      {
        hint: 'Load the driver of the GPU; a container must be started with it (`docker run --gpus all`).',
      },
    )
  }
}

/** Kernel drivers of virtual machines' displays and of tests: nothing there computes faster than the CPU. */
const virtualDrivers = ['vgem', 'vkms', 'virtio_gpu', 'virtio-pci', 'bochs-drm', 'qxl', 'vmwgfx', 'simpledrm']

/**
 * Keeps `auto` from a GPU that is none. On Linux Vulkan has drivers that run on the CPU, far slower than ONNX Runtime
 * does; where no GPU is, they are all that WebGPU finds, and looking for more takes time.
 * @throws `runtime-unavailable`
 */
export function requireGpu(device: Device, machine: Machine): void {
  if (device !== 'webgpu' || machine.platform !== 'linux') return
  const drivers = machine.gpuDrivers()
  if (drivers.some((driver) => !virtualDrivers.includes(driver))) return
  const found =
    drivers.length > 0 ? `only ${drivers.join(', ')}` : 'no /dev/dri/renderD*, no /dev/nvidia<number>'
  throw notUsable(
    { outcome: 'unavailable', reason: `There is no GPU to compute on: ${found}.` },
    {
      hint: "Load the GPU's driver, or name the device to use WebGPU all the same.",
    },
  )
}

const softwareDrivers = /^lib(vulkan_lvp|vk_swiftshader)\.so/

/** The software drivers behind WebGPU, once it has started, where there are no others. */
export function softwareDriver(device: Device, machine: Machine): string | undefined {
  if (device !== 'webgpu' || machine.platform !== 'linux') return undefined
  const drivers = machine.vulkanDrivers()
  return drivers.length > 0 && drivers.every((name) => softwareDrivers.test(name))
    ? drivers.join(', ')
    : undefined
}
