import { expect } from 'vitest'

const added = Symbol.for('inverseform-quick-equality')
const state = globalThis as { [added]?: boolean }
// Files that share a process also share the list of testers.
if (!state[added]) expect.addEqualityTesters([equalBytes, equalNumbers])
state[added] = true

/**
 * Says at once that typed arrays of the same bytes are equal. Vitest compares them element by element through functions for any
 * value, which takes seconds for the weights of a network. Arrays of other bytes are left to Vitest, which also knows NaN.
 */
function equalBytes(a: unknown, b: unknown): true | undefined {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b)) return undefined
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return undefined
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0 || undefined
}

const bytesOf = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength)

/** Does the same for long plain arrays of the same numbers. */
function equalNumbers(a: unknown, b: unknown): true | undefined {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length || a.length < 100) return undefined
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return undefined
  for (let i = 0; i < a.length; i++) {
    if (typeof a[i] !== 'number' || !Object.is(a[i], b[i])) return undefined
  }
  return true
}
