import { expect, test } from 'vitest'
import { fromMessage, InverseFormError, isInverseFormError, toMessage } from '../src/index.js'

test('an error keeps its code, message, hint and details between threads', () => {
  const error = new InverseFormError('unreadable', 'a.png is empty.', {
    hint: 'Copy it again.',
    details: { path: 'a.png', bytes: 0 },
    cause: new Error('short'),
  })
  const received = fromMessage(structuredClone(toMessage(error)))
  expect(isInverseFormError(received)).toBe(true)
  expect(received).toMatchObject({
    code: 'unreadable',
    message: 'a.png is empty.',
    hint: 'Copy it again.',
    details: { path: 'a.png', bytes: 0 },
  })
})

test('a defect arrives as a plain error that says where it arose', () => {
  const received = fromMessage(structuredClone(toMessage(new TypeError('x is not a function'))))
  expect(isInverseFormError(received)).toBe(false)
  expect(received.message).toMatch(/^TypeError: x is not a function\n.*message\.test\.ts/s)
  expect(fromMessage(toMessage('text')).message).toBe('text')
})
