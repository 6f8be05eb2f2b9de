import {
  bytes,
  Code,
  call,
  dict,
  encode,
  floats,
  global,
  legacyFile,
  type Pickled,
  tensor,
  torchZip,
  tuple,
  uint,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../src/checkpoint/open.js'
import { bytesSource } from '../../src/io/source.js'
import { countReads, errorOf, openBytes } from './support.js'

const six = floats(1, 2, 3, 4, 5, 6)
const zip = (value: Pickled) => torchZip(value, { 0: six })
const w = { w: tensor() }

describe('nothing but the list of globals is touched', () => {
  test.each([
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['builtins', 'getattr'],
    ['torch', 'load'],
    ['torch.hub', 'load'],
    ['collections', 'OrderedDict.fromkeys'],
    ['collections.OrderedDict', 'fromkeys'],
    ['torch._utils', '_rebuild_tensor_v2.__globals__'],
    ['numpy', 'load'],
    ['_codecs', 'decode'],
    ['constructor', 'constructor'],
    ['__proto__', 'x'],
  ])('%s.%s', async (module, name) => {
    const direct = global(module, name)
    const onStack = new Code(bytes(encode(module), encode(name), 0x93))
    for (const value of [direct, onStack, call(direct, 'echo'), new Code(bytes(direct.bytes, '0N'))]) {
      for (const file of [zip(dict({ ...w, value })), legacyFile(dict({ ...w, value }))]) {
        const error = await errorOf(openBytes(file))
        expect(error.code).toBe('unsafe-checkpoint')
        expect(error.message).toContain(`"${module}.${name}"`)
        expect(error.message).toContain('Nothing was executed')
      }
    }
  })

  test.each([
    ['NEWOBJ', 0x81],
    ['INST', 0x69],
    ['OBJ', 0x6f],
    ['EXT1', 0x82],
  ])('instruction %s', async (name, byte) => {
    const value = new Code(bytes(encode(global('collections', 'OrderedDict')), ')', byte))
    const error = await errorOf(openBytes(zip(dict({ ...w, value }))))
    expect(error.code).toBe('unsafe-checkpoint')
    expect(error.message).toContain(name)
  })

  test('a global hidden in the pickles around the object', async () => {
    const magic = bytes(0x80, 2, encode(call(global('os', 'system'), 'true')), '.')
    expect((await errorOf(openBytes(magic))).code).toBe('unsafe-checkpoint')
  })
})

describe('damage is named', () => {
  const cases: [string, Pickled, RegExp][] = [
    [
      'view beyond its storage',
      dict({ w: tensor({ offset: 1 }) }),
      /"w" .*ends at byte 28 of its storage, which has 24/,
    ],
    ['strides beyond it', dict({ w: tensor({ strides: [4, 1] }) }), /"w" .*ends at byte 28 of its storage/],
    ['negative stride', dict({ w: tensor({ strides: [-3, 1] }) }), /strides \(-3, 1\)/],
    ['negative size', dict({ w: tensor({ shape: [-1, 1] }) }), /shape \(-1, 1\)/],
    ['negative offset', dict({ w: tensor({ offset: -1 }) }), /offset -1/],
    ['fraction', dict({ w: tensor({ shape: [1.5, 2] }) }), /shape \(1.5, 2\)/],
    ['strides missing', dict({ w: tensor({ strides: [1] }) }), /2 dimensions with 1 strides/],
    ['missing storage', dict({ w: tensor({ key: '7' }) }), /storage "7" of tensor "w" is missing/],
    [
      'short storage',
      dict({ w: tensor({ length: 7 }) }),
      /should have 28 bytes \(7 float32\), the file has 24/,
    ],
    ['name not text', new Map([[3, tensor()]]), /name is 3, not a string/],
    ['unknown instruction', dict({ x: new Code(bytes(0xff)) }), /unknown pickle instruction 0xff/],
    ['unknown protocol', dict({ x: new Code(bytes(0x80, 6)) }), /pickle protocol 6/],
    ['not UTF-8', dict({ x: new Code(bytes('X', uint(1, 4), Uint8Array.of(0xff))) }), /not UTF-8/],
    ['memo', dict({ x: new Code(bytes('h', 9)) }), /object 9 is used but was never remembered/],
    ['call of a number', dict({ x: call(3) }), /3 is called/],
    [
      'call of a storage class',
      dict({ x: call(global('torch', 'FloatStorage'), 3) }),
      /torch.FloatStorage is called/,
    ],
    ['NumPy object scalar', dict({ x: numpyScalar('O8', 'abcdefgh') }), /NumPy type "O8"/],
    ['NumPy scalar of wrong size', dict({ x: numpyScalar('f8', 'abc') }), /a f8 scalar made of "abc"/],
    ['NumPy prototype', dict({ x: numpyScalar('constructor', 'abc') }), /NumPy type "constructor"/],
    ['other encoding', dict({ x: call(global('_codecs', 'encode'), 'a', 'rot13') }), /"rot13"/],
  ]
  function numpyScalar(code: string, value: string) {
    return call(global('numpy.core.multiarray', 'scalar'), call(global('numpy', 'dtype'), code), value)
  }
  test.each(cases)('%s', async (_, value, message) => {
    const error = await errorOf(openBytes(zip(value), 'damaged.pth'))
    expect(error.code).toBe('invalid-checkpoint')
    expect(error.message).toMatch(message)
    expect(error.message).toContain('damaged.pth')
  })
})

describe('the old stream', () => {
  const open = (value: Pickled, storages: Parameters<typeof legacyFile>[1]) =>
    openBytes(legacyFile(value, storages))

  test('views of storages, as its first versions saved them', async () => {
    const view = new Code(encode(tuple('view', 2, 3)))
    const value = dict({
      w: tensor({ view, shape: [2], strides: [1], offset: 1 }),
      all: tensor({ view: null }),
    })
    const { tensors } = await open(value, { 0: { length: 6, data: six } })
    expect((await tensors.get('w')!.read()).data).toEqual(Float32Array.of(4, 5))
    expect((await tensors.get('all')!.read()).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
  })

  test('a storage that says another length than the pickle', async () => {
    const { tensors } = await open(dict(w), { 0: { length: 5, data: six } })
    expect((await errorOf(tensors.get('w')!.read())).message).toMatch(
      /should have 6 elements, at byte \d+ the file says 5/,
    )
  })

  test('opening reads the pickles, not the storages', async () => {
    const length = 1_000_000
    const file = legacyFile(dict({ w: tensor({ length, shape: [length], strides: [1] }) }), {
      0: { length, data: new Uint8Array(4 * length) },
    })
    const source = countReads(bytesSource(file))
    const { tensors } = await openCheckpoint(source)
    const read = source.ranges.reduce((sum, [start, end]) => sum + end - start, 0)
    expect(read).toBeLessThan(100_000)
    source.ranges.length = 0
    await tensors.get('w')!.read()
    // With the 8 bytes of its length before it, in one request.
    expect(source.ranges).toEqual([[file.length - 4 * length - 8, file.length]])
  })

  test('storages that are cut, missing, double or unknown', async () => {
    const failure = async (value: Pickled, storages: Parameters<typeof legacyFile>[1]) =>
      (await errorOf(open(value, storages))).message
    expect(await failure(dict(w), { 0: { length: 6, data: six.subarray(1) } })).toMatch(
      /storage "0" of tensor "w" ends at byte (\d+), the file has only \d+/,
    )
    expect(await failure(dict(w), {})).toContain('storage "0" of tensor "w" is missing')
    expect(await failure(dict(w), { 1: { length: 6, data: six } })).toContain(
      'has "1", which nothing refers to',
    )
    const two = dict({ ...w, v: tensor({ type: 'IntStorage' }) })
    expect(await failure(two, { 0: { length: 6, data: six } })).toContain(
      'has 6 float32 elements in one place and 6 int32 elements in another',
    )
  })

  test('text of Python 2', async () => {
    const short = (text: string) => new Code(bytes('U', bytes(text).length, text))
    const value = new Map<Pickled, Pickled>([
      [short('w'), tensor()],
      [short('city'), short('Zürich')],
    ])
    const { tensors, metadata } = await open(value, { 0: { length: 6, data: six } })
    expect([...tensors.keys()]).toEqual(['w'])
    expect(metadata.city).toBe('Zürich')
  })

  test('a pickle longer than the first window, with strings across its end', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => `layer.${i}.${'x'.repeat(i % 97)}`)
    const big = 'é'.repeat(1_000_000)
    const value = dict({ ...Object.fromEntries(names.map((name, i) => [name, i])), big, ...w })
    const { tensors, metadata } = await open(value, { 0: { length: 6, data: six } })
    expect((await tensors.get('w')!.read()).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
    expect(metadata).toEqual({ ...Object.fromEntries(names.map((name, i) => [name, i])), big })
  })
})

test('where the state dict may be', async () => {
  const open = async (value: Pickled) => {
    const { tensors, metadata } = await openBytes(zip(value))
    return [[...tensors.keys()], metadata]
  }
  const inner = dict({ 'a.weight': tensor(), note: 1 })
  expect(await open(dict({ state_dict: inner, model: 'HRNet' }))).toEqual([
    ['a.weight'],
    { state_dict: { note: 1 }, model: 'HRNet' },
  ])
  expect(await open(dict({ model_state_dict: dict(w), best: tensor() }))).toEqual([
    ['w'],
    { best: { dtype: 'float32', shape: [2, 3] } },
  ])
  expect(await open(dict({ state_dict: dict({}), ...w }))).toEqual([['w'], { state_dict: {} }])
})
