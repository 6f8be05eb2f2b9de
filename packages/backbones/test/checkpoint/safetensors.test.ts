import { bytes, floats, uint } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { toFloat32 } from '../../src/checkpoint/float32.js'
import { openCheckpoint } from '../../src/checkpoint/open.js'
import type { TensorData } from '../../src/checkpoint/types.js'
import { safetensorsByteLength, writeSafetensors } from '../../src/checkpoint/write-safetensors.js'
import { memorySink } from '../../src/io/sink.js'
import { bytesSource } from '../../src/io/source.js'
import { countReads, errorOf, fixture, openBytes } from './support.js'

/** A file of this header, padded or not as given. */
const safetensors = (header: unknown, data: Uint8Array = bytes()) => {
  const json = bytes(typeof header === 'string' ? header : JSON.stringify(header))
  return bytes(uint(json.length, 8), json, data)
}

const writable = (name: string, tensor: TensorData) => ({ name, ...tensor, read: async () => tensor })

async function write(...args: [Parameters<typeof writeSafetensors>[0], Record<string, string>?]) {
  const sink = memorySink(safetensorsByteLength(...args))
  await writeSafetensors(args[0], sink, args[1])
  return sink.finish()
}

test('reads a file made by hand', async () => {
  const header = {
    __metadata__: { format: 'pt', __proto__x: 'y' },
    b: { dtype: 'F32', shape: [2], data_offsets: [3, 11] },
    a: { dtype: 'U8', shape: [3, 1], data_offsets: [0, 3] },
  }
  const source = countReads(bytesSource(safetensors(header, bytes(7, 8, 9, floats(1.5, -2)))))
  const { format, tensors, metadata } = await openCheckpoint(source)
  expect(format).toBe('safetensors')
  expect([...tensors.keys()]).toEqual(['b', 'a'])
  expect(metadata).toEqual(header.__metadata__)
  source.ranges.length = 0
  expect(await tensors.get('b')!.read()).toEqual({
    dtype: 'float32',
    shape: [2],
    data: Float32Array.of(1.5, -2),
  })
  expect(source.ranges).toEqual([[source.size - 8, source.size]])
  expect((await tensors.get('a')!.read()).data).toEqual(Uint8Array.of(7, 8, 9))
})

test.each(['checkpoint.zip.pth', 'views.legacy.pth'])('%s survives a round trip', async (name) => {
  const original = await openBytes(fixture(name))
  const file = await write([...original.tensors.values()], { epoch: '173', name: 'résumé ✓' })
  const copy = await openBytes(file)
  expect(copy.metadata).toEqual({ epoch: '173', name: 'résumé ✓' })
  expect([...copy.tensors.keys()]).toEqual([...original.tensors.keys()])
  for (const [key, tensor] of original.tensors) {
    const read = await copy.tensors.get(key)!.read()
    expect(read, key).toEqual(await tensor.read())
    // Aligned by the order of the data, so no copy is needed.
    expect(read.data.buffer === file.buffer || read.data.length === 0, key).toBe(true)
  }
  expect(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8).toBe(0)
  // Written again from the copy, it is the same file.
  expect(await write([...copy.tensors.values()], { epoch: '173', name: 'résumé ✓' })).toEqual(file)
})

test('one tensor at a time is read', async () => {
  let held = 0
  const names = ['a', 'b', 'c']
  const tensors = names.map((name) => ({
    name,
    dtype: 'float32' as const,
    shape: [2],
    read: async () => {
      expect(held++).toBe(0)
      return { dtype: 'float32' as const, shape: [2], data: Float32Array.of(1, 2) }
    },
  }))
  let parts = 0
  await writeSafetensors(tensors, { write: async () => void (parts++ >= 2 && held--) })
  expect(parts).toBe(2 + names.length)
})

describe('writing refuses', () => {
  const data: TensorData = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) }
  test('names that are double or reserved', async () => {
    expect((await errorOf(write([writable('a', data), writable('a', data)]))).code).toBe('invalid-argument')
    expect((await errorOf(write([writable('__metadata__', data)]))).code).toBe('invalid-argument')
  })
  test('tensors that read as other than they say', async () => {
    for (const other of [
      { ...data, data: Float32Array.of(1) },
      { ...data, dtype: 'float64' as const },
    ]) {
      expect((await errorOf(write([{ ...writable('a', data), read: async () => other }]))).code).toBe(
        'size-mismatch',
      )
    }
  })
})

describe('damage is named', () => {
  const a = (more: object) => ({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...more } })
  const eight = new Uint8Array(8)
  const twice = (one: string, other: string) => {
    const entry = '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    return safetensors(`{${one}:${entry},${other} : ${entry}}`, eight)
  }
  test.each<[string, Uint8Array, RegExp]>([
    [
      'header beyond the file',
      bytes(uint(99, 8), '{"a":1}'),
      /header takes bytes 8 to 107, but the file has only 15/,
    ],
    ['not JSON', safetensors('{"a":1,}'), /not JSON/],
    ['not UTF-8', bytes(uint(2, 8), '{', Uint8Array.of(0xff)), /not UTF-8/],
    ['metadata of numbers', safetensors({ __metadata__: { a: 1 } }), /__metadata__/],
    ['a type that is no name', safetensors(a({ dtype: 5 }), eight), /"a" lacks/],
    [
      'another type of the wrong size',
      safetensors(a({ dtype: 'F8_E4M3' }), eight),
      /takes 2 bytes, the header gives it 8/,
    ],
    ['two tensors of one name', twice('"a"', '"a"'), /the name "a" twice/],
    ['one name in two spellings', twice('"a"', '"\\u0061"'), /the name "a" twice/],
    [
      'two shapes',
      safetensors('{"a":{"dtype":"F32","shape":[2],"shape":[1,2],"data_offsets":[0,8]}}', eight),
      /the name "shape" twice/,
    ],
    ['two metadata', twice('"__metadata__"', '"__metadata__" '), /the name "__metadata__" twice/],
    ['deep nesting', safetensors(`{"a":{"shape":${'['.repeat(1e6)}`), /nested more than 3 deep/],
    ['negative size', safetensors(a({ shape: [-2] }), eight), /"a" lacks/],
    ['fraction', safetensors(a({ shape: [1.5] }), eight), /"a" lacks/],
    ['no offsets', safetensors(a({ data_offsets: null }), eight), /"a" lacks/],
    [
      'shape and bytes differ',
      safetensors(a({ shape: [3] }), eight),
      /takes 12 bytes, the header gives it 8/,
    ],
    ['cut', safetensors(a({}), eight.subarray(1)), /"a" has data bytes 0 to 8, the file has only 7/],
    [
      'bytes left over',
      safetensors(a({}), new Uint8Array(9)),
      /9 bytes of data, of which the tensors take 8/,
    ],
    ['gap', safetensors(a({ data_offsets: [1, 9] }), new Uint8Array(9)), /expected from 0 on/],
    [
      'overlap',
      safetensors({ ...a({}), b: a({}).a }, eight),
      /"b" has data bytes 0 to 8, expected from 8 on/,
    ],
    ['backwards', safetensors(a({ data_offsets: [0, -8] }), eight), /"a" lacks/],
  ])('%s', async (_, file, message) => {
    const error = await errorOf(openBytes(file))
    expect(error.code).toBe('invalid-checkpoint')
    expect(error.message).toMatch(message)
  })
})

describe('tensors of other types', () => {
  const file = safetensors(
    {
      good: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
      u16: { dtype: 'U16', shape: [2], data_offsets: [8, 12] },
      u32: { dtype: 'U32', shape: [1], data_offsets: [12, 16] },
      u64: { dtype: 'U64', shape: [1], data_offsets: [16, 24] },
      f8: { dtype: 'F8_E4M3', shape: [2, 2], data_offsets: [24, 28] },
      f8b: { dtype: 'F8_E5M2', shape: [4], data_offsets: [28, 32] },
      c64: { dtype: 'C64', shape: [], data_offsets: [32, 40] },
      f4: { dtype: 'F4', shape: [8], data_offsets: [40, 44] },
      new: { dtype: 'F2_NEW', shape: [8], data_offsets: [44, 46] },
      odd: { dtype: 'constructor', shape: [0], data_offsets: [46, 46] },
    },
    bytes(floats(1.5, -2), new Uint8Array(38)),
  )

  test('are listed, and an error only when they are read', async () => {
    const { tensors } = await openBytes(file, 'model.safetensors')
    expect(
      [...tensors.values()].map(({ name, dtype, shape, byteLength }) => [name, dtype, shape, byteLength]),
    ).toEqual([
      ['good', 'float32', [2], 8],
      ['u16', 'uint16', [2], 4],
      ['u32', 'uint32', [1], 4],
      ['u64', 'uint64', [1], 8],
      ['f8', 'float8_e4m3fn', [2, 2], 4],
      ['f8b', 'float8_e5m2', [4], 4],
      ['c64', 'complex64', [], 8],
      ['f4', 'float4_e2m1fn', [8], 4],
      ['new', 'F2_NEW', [8], 2],
      ['odd', 'constructor', [0], 0],
    ])
    expect((await tensors.get('good')!.read()).data).toEqual(Float32Array.of(1.5, -2))
    expect(tensors.get('good')!.unreadable).toBeUndefined()
    for (const tensor of [...tensors.values()].slice(1)) {
      expect(tensor.unreadable).toContain('is not supported')
      const error = await errorOf(tensor.read())
      expect(error.code).toBe('invalid-checkpoint')
      expect(error.message).toContain(
        `model.safetensors: tensor "${tensor.name}" cannot be read: its element type`,
      )
      expect(error.hint).not.toContain('torch.save')
    }
  })
})

describe('a key', () => {
  const entry = (start: number) => ({ dtype: 'F32', shape: [1], data_offsets: [start, start + 4] })
  const file = safetensors(
    { 'student.a.weight': entry(0), 'student.b': entry(4), 'teacher.b': entry(8), epoch: entry(12) },
    floats(1, 2, 3, 4),
  )

  test('chooses the tensors of a prefix', async () => {
    const { tensors } = await openBytes(file, 'both.safetensors', { key: 'student' })
    expect([...tensors].map(([name, tensor]) => [name, tensor.name])).toEqual([
      ['a.weight', 'a.weight'],
      ['b', 'b'],
    ])
    expect((await tensors.get('b')!.read()).data).toEqual(Float32Array.of(2))
    const deeper = await openBytes(file, 'both.safetensors', { key: 'student.a' })
    expect([...deeper.tensors.keys()]).toEqual(['weight'])
  })

  test('that no name starts with is an error that lists the prefixes', async () => {
    expect(await errorOf(openBytes(file, 'both.safetensors', { key: 'stud' }))).toMatchObject({
      code: 'invalid-argument',
      message: 'both.safetensors: nothing is at the key "stud".',
      hint: 'Pass one of "student" (2 tensors), "teacher" (1 tensor) as `key`, or leave it out.',
      details: {
        candidates: [
          { key: 'student', tensors: 2 },
          { key: 'teacher', tensors: 1 },
        ],
      },
    })
  })
})

describe('the header is limited', () => {
  test('before it is read', async () => {
    const source = countReads(bytesSource(bytes(uint(60e6, 8), '{', new Uint8Array(1e6)), 'big.safetensors'))
    const error = await errorOf(openCheckpoint(source))
    expect(error).toMatchObject({
      code: 'limit-exceeded',
      message: 'big.safetensors: bytes of the safetensors header: 60000000, at most 8388608 allowed.',
      details: { limit: 'maxSafetensorsHeaderBytes' },
    })
    expect(source.ranges.every(([, end]) => end <= 512)).toBe(true)
  })

  test.each([
    ['names', (i: number) => `"${i}":{}`],
    ['parts', (i: number) => `"${i}":{"shape":[],"shape2":[]}`],
  ])('to as many %s as tensors are allowed', async (_, entry) => {
    const header = `{${Array.from({ length: 210_000 }, (_, i) => entry(i)).join()}}`
    const error = await errorOf(openBytes(safetensors(header)))
    expect(error.code).toBe('limit-exceeded')
    expect(error.message).toContain('names and lists of the safetensors header: 400001')
  })

  test('a large header of real form is read in little time', async () => {
    const entry = (i: number) =>
      `"module.stage4.${i}.conv2.weight":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}`
    const header = `{${Array.from({ length: 50_000 }, (_, i) => entry(i)).join()}}`
    const started = performance.now()
    expect((await openBytes(safetensors(header))).tensors.size).toBe(50_000)
    expect(performance.now() - started).toBeLessThan(4000)
  })
})

describe('toFloat32', () => {
  test('float16 and bfloat16 by their definition, for every bit pattern', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const half = toFloat32({ dtype: 'float16', shape: [65536], data: bits })
    const brain = toFloat32({ dtype: 'bfloat16', shape: [65536], data: bits })
    const binary = (bits: number, exponentBits: number, fractionBits: number) => {
      const sign = bits >> 15 ? -1 : 1
      const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1)
      const fraction = bits & (2 ** fractionBits - 1)
      const bias = 2 ** (exponentBits - 1) - 1
      if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign / 0
      const mantissa = exponent ? 2 ** fractionBits + fraction : fraction
      return sign * mantissa * 2 ** ((exponent || 1) - bias - fractionBits)
    }
    const wrong = bits.filter(
      (x) => !Object.is(half[x], binary(x, 5, 10)) || !Object.is(brain[x], Math.fround(binary(x, 8, 7))),
    )
    expect([...wrong]).toEqual([])
  })
  test('the others', () => {
    const data = Float32Array.of(1, 2)
    expect(toFloat32({ dtype: 'float32', shape: [2], data })).toBe(data)
    const int64 = BigInt64Array.of(-3n, 2n ** 60n)
    expect(toFloat32({ dtype: 'int64', shape: [2], data: int64 })).toEqual(Float32Array.of(-3, 2 ** 60))
    expect(toFloat32({ dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) })).toEqual(Float32Array.of(0, 1))
    expect(toFloat32({ dtype: 'float64', shape: [1], data: Float64Array.of(0.1) })).toEqual(
      Float32Array.of(0.1),
    )
  })
})
