import { describe, expect, test } from 'vitest'
import {
  checkArgument,
  checkBoolean,
  checkByteArray,
  checkFunction,
  checkInteger,
  checkIntegerArray,
  checkLength,
  checkNumber,
  checkOneOf,
  formatValue,
  InverseFormError,
  typeName,
} from '../src/index.js'

function errorOf(check: () => void): InverseFormError {
  try {
    check()
  } catch (error) {
    if (InverseFormError.is(error)) return error
    throw error
  }
  throw new Error('no error')
}

describe('checkArgument', () => {
  test('names the argument, what it accepts and what it got', () => {
    const error = errorOf(() => checkArgument('opacity', 2, false, 'a number from 0 to 1'))
    expect(error).toMatchObject({
      code: 'invalid-argument',
      message: '`opacity` must be a number from 0 to 1, got 2.',
      details: { opacity: 2 },
    })
    expect(() => checkArgument('opacity', 1, true, 'a number')).not.toThrow()
  })
  test('takes a code, a hint and details', () => {
    const options = { code: 'not-found', hint: 'Look elsewhere.', details: { a: 1 } } as const
    expect(errorOf(() => checkArgument('x', 'y', false, 'z', options))).toMatchObject({
      code: 'not-found',
      hint: 'Look elsewhere.',
      details: { x: 'y', a: 1 },
    })
  })
})

test.each([
  [0, { min: 1, max: 4096 }, 'an integer from 1 to 4096, got 0.'],
  [-1, { min: 0 }, 'an integer of at least 0, got -1.'],
  [1.5, {}, 'an integer, got 1.5.'],
  [2 ** 53, {}, 'an integer, got 9007199254740992.'],
  ['3', {}, 'an integer, got "3".'],
  [3n, {}, 'an integer, got 3n.'],
  [undefined, {}, 'an integer, got undefined.'],
])('checkInteger refuses %s within %o', (value, bounds, message) => {
  expect(errorOf(() => checkInteger('n', value, bounds)).message).toBe(`\`n\` must be ${message}`)
})

test.each([
  [Number.NaN, {}, 'a finite number, got NaN.'],
  [Infinity, {}, 'a finite number, got Infinity.'],
  [0, { above: 0, below: 1 }, 'a finite number above 0 and below 1, got 0.'],
  [1, { above: 0, below: 1 }, 'a finite number above 0 and below 1, got 1.'],
  [2, { max: 1 }, 'a finite number of at most 1, got 2.'],
])('checkNumber refuses %s within %o', (value, bounds, message) => {
  expect(errorOf(() => checkNumber('n', value, bounds)).message).toBe(`\`n\` must be ${message}`)
})

test('bounds are inclusive for min and max', () => {
  for (const value of [1, 4096]) expect(() => checkInteger('n', value, { min: 1, max: 4096 })).not.toThrow()
  expect(() => checkNumber('n', 0.5, { above: 0, below: 1 })).not.toThrow()
})

test('checkOneOf lists the words', () => {
  expect(errorOf(() => checkOneOf('d', 'tpu', ['cpu', 'gpu'])).message).toBe(
    "`d` must be one of 'cpu' or 'gpu', got \"tpu\".",
  )
  expect(errorOf(() => checkOneOf('d', 'tpu', ['cpu'])).message).toBe('`d` must be \'cpu\', got "tpu".')
  expect(() => checkOneOf('d', 'cpu', ['cpu', 'gpu'])).not.toThrow()
  expect(() => checkOneOf('d', 'toString', ['cpu'])).toThrow()
})

test('checkBoolean', () => {
  expect(() => checkBoolean('b', false)).not.toThrow()
  expect(errorOf(() => checkBoolean('b', 0)).message).toBe('`b` must be true or false, got 0.')
})

test('checkFunction', () => {
  expect(() => checkFunction('f', () => 1)).not.toThrow()
  expect(errorOf(() => checkFunction('f', 1)).message).toBe('`f` must be a function, got 1.')
})

test('checkLength', () => {
  expect(() => checkLength('labels', 12, 12, 'one per pixel')).not.toThrow()
  expect(errorOf(() => checkLength('labels', 11, 12, 'one label for each of 4x3 pixels'))).toMatchObject({
    code: 'size-mismatch',
    message: '`labels` must have 12 elements, one label for each of 4x3 pixels, got 11.',
    details: { found: 11, expected: 12 },
  })
})

test('array checks accept their types, and refuse others', () => {
  for (const array of [new Uint8Array(1), new Uint8ClampedArray(1), Buffer.alloc(1)]) {
    expect(() => checkByteArray('a', array)).not.toThrow()
    expect(() => checkIntegerArray('a', array)).not.toThrow()
  }
  for (const array of [new Int8Array(1), new Uint16Array(1), new Int32Array(1), new Uint32Array(1)]) {
    expect(() => checkByteArray('a', array)).toThrow()
    expect(() => checkIntegerArray('a', array)).not.toThrow()
  }
  for (const array of [[1], new Float32Array(1), new BigInt64Array(1), null, new ArrayBuffer(1)]) {
    expect(() => checkByteArray('a', array)).toThrow()
    expect(() => checkIntegerArray('a', array)).toThrow()
  }
})

test.each([
  ['text', '"text"'],
  ['x'.repeat(100), `"${'x'.repeat(79)}…"`],
  [new Float32Array(3), 'Float32Array of 3 elements'],
  [[1, 'a'], '[1, "a"]'],
  [null, 'null'],
  [() => 1, 'a function'],
  [{ a: 1 }, 'an object of type Object'],
  [new Map(), 'an object of type Map'],
  [Object.create(null), 'an object of type Object'],
])('formatValue(%o)', (value, text) => {
  expect(formatValue(value)).toBe(text)
})

test('typeName', () => {
  expect([new Uint8Array(), [], null, 1].map(typeName)).toEqual(['Uint8Array', 'Array', 'Null', 'Number'])
})
