import { InverseFormError } from '@inverseform/errors'
import type { ByteSource } from '../io/source.js'
import type { CheckpointLimits } from './limits.js'

/** Milliseconds of reading without a pause. */
const LONGEST_TURN = 20

/** A file that is being read, with its limits and errors that name it. */
export class CheckpointFile {
  readonly name: string
  readonly size: number

  readonly source: ByteSource
  readonly limits: CheckpointLimits
  /** Aborts the opening. */
  signal: AbortSignal | undefined
  #items = 0
  #bytes = 0
  #lastPause = performance.now()

  constructor(source: ByteSource, limits: CheckpointLimits, signal?: AbortSignal) {
    this.source = source
    this.limits = limits
    this.signal = signal
    this.name = source.name ?? 'The checkpoint'
    this.size = source.size
  }

  /** Reads the bytes of `[start, end)`. `what` names them in the error for a file that is too short. */
  async read(start: number, end: number, what: string): Promise<Uint8Array> {
    if (end > this.size) {
      throw this.invalid(
        `${what} takes bytes ${start} to ${end}, but the file has only ${this.size}`,
        'The file is cut short or damaged: download or copy it again.',
      )
    }
    this.signal?.throwIfAborted()
    const bytes = await this.source.read(start, end)
    if (bytes.byteLength !== end - start) {
      throw new InverseFormError(
        'unreadable',
        `${this.name}: the byte source returned ${bytes.byteLength} bytes for the range ${start} to ${end}.`,
        { hint: 'Make `read` return all bytes of the range.' },
      )
    }
    return bytes
  }

  /** Returns an `invalid-checkpoint` error that names the file. */
  invalid(found: string, hint = 'The file may be damaged: download or copy it again.') {
    return new InverseFormError('invalid-checkpoint', `${this.name}: ${found}.`, { hint })
  }

  /** Returns an `unsafe-checkpoint` error that names the file. */
  unsafe(found: string, hint: string) {
    return new InverseFormError('unsafe-checkpoint', `${this.name}: ${found}. Nothing was executed.`, {
      hint,
    })
  }

  /**
   * Charges work to the budget of the file: items and bytes that a call touches.
   * @throws InverseFormError `limit-exceeded` when the budget is used up
   */
  work(items: number, bytes = 0): void {
    this.check('maxWorkItems', (this.#items += items), 'items that its calls touch')
    this.check('maxWorkBytes', (this.#bytes += bytes), 'bytes that its calls touch')
  }

  /** Lets other events happen, if none could for a while, and throws the signal's reason after an abort. */
  async pause(): Promise<void> {
    this.signal?.throwIfAborted()
    if (performance.now() - this.#lastPause < LONGEST_TURN) return
    await new Promise((resolve) => setTimeout(resolve))
    this.#lastPause = performance.now()
    this.signal?.throwIfAborted()
  }

  /** @throws InverseFormError `limit-exceeded` when `found` is above the named limit */
  check(limit: keyof CheckpointLimits, found: number, what: string, most = this.limits[limit]): void {
    if (found <= most) return
    throw new InverseFormError(
      'limit-exceeded',
      `${this.name}: ${what}: ${found}, at most ${most} allowed.`,
      {
        hint: `If you trust the file, raise the limit: openCheckpoint(source, { limits: { ${limit}: … } }).`,
        details: { limit, found, most },
      },
    )
  }
}
