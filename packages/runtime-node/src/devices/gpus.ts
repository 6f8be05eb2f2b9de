import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'

/** A GPU that Linux's kernel reports. */
export interface Gpu {
  /** Address on the PCI bus, such as `0000:01:00.0`. */
  readonly address: string
  /** Vendor and device, such as `10de:2331`. */
  readonly pciId: string
  /** The name that NVIDIA's driver reports. */
  readonly name?: string
  /** Kernel driver; undefined if none is loaded for the GPU. */
  readonly driver?: string
  /** Version of NVIDIA's driver; other drivers are part of the kernel. */
  readonly driverVersion?: string
  /** Bytes of its own memory, which AMD's driver reports. */
  readonly memory?: number
}

/** PCI's class of display controllers. */
const DISPLAY = '0x03'

/**
 * Returns the GPUs on the PCI bus by reading a few small files; none on systems other than Linux or without that bus.
 * @param root folder of the system's files
 */
export function pciGpus(root = '/'): readonly Gpu[] {
  const devices = join(root, 'sys/bus/pci/devices')
  const nvidia = join(root, 'proc/driver/nvidia')
  const addresses = existsSync(devices) ? readdirSync(devices).sort() : []
  return addresses.flatMap((address) => {
    const file = (name: string) => read(join(devices, address, name))
    if (!file('class')?.startsWith(DISPLAY)) return []
    const driver = driverOf(join(devices, address))
    const isNvidia = driver === 'nvidia'
    const information = isNvidia ? read(join(nvidia, 'gpus', address, 'information')) : undefined
    const memory = Number(file('mem_info_vram_total'))
    return {
      address,
      pciId: [file('vendor'), file('device')].map((id) => id?.replace('0x', '')).join(':'),
      name: information?.match(/^Model:\s*(.+)$/m)?.[1],
      driver,
      driverVersion: isNvidia ? read(join(nvidia, 'version'))?.match(/\s(\d+\.\d+[.\d]*)\s/)?.[1] : undefined,
      ...(memory > 0 && { memory }),
    }
  })
}

/** Returns the device files of NVIDIA's GPUs. A container has only its own, with their numbers on the host. */
export function nvidiaNodes(root = '/'): readonly string[] {
  const folder = join(root, 'dev')
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^nvidia\d+$/.test(name)) : []
}

/** Returns the kernel driver of a device. */
export function driverOf(device: string): string | undefined {
  try {
    return basename(readlinkSync(join(device, 'driver')))
  } catch {
    return undefined
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
