import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { InverseFormError } from '@inverseform/errors'
import { isInverseFormError } from '@inverseform/errors'
import { type OpenCheckpointOptions, openCheckpoint } from '../../src/checkpoint/open.js'
import { type ByteSource, bytesSource } from '../../src/io/source.js'

export const fixtures = fileURLToPath(new URL('../fixtures/pth/', import.meta.url))

/** A fixture's bytes, in memory of their own. */
export function fixture(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(fixtures, name)))
}

export function fixtureNames(pattern: RegExp): string[] {
  return readdirSync(fixtures).filter((name) => pattern.test(name))
}

export function openBytes(bytes: Uint8Array, name = 'test.pth', options?: OpenCheckpointOptions) {
  return openCheckpoint(bytesSource(bytes, name), options)
}

/** The InverseFormError that an operation ends in. */
export async function errorOf(operation: Promise<unknown> | (() => unknown)): Promise<InverseFormError> {
  let result: unknown
  try {
    result = await (typeof operation === 'function' ? operation() : operation)
  } catch (error) {
    if (isInverseFormError(error)) return error
    throw new Error('not an InverseFormError', { cause: error })
  }
  throw new Error(`no error, but ${String(result)}`)
}

/** A source that counts what is read from it. */
export function countReads(source: ByteSource): ByteSource & { ranges: [start: number, end: number][] } {
  const ranges: [number, number][] = []
  return {
    ...source,
    ranges,
    read: (start, end) => {
      ranges.push([start, end])
      return source.read(start, end)
    },
  }
}
