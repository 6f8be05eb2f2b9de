import { expect, test } from 'vitest'

const long = (last: unknown) => [...new Array(200).fill(1), last]

test.each([Uint8Array, Float32Array, Float64Array])(
  'arrays of numbers are as equal as without it: %o',
  (type) => {
    expect(type.of(1, 2)).toEqual(type.of(1, 2))
    expect(type.of(1, 2)).not.toEqual(type.of(1, 3))
    expect(type.of(1, 2)).not.toEqual(type.of(1, 2, 3))
    expect({ data: type.from(long(3) as number[]) }).not.toEqual({ data: type.from(long(4) as number[]) })
  },
)

test('the type of an array counts', () => {
  expect(Uint8Array.of(0, 0, 0, 0)).not.toEqual(Float32Array.of(0))
  expect(Uint8Array.of(1)).not.toEqual(Int8Array.of(1))
})

test('NaN equals itself in any bytes, and 0 differs from -0', () => {
  const other = new Float32Array(Uint32Array.of(0x7fc00001).buffer)
  expect(Float32Array.of(Number.NaN)).toEqual(other)
  expect(Float32Array.of(0)).not.toEqual(Float32Array.of(-0))
  expect(long(Number.NaN)).toEqual(long(Number.NaN))
  expect(long(0)).not.toEqual(long(-0))
})

test('plain arrays that differ in an element, a hole or a length are not equal', () => {
  expect(long(3)).toEqual(long(3))
  expect(long(3)).not.toEqual(long(4))
  expect(long(3)).not.toEqual(long('3'))
  expect(new Array(200)).not.toEqual(new Array(200).fill(1))
  expect(long(3)).not.toEqual([...long(3), 3])
  expect([long(3)]).toEqual([[...new Array(200).fill(1), expect.any(Number)]])
})
