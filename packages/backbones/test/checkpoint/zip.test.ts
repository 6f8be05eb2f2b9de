import { crc32 } from '@inverseform/shared'
import {
  dict,
  floats,
  legacyFile,
  pickle,
  tensor,
  torchZip,
  type ZipFileOptions,
  zipFile,
} from '@inverseform/testing'
import { expect, test } from 'vitest'
import { errorOf, openBytes } from './support.js'

const value = dict({
  epoch: 3,
  state_dict: dict({ w: tensor(), 'w.t': tensor({ shape: [3, 2], strides: [1, 3] }) }),
})
const six = floats(1, 2, 3, 4, 5, 6)

test.each<[string, ZipFileOptions]>([
  ['32-bit', {}],
  ['zip64', { zip64: true }],
  ['deflated', { deflate: true }],
  ['zip64, deflated, with a comment', { zip64: true, deflate: true, comment: 'PK\x05\x06 is not the end' }],
])('%s', async (_, options) => {
  const { tensors, metadata } = await openBytes(torchZip(value, { 0: six }, options))
  expect(metadata).toEqual({ epoch: 3 })
  expect((await tensors.get('w')!.read()).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
  expect((await tensors.get('w.t')!.read()).data).toEqual(Float32Array.of(1, 4, 2, 5, 3, 6))
})

test('big-endian storages', async () => {
  const swapped = six.slice()
  for (let i = 0; i < swapped.length; i += 4) swapped.subarray(i, i + 4).reverse()
  const { tensors } = await openBytes(torchZip(value, { 0: swapped }, { byteOrder: 'big' }))
  expect((await tensors.get('w')!.read()).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
  expect((await tensors.get('w.t')!.read()).data).toEqual(Float32Array.of(1, 4, 2, 5, 3, 6))
  const error = await errorOf(openBytes(torchZip(value, { 0: six }, { byteOrder: 'middle' })))
  expect(error.message).toContain('byteorder entry says "middle"')
})

test.each(['', 'a/', 'a/b c/', 'été/'])('the folder %j', async (folder) => {
  const file = zipFile([
    [`${folder}data.pkl`, pickle(dict({ w: tensor() }))],
    [`${folder}data/0`, six],
  ])
  const { tensors } = await openBytes(file)
  expect((await tensors.get('w')!.read()).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
})

test('other archives are named by what they hold', async () => {
  const npz = zipFile([['x.npy', six]])
  expect((await errorOf(openBytes(npz))).message).toContain('no entries named data.pkl; it has "x.npy"')
  const script = zipFile([
    ['m/data.pkl', six],
    ['m/code/__torch__.py', six],
  ])
  expect((await errorOf(openBytes(script))).message).toContain('TorchScript')
})

test('verify compares the checksums of all entries', async () => {
  const good = torchZip(value, { 0: six }, { deflate: true })
  expect(await (await openBytes(good)).verify()).toEqual({
    parts: 3,
    bytes: expect.any(Number),
    checksums: 3,
  })
  const damaged = torchZip(value, { 0: six })
  const at = Buffer.from(damaged).indexOf(Buffer.from(six))
  damaged[at + 2] ^= 1
  const checkpoint = await openBytes(damaged, 'bad.pth')
  const error = await errorOf(checkpoint.verify())
  expect(error.code).toBe('invalid-checkpoint')
  expect(error.message).toMatch(
    /^bad\.pth: zip entry "archive\/data\/0" is damaged: its checksum is [0-9a-f]{8}, the archive says [0-9a-f]{8}\.$/,
  )
  const reason = new Error('stop')
  await expect(checkpoint.verify({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})

test('verify reads the tensors of formats without checksums', async () => {
  const file = legacyFile(dict({ w: tensor() }), { 0: { length: 6, data: six } })
  expect(await (await openBytes(file)).verify()).toEqual({ parts: 1, bytes: 24, checksums: 0 })
})

test('CRC-32 of the check value, in parts too', () => {
  const digits = new TextEncoder().encode('123456789')
  expect(crc32(digits)).toBe(0xcbf43926)
  expect(crc32(digits.subarray(3), crc32(digits.subarray(0, 3)))).toBe(0xcbf43926)
})
