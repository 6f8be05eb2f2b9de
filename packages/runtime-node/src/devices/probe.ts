import { notUsable } from '@inverseform/runtime'
import type { Device } from './devices.js'
import type { Machine } from './machine.js'

/** The execution providers that ONNX Runtime is built with, from `listSupportedBackends()`, and `wasm`. */
export type Providers = readonly string[]

/** The platforms whose build has a device. */
const platforms: Readonly<Record<Device, string>> = {
  cpu: 'every platform',
  webgpu: 'Linux, Windows and macOS on Apple silicon',
  cuda: 'Linux on x64',
  tensorrt: 'Linux on x64',
  dml: 'Windows',
  coreml: 'macOS on Apple silicon',
  wasm: 'every platform',
}

const VULKAN_LOADER = 'libvulkan.so.1'

/** How to make a device usable. */
export const remedies: Readonly<Record<Device, string>> = {
  cpu: 'Install @inverseform/runtime-node again.',
  webgpu:
    'On Linux it needs the Vulkan loader (libvulkan.so.1; Debian: libvulkan1) and the driver of the GPU; `vulkaninfo --summary` lists what Vulkan finds.',
  cuda: 'Install onnxruntime-node beside this package (`npm install onnxruntime-node`; docs/install.md): its install step downloads the provider from NuGet. If that was skipped, run it with ONNXRUNTIME_NODE_INSTALL=cuda12 (`npm rebuild onnxruntime-node`). CUDA 12 and cuDNN 9 must be installed and in LD_LIBRARY_PATH, and the driver of the GPU must be loaded.',
  tensorrt:
    'It needs what CUDA needs (onnxruntime-node with the provider, where ONNXRUNTIME_NODE_INSTALL=cuda12 adds it; CUDA 12 and cuDNN 9) and TensorRT 10 in LD_LIBRARY_PATH.',
  dml: 'It needs Windows 10 (1903) or later and a GPU with DirectX 12.',
  coreml: 'It needs macOS on Apple silicon.',
  wasm: 'Install @inverseform/runtime-node again.',
}

/**
 * Checks cheaply that a device may exist, without starting it.
 * @throws `runtime-unavailable`
 */
export function checkInstalled(device: Device, providers: Providers, machine: Machine): void {
  if (!providers.includes(device)) {
    const place = `${machine.platform}-${machine.arch}`
    throw notUsable(
      { outcome: 'unavailable', reason: `ONNX Runtime for ${place} is built without ${device}.` },
      { hint: `It has ${device} on ${platforms[device]}. \`auto\` uses the best device that works.` },
    )
  }
  // Without the loader, ONNX Runtime would print a warning of its own.
  if (device === 'webgpu' && machine.platform === 'linux' && !machine.canLoad(VULKAN_LOADER)) {
    throw notUsable(
      { outcome: 'unavailable', reason: `The Vulkan loader, ${VULKAN_LOADER}, is not installed.` },
      { hint: remedies.webgpu },
    )
  }
  if (device !== 'cuda' && device !== 'tensorrt') return
  const library = `libonnxruntime_providers_${device}.so`
  if (machine.platform === 'linux' && !machine.hasLibrary(library)) {
    throw notUsable(
      { outcome: 'unavailable', reason: `${library} is not installed with ONNX Runtime.` },
      { hint: remedies[device] },
    )
  }
  if (machine.platform === 'linux' && !machine.hasNvidiaGpu()) {
    throw notUsable(
      {
        outcome: 'unavailable',
        reason: 'The machine has no NVIDIA GPU: /dev/nvidia<number> does not exist.',
      },
      { hint: 'Load the driver of the GPU. Start a container with it (`docker run --gpus all`).' },
    )
  }
}

/** Kernel drivers of virtual displays and of tests, where nothing computes faster than the CPU. */
const virtualDrivers = ['vgem', 'vkms', 'virtio_gpu', 'virtio-pci', 'bochs-drm', 'qxl', 'vmwgfx', 'simpledrm']

/**
 * Checks that a machine has a GPU before `auto` starts WebGPU. On Linux, Vulkan has drivers that run on the CPU, far more
 * slowly than ONNX Runtime. Without a GPU WebGPU finds only these, and the search takes time.
 * @throws `runtime-unavailable`
 */
export function checkGpu(device: Device, machine: Machine): void {
  if (device !== 'webgpu' || machine.platform !== 'linux') return
  const drivers = machine.gpuDrivers()
  if (drivers.some((driver) => !virtualDrivers.includes(driver))) return
  const found =
    drivers.length > 0 ? `only ${drivers.join(', ')}` : 'no /dev/dri/renderD*, no /dev/nvidia<number>'
  throw notUsable(
    { outcome: 'unavailable', reason: `The machine has no GPU to compute on: ${found}.` },
    { hint: "Load the GPU's driver, or set `device` to `webgpu` to use it anyway." },
  )
}

const softwareDrivers = /^lib(vulkan_lvp|vk_swiftshader)\.so/

/** Returns the drivers behind WebGPU, once it has started, if all of them run in software. */
export function softwareDriver(device: Device, machine: Machine): string | undefined {
  if (device !== 'webgpu' || machine.platform !== 'linux') return undefined
  const drivers = machine.vulkanDrivers()
  return drivers.length > 0 && drivers.every((name) => softwareDrivers.test(name))
    ? drivers.join(', ')
    : undefined
}
