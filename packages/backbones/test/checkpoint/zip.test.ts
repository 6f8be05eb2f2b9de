import { dict, floats, pickle, tensor, torchZip, type ZipFileOptions, zipFile } from '@inverseform/testing'
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
