import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { nvidiaNodes, pciGpus } from '../src/devices/gpus.js'
import { temporaryFolder } from './support/checkpoint.js'

/** Writes a tree as Linux's /sys and /proc have it. A value that starts with `->` is a link. */
async function writeTree(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name)
    await mkdir(dirname(path), { recursive: true })
    if (content.startsWith('->')) await symlink(content.slice(2), path)
    else await writeFile(path, content)
  }
}

const device = (address: string, files: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(files).map(([name, content]) => [`sys/bus/pci/devices/${address}/${name}`, content]),
  )

test('reads GPUs from the PCI bus and the files of drivers', async () => {
  await using folder = await temporaryFolder()
  await writeTree(folder.path, {
    // Class codes: 0x030000 VGA, 0x030200 3D, 0x038000 other display, 0x020000 network.
    ...device('0000:41:00.0', {
      class: '0x030200\n',
      vendor: '0x10de\n',
      device: '0x2331\n',
      driver: '->../../drivers/nvidia',
    }),
    ...device('0000:03:00.0', {
      class: '0x030000\n',
      vendor: '0x1002\n',
      device: '0x744c\n',
      driver: '->../../drivers/amdgpu',
      mem_info_vram_total: '25753026560\n',
    }),
    ...device('0000:04:00.0', { class: '0x038000\n', vendor: '0x8086\n', device: '0x56a0\n' }),
    ...device('0000:05:00.0', { class: '0x020000\n', vendor: '0x15b3\n', device: '0x1017\n' }),
    'proc/driver/nvidia/version':
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version:  gcc version 12.2.0\n',
    'proc/driver/nvidia/gpus/0000:41:00.0/information':
      'Model: \t\t NVIDIA H100 PCIe\nIRQ:   \t\t 131\nGPU UUID: \t GPU-0\n',
  })
  expect(pciGpus(folder.path)).toEqual([
    { address: '0000:03:00.0', pciId: '1002:744c', driver: 'amdgpu', memory: 25753026560 },
    { address: '0000:04:00.0', pciId: '8086:56a0' },
    {
      address: '0000:41:00.0',
      pciId: '10de:2331',
      name: 'NVIDIA H100 PCIe',
      driver: 'nvidia',
      driverVersion: '550.54.15',
    },
  ])
})

test('reads the version of the open kernel module', async () => {
  await using folder = await temporaryFolder()
  await writeTree(folder.path, {
    ...device('0000:01:00.0', {
      class: '0x030000',
      vendor: '0x10de',
      device: '0x2684',
      driver: '->../../drivers/nvidia',
    }),
    'proc/driver/nvidia/version':
      'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release Build  (dvs-builder)  Tue Jan 21\n',
  })
  expect(pciGpus(folder.path)).toMatchObject([{ driver: 'nvidia', driverVersion: '570.86.10' }])
})

test('finds one GPU in a container that has the fourth of several', async () => {
  await using folder = await temporaryFolder()
  await writeTree(folder.path, { 'dev/nvidia3': '', 'dev/nvidiactl': '', 'dev/nvidia-uvm': '' })
  expect(nvidiaNodes(folder.path)).toEqual(['nvidia3'])
})

test('finds none without a PCI bus', async () => {
  await using folder = await temporaryFolder()
  expect(pciGpus(folder.path)).toEqual([])
  expect(nvidiaNodes(folder.path)).toEqual([])
})
