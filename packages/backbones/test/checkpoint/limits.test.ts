import {
  bytes,
  Code,
  dict,
  floats,
  legacyFile,
  type Pickled,
  tensor,
  torchZip,
  tuple,
  uint,
  zipFile,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import type { CheckpointLimits } from '../../src/checkpoint/limits.js'
import { openCheckpoint } from '../../src/checkpoint/open.js'
import { bytesSource } from '../../src/io/source.js'
import { errorOf, openBytes } from './support.js'

const six = floats(1, 2, 3, 4, 5, 6)
const file = (extra: Pickled) => torchZip(dict({ w: tensor(), extra }), { 0: six })
/** Lists that each hold the one before twice, as memo entries: 2^depth elements when written out. */
const billionLaughs = (depth: number) => {
  const parts = [bytes(']q\0')]
  for (let i = 1; i <= depth; i++) parts.push(bytes('0](h', i - 1, 'h', i - 1, 'eq', i))
  return new Code(bytes(...parts))
}
const selfHolding = new Code(bytes(']q\0h\0a'))
const nested = (depth: number) => new Code(bytes(']'.repeat(depth), 'a'.repeat(depth - 1)))

describe('a small hostile file stops at a named limit', () => {
  const attacks: [keyof CheckpointLimits, string, () => Uint8Array][] = [
    ['maxDepth', 'a list that holds itself', () => file(selfHolding)],
    ['maxDepth', 'lists 200,000 deep', () => file(nested(200_000))],
    ['maxDepth', 'marks 1000 deep', () => file(new Code(bytes('('.repeat(1000))))],
    ['maxMetadataSize', 'lists that double', () => file(billionLaughs(60))],
    [
      'maxMetadataSize',
      'one long string 1000 times',
      () => file(new Code(bytes('(X', uint(10_000, 4), 'x'.repeat(10_000), 'q\0', 'h\0'.repeat(1000), 'l'))),
    ],
    ['maxPickleOps', 'a million and one instructions', () => file(new Code(bytes('N0'.repeat(500_001))))],
    ['maxDicts', 'empty dicts without end', () => file(new Code(bytes('}0'.repeat(100_001))))],
    [
      'maxMemo',
      'remembered at every step',
      () => file(new Code(bytes('N', new Uint8Array(500_001).fill(0x94)))),
    ],
    ['maxStringBytes', 'a string that claims 4 GiB', () => file(new Code(bytes('X', uint(0xffffffff, 4))))],
    ['maxStringBytes', 'bytes that claim 2^63', () => file(new Code(bytes(0x8e, uint(2n ** 63n, 8))))],
    ['maxIntegerBytes', 'an integer of 2 GiB', () => file(new Code(bytes(0x8b, uint(0x7fffffff, 4))))],
    [
      'maxExpansion',
      'an expanded tensor',
      () => torchZip(dict({ w: tensor({ shape: [2 ** 20, 6], strides: [0, 1] }) }), { 0: six }),
    ],
    [
      'maxExpansion',
      'ten thousand views of one storage',
      () => {
        const view = tensor({ shape: [25_000], strides: [1], length: 25_000 })
        const names = Array.from({ length: 10_000 }, (_, i) => [`w${i}`, new Code(bytes('h\0'))] as const)
        const state = new Map<Pickled, Pickled>([['w', new Code(bytes(view.bytes, 'q\0'))], ...names])
        return torchZip(state, { 0: new Uint8Array(100_000) })
      },
    ],
    [
      'maxElements',
      'dimensions whose product overflows',
      () =>
        torchZip(dict({ w: tensor({ shape: Array(20).fill(2 ** 30), strides: Array(20).fill(0) }) }), {
          0: six,
        }),
    ],
    [
      'maxElements',
      'a storage of 2^50',
      () => torchZip(dict({ w: tensor({ length: 2 ** 50 }) }), { 0: six }),
    ],
    [
      'maxDimensions',
      'a hundred dimensions of one',
      () =>
        torchZip(dict({ w: tensor({ shape: Array(100).fill(1), strides: Array(100).fill(1) }) }), { 0: six }),
    ],
    [
      'maxTensors',
      'empty tensors without end',
      () => {
        const empty = tensor({ shape: [0], strides: [1] })
        const names = Array.from({ length: 50_001 }, (_, i) => [`${i}`, new Code(bytes('h\0'))] as const)
        const state = new Map<Pickled, Pickled>([['w', new Code(bytes(empty.bytes, 'q\0'))], ...names])
        return torchZip(state, { 0: six })
      },
    ],
    [
      'maxExpansion',
      'a deflate bomb',
      () => torchZip(dict({ w: tensor() }), { 0: new Uint8Array(2 ** 24) }, { deflate: true }),
    ],
    [
      'maxZipEntries',
      'a directory of 100,001 entries',
      () => {
        const end = bytes(
          'PK\x05\x06',
          uint(0, 4),
          uint(0xffff, 2),
          uint(0xffff, 2),
          uint(0, 4),
          uint(0, 4),
          uint(0, 2),
        )
        const end64 = bytes(
          'PK\x06\x06',
          uint(44, 8),
          uint(0, 12),
          uint(100_001, 8),
          uint(100_001, 8),
          uint(0, 16),
        )
        return bytes('PK\x03\x04', end64, 'PK\x06\x07', uint(0, 4), uint(4, 8), uint(1, 4), end)
      },
    ],
    ['maxSafetensorsHeaderBytes', 'a safetensors header of 2^39', () => bytes(uint(2n ** 39n, 8), '{"a":1}')],
  ]
  test.each(attacks)('%s: %s', async (limit, _, make) => {
    const error = await errorOf(openBytes(make()))
    expect(error.code).toBe('limit-exceeded')
    expect(error.details.limit).toBe(limit)
    expect(error.hint).toContain(`limits: { ${limit}:`)
    expect(error.message.length).toBeLessThan(300)
  })

  test('a pickle that goes on and on', async () => {
    const long = legacyFile(
      dict({ w: tensor(), extra: new Code(bytes(0x8e, uint(2 ** 20, 8), new Uint8Array(2 ** 20))) }),
    )
    const error = await errorOf(openBytes(long, 'long.pth', { limits: { maxHeaderBytes: 2 ** 19 } }))
    expect(error.details.limit).toBe('maxHeaderBytes')
  })
})

test('a limit can be raised', async () => {
  const wide = torchZip(dict({ w: tensor({ shape: [1000, 6], strides: [0, 1] }) }), { 0: six })
  expect((await errorOf(openBytes(wide))).details.limit).toBe('maxExpansion')
  const { tensors } = await openBytes(wide, 'wide.pth', { limits: { maxExpansion: 100 } })
  const { data } = await tensors.get('w')!.read()
  expect(data).toEqual(Float32Array.from({ length: 6000 }, (_, i) => 1 + (i % 6)))
})

test('entries may share memo objects as long as they stay small', async () => {
  const { metadata } = await openBytes(file(billionLaughs(3)))
  expect(metadata.extra).toEqual([
    [
      [[], []],
      [[], []],
    ],
    [
      [[], []],
      [[], []],
    ],
  ])
})

test('hostile dict keys are keys like any other', async () => {
  const state = dict({ __proto__x: 1 })
  state.clear()
  state.set('__proto__', tensor()).set('constructor', tensor()).set('toString', 1)
  const { tensors, metadata } = await openBytes(torchZip(state, { 0: six }))
  expect([...tensors.keys()]).toEqual(['__proto__', 'constructor'])
  expect(Object.getPrototypeOf(metadata)).toBe(null)
  expect(metadata.toString).toBe(1)
})

test('a source that returns too little is an error, not a wrong tensor', async () => {
  const whole = file(1)
  const source = bytesSource(whole, 'short.pth')
  const short = { ...source, read: async (a: number, b: number) => (await source.read(a, b)).subarray(1) }
  expect(await errorOf(openCheckpoint(short))).toMatchObject({ code: 'unreadable' })
})

test('overlapping, double, encrypted and lying zip entries', async () => {
  const value = dict({ a: tensor(), b: tensor({ key: '1' }) })
  const parts = { 0: six, 1: six }
  const failure = async (bytes: Uint8Array) => (await errorOf(openBytes(bytes, 'z.pth'))).message
  const overlapping = torchZip(value, parts, {
    lie: (e) => (e.name.endsWith('data/1') ? { offset: e.offset - 30 } : {}),
  })
  expect(await failure(overlapping)).toMatch(/"archive\/data\/0" .* overlaps entry "archive\/data\/1"/)
  const longer = torchZip(value, parts, {
    lie: (e) => (e.name.endsWith('version') ? { size: 9999, packedSize: 9999 } : {}),
  })
  expect(await failure(longer)).toMatch(/"archive\/version" \(9999 bytes .* overlaps the zip directory/)
  const double = zipFile([
    ['a/data.pkl', six],
    ['a/x', six],
    ['a/x', six],
  ])
  expect(await failure(double)).toContain('two zip entries are named "a/x"')
  expect(await failure(torchZip(value, parts, { lie: () => ({ flags: 1 }) }))).toContain('is encrypted')
  expect(await failure(torchZip(value, parts, { lie: () => ({ method: 12 }) }))).toContain(
    'uses the compression method 12',
  )
  const moved = torchZip(value, parts, { lie: (e) => (e.name.endsWith('data.pkl') ? { offset: 1 } : {}) })
  expect(await failure(moved)).toContain('has no header at byte 1')
  expect(
    await failure(
      zipFile([
        ['a/data.pkl', six],
        ['b/data.pkl', six],
      ]),
    ),
  ).toContain('2 entries named data.pkl')
  const inflating = torchZip(value, parts, {
    deflate: true,
    lie: (e) => (e.name.endsWith('data.pkl') ? { size: e.size - 1 } : {}),
  })
  expect(await failure(inflating)).toMatch(/inflates to more than its \d+ bytes/)
})

test('tuple keys and the like', async () => {
  const keys = new Map<Pickled, Pickled>([[tuple(1, 'a'), 2]])
  const { metadata } = await openBytes(file(keys))
  expect(metadata.extra).toEqual({ '[1,"a"]': 2 })
})
