import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { bytes } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { CheckpointFile } from '../../src/checkpoint/file.js'
import { defaultLimits } from '../../src/checkpoint/limits.js'
import { writeTorchCheckpoint } from '../../src/checkpoint/torch/write.js'
import { localHeader, zipDirectory } from '../../src/checkpoint/torch/write-zip.js'
import type { Checkpoint, TensorData } from '../../src/checkpoint/types.js'
import { openZip } from '../../src/checkpoint/zip/archive.js'
import { errorOf, fixture, openBytes } from './support.js'

/** Written by make.py beside it. */
const byTorch = new Uint8Array(
  readFileSync(fileURLToPath(new URL('../fixtures/written/torch-1.13.pth', import.meta.url))),
)
const writable = (name: string, tensor: TensorData) => ({ name, ...tensor, read: async () => tensor })

async function write(
  ...[tensors, metadata]: [
    Parameters<typeof writeTorchCheckpoint>[0],
    Parameters<typeof writeTorchCheckpoint>[2]?,
  ]
) {
  const parts: Uint8Array[] = []
  await writeTorchCheckpoint(tensors, { write: async (part) => void parts.push(part.slice()) }, metadata)
  return bytes(...parts)
}

/** The entries of an archive by its local headers and its directory, read without the project's zip reader. */
function entriesOf(file: Uint8Array) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const end = file.length - 22
  expect(view.getUint32(end, true)).toBe(0x06054b50)
  const entries = new Map<string, Uint8Array>()
  let at = view.getUint32(end + 16, true)
  for (let i = 0; i < view.getUint16(end + 10, true); i++) {
    const [crc, size, nameSize, offset] = [at + 16, at + 24, at + 28, at + 42].map((field) =>
      field === at + 28 ? view.getUint16(field, true) : view.getUint32(field, true),
    )
    const name = new TextDecoder().decode(file.subarray(at + 46, at + 46 + nameSize))
    const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true)
    expect(start % 64, name).toBe(0)
    const data = file.subarray(start, start + size)
    expect(crc32(data), name).toBe(crc)
    entries.set(name, data)
    at += 46 + nameSize + view.getUint16(at + 30, true)
  }
  return entries
}

const scalars = {
  step: 100000,
  epoch: 3,
  classes: 300,
  many: 5000000000,
  low: -70000,
  rate: 0.01,
  note: 'né ✓',
  done: true,
  best: null,
  none: false,
  lost: Number.NaN,
}

test('a file has the entries of PyTorch, byte by byte', async () => {
  const { tensors } = await openBytes(byTorch)
  const ours = entriesOf(await write(tensors.values(), scalars))
  const theirs = entriesOf(byTorch)
  expect([...theirs.keys()].every((name) => ours.has(name))).toBe(true)
  expect([...ours.keys()].filter((name) => !theirs.has(name))).toEqual(['archive/byteorder'])
  for (const [name, data] of theirs) expect(ours.get(name), name).toEqual(data)
})

test.each(['checkpoint.zip.pth', 'views.legacy.pth'])('%s survives a round trip', async (name) => {
  const original = await openBytes(fixture(name))
  const sameTensors = async (copy: Checkpoint) => {
    expect([...copy.tensors.keys()]).toEqual([...original.tensors.keys()])
    for (const [key, tensor] of original.tensors) {
      expect(await copy.tensors.get(key)!.read(), key).toEqual(await tensor.read())
    }
  }
  const file = await write(original.tensors.values(), { epoch: 173, name: 'résumé ✓' })
  const copy = await openBytes(file)
  expect(copy.format).toBe('pth-zip')
  expect(copy.metadata).toEqual({ epoch: 173, name: 'résumé ✓' })
  expect((await copy.verify()).checksums).toBe(original.tensors.size + 3)
  await sameTensors(copy)
  expect(await write(copy.tensors.values(), { epoch: 173, name: 'résumé ✓' })).toEqual(file)
  // Without metadata, the state dict is the file's value.
  const bare = await openBytes(await write(original.tensors.values()))
  expect(bare.metadata).toEqual({})
  await sameTensors(bare)
})

test('a state dict may have more tensors than a byte counts', async () => {
  const many = Array.from({ length: 3000 }, (_, i) =>
    writable(`layer.${i}`, { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(i)) }),
  )
  const { tensors } = await openBytes(await write(many))
  expect(tensors.size).toBe(3000)
  expect((await tensors.get('layer.2999')!.read()).data).toEqual(BigInt64Array.of(2999n))
})

test('one tensor at a time is read', async () => {
  let held = 0
  const tensors = ['a', 'b', 'c'].map((name) => ({
    name,
    dtype: 'float32' as const,
    shape: [2],
    read: async () => {
      expect(held++).toBe(0)
      return { dtype: 'float32' as const, shape: [2], data: Float32Array.of(1, 2) }
    },
  }))
  await writeTorchCheckpoint(tensors, { write: async ({ byteLength }) => void (byteLength === 8 && held--) })
})

test('sizes and offsets beyond 4 GiB are written in 64 bits', async () => {
  const records = [
    { name: 'archive/data/0', size: 5 * 2 ** 30, crc: 7, offset: 0 },
    { name: 'archive/data/1', size: 12, crc: 8, offset: 5 * 2 ** 30 + 64 },
    { name: 'archive/data/2', size: 2 ** 32 - 1, crc: 9, offset: 5 * 2 ** 30 + 256 },
  ]
  const start = 10 * 2 ** 30
  const directory = zipDirectory(records, start)
  // The archive's bytes as far as the reader looks at them.
  const parts: [number, Uint8Array][] = [
    ...records.map((record): [number, Uint8Array] => [record.offset, localHeader(record)]),
    [start, directory],
  ]
  const file = new CheckpointFile(
    {
      name: 'large.pth',
      size: start + directory.length,
      read: async (from, to) => {
        const result = new Uint8Array(to - from)
        for (const [at, part] of parts) {
          const shown = part.subarray(Math.max(0, from - at), Math.max(0, to - at))
          result.set(shown, Math.max(0, at - from))
        }
        return result
      },
    },
    defaultLimits,
  )
  const entries = [...(await openZip(file)).values()]
  expect(entries.map(({ name, byteLength, crc }) => ({ name, size: byteLength, crc }))).toEqual(
    records.map(({ name, size, crc }) => ({ name, size, crc })),
  )
  for (const record of records) expect((record.offset + localHeader(record).length) % 64).toBe(0)
})

describe('writing refuses', () => {
  const data: TensorData = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) }
  test('names used twice, and metadata in the place of the tensors', async () => {
    expect((await errorOf(write([writable('a', data), writable('a', data)]))).code).toBe('invalid-argument')
    expect((await errorOf(write([writable('a', data)], { state_dict: 1 }))).message).toMatch(/state_dict/)
  })
  test('tensors that read as other than they say', async () => {
    const other = { ...data, data: Float32Array.of(1) }
    expect((await errorOf(write([{ ...writable('a', data), read: async () => other }]))).code).toBe(
      'size-mismatch',
    )
  })
})
