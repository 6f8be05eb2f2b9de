import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'

/** What can be known of this machine without starting a device, which costs time and prints to the terminal. */
export interface Machine {
  readonly platform: NodeJS.Platform
  readonly arch: string
  /** Whether onnxruntime-node's folder of native libraries has this file. */
  hasLibrary(name: string): boolean
  hasNvidiaGpu(): boolean
  /** Kernel drivers of the GPUs that programs may compute on. Linux only. */
  gpuDrivers(): readonly string[]
  /** File names of the Vulkan drivers that this process has loaded. Linux only. */
  vulkanDrivers(): readonly string[]
}

const DRI = '/dev/dri'

export const thisMachine: Machine = {
  platform: process.platform,
  arch: process.arch,
  hasLibrary(name) {
    const main = dirname(createRequire(import.meta.url).resolve('onnxruntime-node'))
    return existsSync(join(main, '../bin/napi-v6', process.platform, process.arch, name))
  },
  // `/dev/dxg` is how Linux on Windows (WSL) sees the GPU.
  hasNvidiaGpu: () => ['/dev/nvidia0', '/dev/dxg'].some(existsSync),
  gpuDrivers() {
    const nodes = existsSync(DRI) ? readdirSync(DRI).filter((name) => name.startsWith('renderD')) : []
    const others = { nvidia: '/dev/nvidia0', dxgkrnl: '/dev/dxg' }
    return [
      ...nodes.map(driverOf),
      ...Object.entries(others).flatMap(([driver, path]) => (existsSync(path) ? [driver] : [])),
    ]
  },
  vulkanDrivers() {
    const paths = readFileSync('/proc/self/maps', 'utf8').match(/\/\S+\.so[.\d]*$/gm) ?? []
    const names = paths.map((path) => basename(path))
    return [...new Set(names)].filter((name) => VULKAN_DRIVER.test(name))
  },
}

/** Mesa's are named `libvulkan_<driver>.so`; the loader itself is `libvulkan.so`. */
const VULKAN_DRIVER = /^lib(vulkan_\w+|vk_swiftshader|GLX_nvidia|EGL_nvidia|nvidia-vulkan\w*|amdvlk\d*)\.so/

function driverOf(node: string): string {
  try {
    return basename(readlinkSync(`/sys/class/drm/${node}/device/driver`))
  } catch {
    return 'unknown'
  }
}
