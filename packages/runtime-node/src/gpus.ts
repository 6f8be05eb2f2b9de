import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'

/** A GPU as Linux's kernel knows it. */
export interface Gpu {
  /** On the PCI bus, e.g. `0000:01:00.0`. */
  readonly address: string
  /** Vendor and device, e.g. `10de:2331`. */
  readonly pciId: string
  /** As NVIDIA's driver calls it. */
  readonly name?: string
  /** Kernel driver; not there when none has taken the GPU. */
  readonly driver?: string
  /** Version of NVIDIA's driver; others come with the kernel. */
  readonly driverVersion?: string
  /** Bytes of memory of its own, as AMD's driver tells. */
  readonly memory?: number
}

/** PCI's class of display controllers. */
const DISPLAY = '0x03'

/**
 * The GPUs on the PCI bus, by reading a few small files. Linux only: elsewhere, and on boards with no such bus, none.
 * @param root where the system's files are
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

/** The device files of NVIDIA's GPUs; a container has only those it was given, by their numbers on the host. */
export function nvidiaNodes(root = '/'): readonly string[] {
  const folder = join(root, 'dev')
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^nvidia\d+$/.test(name)) : []
}

/** The kernel driver that has taken a device. */
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
