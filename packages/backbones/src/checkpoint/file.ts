import { InverseFormError } from '@inverseform/errors'
import type { ByteSource } from '../io/source.js'
import type { CheckpointLimits } from './limits.js'

/** A file that is being read, with its limits and errors that name it. */
export class CheckpointFile {
  readonly name: string
  readonly size: number

  readonly source: ByteSource
  readonly limits: CheckpointLimits

  constructor(source: ByteSource, limits: CheckpointLimits) {
    this.source = source
    this.limits = limits
    this.name = source.name ?? 'checkpoint'
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
  invalid(
    found: string,
    hint = 'The file is damaged or was not written by torch.save: download or copy it again.',
  ) {
    return new InverseFormError('invalid-checkpoint', `${this.name}: ${found}.`, { hint })
  }

  /** Returns an `unsafe-checkpoint` error that names the file. */
  unsafe(found: string, hint: string) {
    return new InverseFormError('unsafe-checkpoint', `${this.name}: ${found}. Nothing was executed.`, {
      hint,
    })
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
