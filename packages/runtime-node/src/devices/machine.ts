import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { constants, cpus, version } from 'node:os'
import { basename, join } from 'node:path'
import { hasAvx512 } from '../model-cache/processor.js'
import { driverOf, nvidiaNodes, pciGpus } from './gpus.js'

/** Facts about a machine that are known without starting a device, which takes time and prints to the terminal. */
export interface Machine {
  readonly platform: NodeJS.Platform
  readonly arch: string
  /** Whether ONNX Runtime's folder of native libraries has this file. */
  hasLibrary(name: string): boolean
  /** Whether the system's loader finds this shared library. */
  canLoad(name: string): boolean
  /** Whether the processor has AVX-512; undefined where that is unknown. */
  hasAvx512(): Promise<boolean | undefined>
  hasNvidiaGpu(): boolean
  /** Kernel drivers of the GPUs that programs may compute on. Linux only. */
  gpuDrivers(): readonly string[]
  /** File names of the Vulkan drivers that this process has loaded. Linux only. */
  vulkanDrivers(): readonly string[]
  /**
   * Identifies the drivers that this process has loaded and their GPUs, so that verdicts on them can be kept. Undefined
   * where they are unknown, as on Windows. Call it after a device has started.
   */
  driverIdentity(): string | undefined
}

const DRI = '/dev/dri'
/** The GPU in Linux on Windows (WSL). */
const DXG = '/dev/dxg'

/** @param libraries ONNX Runtime's folder of native libraries, if there is one */
export const thisMachine = (libraries?: string): Machine => ({
  platform: process.platform,
  arch: process.arch,
  hasLibrary: (name) => libraries !== undefined && existsSync(join(libraries, name)),
  canLoad(name) {
    try {
      process.dlopen({ exports: {} }, name, constants.dlopen.RTLD_LAZY)
      return true
    } catch (error) {
      // A library that is no addon of Node is loaded, then refused for that.
      return !/cannot open shared object file/.test((error as Error).message)
    }
  },
  hasAvx512,
  hasNvidiaGpu: () => nvidiaNodes().length > 0 || existsSync(DXG),
  gpuDrivers() {
    const nodes = existsSync(DRI) ? readdirSync(DRI).filter((name) => name.startsWith('renderD')) : []
    return [
      ...nodes.map((node) => driverOf(`/sys/class/drm/${node}/device`) ?? 'unknown'),
      ...(nvidiaNodes().length > 0 ? ['nvidia'] : []),
      ...(existsSync(DXG) ? ['dxgkrnl'] : []),
    ]
  },
  vulkanDrivers() {
    const names = loadedLibraries().map((path) => basename(path))
    return [...new Set(names)].filter((name) => VULKAN_DRIVER.test(name))
  },
  driverIdentity() {
    // On macOS, drivers are part of the system, and GPUs are part of the processor.
    if (process.platform === 'darwin') return `${version()} ${cpus()[0]?.model}`
    if (process.platform !== 'linux') return undefined
    const drivers = loadedLibraries().filter((path) => {
      return [VULKAN_DRIVER, CUDA_LIBRARY].some((pattern) => pattern.test(basename(path)))
    })
    if (drivers.length === 0) return undefined
    const files = [...new Set(drivers)].sort().map(describeFile)
    const gpus = pciGpus().map(({ address, pciId, driverVersion }) => [address, pciId, driverVersion])
    const choice = ['CUDA_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER'].map((name) => process.env[name] ?? null)
    return JSON.stringify([files, gpus, choice])
  },
})

/** Mesa names its drivers `libvulkan_<driver>.so`; the loader itself is `libvulkan.so`. */
const VULKAN_DRIVER = /^lib(vulkan_\w+|vk_swiftshader|GLX_nvidia|EGL_nvidia|nvidia-vulkan\w*|amdvlk\d*)\.so/
const CUDA_LIBRARY = /^lib(cuda|cudart|cudnn\w*|cublas\w*|nvinfer)\.so/

/** Returns the paths of the libraries in this process; some occur more than once. */
const loadedLibraries = () => readFileSync('/proc/self/maps', 'utf8').match(/\/\S+\.so[.\d]*$/gm) ?? []

/** Describes a file so that a new driver of the same name differs in size or time. */
function describeFile(path: string): string {
  const { size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {}
  return `${path} ${size} ${mtimeMs}`
}
