import { describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../src/checkpoint/open.js'
import { bytesSource } from '../../src/io/source.js'
import { countReads, errorOf, fixture, openBytes } from './support.js'
import { type Expected, values } from './values.js'

interface Golden {
  scalars: Record<string, unknown>
  state_dict: Expected
}
const expected: Golden = JSON.parse(new TextDecoder().decode(fixture('checkpoint.expected.json')))

describe.each([
  ['checkpoint.zip.pth', 'pth-zip'],
  ['checkpoint.protocol4.zip.pth', 'pth-zip'],
  ['checkpoint.legacy.pth', 'pth-legacy'],
])('%s', (name, format) => {
  test('reads as PyTorch wrote it', async () => {
    const checkpoint = await openBytes(fixture(name))
    expect(checkpoint.format).toBe(format)
    expect({ ...checkpoint.metadata }).toEqual(expected.scalars)
    expect([...checkpoint.tensors.keys()]).toEqual(Object.keys(expected.state_dict))
    for (const [key, want] of Object.entries(expected.state_dict)) {
      const tensor = checkpoint.tensors.get(key)!
      const data = await tensor.read()
      expect(tensor).toMatchObject({ name: key, dtype: want.dtype, shape: want.shape })
      expect(data).toMatchObject({ dtype: want.dtype, shape: want.shape })
      expect(data.data.byteLength).toBe(tensor.byteLength)
      expect(values(data), key).toEqual(want.values)
    }
  })

  test('reads a tensor from its own bytes alone', async () => {
    const bytes = fixture(name)
    const source = countReads(bytesSource(bytes))
    const { tensors } = await openCheckpoint(source)
    source.ranges.length = 0
    // Elements 5 to 10 of a storage of 24.
    const { data } = await tensors.get('module.view_offset')!.read()
    const [start, end] = source.ranges.at(-1)!
    expect(end - start).toBe(6 * 4)
    expect(bytes.subarray(start, end)).toEqual(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  })
})

test('a bare state dict', async () => {
  const { tensors, metadata } = await openBytes(fixture('state-dict.legacy.pth'))
  expect([...tensors.keys()]).toEqual(Object.keys(expected.state_dict))
  for (const [name, want] of Object.entries(expected.state_dict)) {
    expect(values(await tensors.get(name)!.read()), name).toEqual(want.values)
  }
  expect({ ...metadata }).toEqual({})
})

test('contiguous, aligned tensors of a zip are views of the memory they come from', async () => {
  const bytes = fixture('checkpoint.zip.pth')
  const { tensors } = await openBytes(bytes)
  const shares = async (name: string) => (await tensors.get(name)!.read()).data.buffer === bytes.buffer
  expect(await shares('module.conv.weight')).toBe(true)
  expect(await shares('module.view_offset')).toBe(true)
  expect(await shares('module.transposed')).toBe(false)
})

test.each([
  ['refuse.code.legacy.pth', 'unsafe-checkpoint', 'posix.system'],
  ['refuse.code.zip.pth', 'unsafe-checkpoint', 'posix.system'],
  ['refuse.truncated.legacy.pth', 'invalid-checkpoint', /ends at byte \d+, the file has only 2770/],
  ['refuse.truncated.zip.pth', 'invalid-checkpoint', 'lacks the directory at its end'],
])('%s is refused', async (name, code, message) => {
  const error = await errorOf(openBytes(fixture(name), name))
  expect(error.code).toBe(code)
  expect(error.message).toMatch(message)
  expect(error.message).toContain(name)
  if (code === 'unsafe-checkpoint') expect(error.message).toContain('Nothing was executed')
  expect(error.hint).toMatch(/\.$/)
})

test.each(['refuse.whole-module.legacy.pth', 'refuse.whole-module.zip.pth'])(
  '%s, a whole pickled module, reads under the names of state_dict()',
  async (name) => {
    const { tensors, metadata } = await openBytes(fixture(name), name)
    expect([...tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ['fc.weight', 'float32', [2, 2]],
      ['fc.bias', 'float32', [2]],
    ])
    // The weights of a Linear layer start within 1 / sqrt(2).
    for (const tensor of tensors.values()) {
      const { data } = await tensor.read()
      for (const value of data as Float32Array) {
        expect(Math.abs(value)).toBeGreaterThan(0)
        expect(Math.abs(value)).toBeLessThan(Math.SQRT1_2)
      }
    }
    expect({ ...metadata }).toEqual({})
  },
)
