import { InverseFormError } from '@inverseform/errors'
import type { CheckpointFile } from '../file.js'

/** Bytes of inflated entries to keep. The latest is kept, however large it is. */
const KEPT_BYTES = 64 * 2 ** 20

/** Inflates entries of one archive, and keeps the latest: many tensors may share one. */
export class Inflater {
  readonly #file: CheckpointFile
  /** By entry, the one used longest ago first. */
  readonly #kept = new Map<object, { readonly size: number; readonly bytes: Promise<Uint8Array> }>()
  readonly #seen = new Set<object>()
  #keptBytes = 0
  #reinflated = 0

  constructor(file: CheckpointFile) {
    this.#file = file
  }

  /** Returns an inflated entry. `read` reads its packed bytes. */
  inflate(entry: object, size: number, what: string, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const kept = this.#kept.get(entry)
    if (kept) {
      this.#kept.delete(entry)
      this.#kept.set(entry, kept)
      return kept.bytes
    }
    if (this.#seen.has(entry)) {
      this.#reinflated += size
      const { limits, size: fileSize } = this.#file
      const most = Math.max(limits.maxReinflatedBytes, 4 * fileSize)
      this.#file.check('maxReinflatedBytes', this.#reinflated, 'bytes that are inflated again', most)
    }
    this.#seen.add(entry)
    const bytes = read().then((packed) => inflate(this.#file, packed, size, what))
    this.#keep(entry, size, bytes)
    bytes.catch(() => this.#drop(entry))
    return bytes
  }

  #keep(entry: object, size: number, bytes: Promise<Uint8Array>): void {
    this.#kept.set(entry, { size, bytes })
    this.#keptBytes += size
    for (const oldest of this.#kept.keys()) {
      if (this.#keptBytes <= KEPT_BYTES || oldest === entry) break
      this.#drop(oldest)
    }
  }

  #drop(entry: object): void {
    this.#keptBytes -= this.#kept.get(entry)?.size ?? 0
    this.#kept.delete(entry)
  }
}

/** Inflates raw deflate data (RFC 1951) to exactly `size` bytes. Stops as soon as there are more. */
export async function inflate(
  file: CheckpointFile,
  packed: Uint8Array,
  size: number,
  what: string,
): Promise<Uint8Array> {
  const target = new Uint8Array(size)
  let used = 0
  try {
    const stream = new Blob([packed as Uint8Array<ArrayBuffer>])
      .stream()
      .pipeThrough(new DecompressionStream('deflate-raw'))
    const reader = stream.getReader()
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (used + part.value.byteLength > size) {
        await reader.cancel()
        throw file.invalid(`${what} inflates to more than its ${size} bytes`)
      }
      target.set(part.value, used)
      used += part.value.byteLength
    }
  } catch (error) {
    if (InverseFormError.is(error)) throw error
    throw file.invalid(`${what} is damaged: ${(error as Error).message}`)
  }
  if (used < size) throw file.invalid(`${what} inflates to ${used} bytes instead of ${size}`)
  return target
}
