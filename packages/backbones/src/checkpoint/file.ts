import { InverseFormError } from '@inverseform/errors'
import type { ByteSource } from '../io/source.js'
import type { CheckpointLimits } from './limits.js'

/** The checkpoint being read: its bytes, its limits, and errors that name it. */
export class CheckpointFile {
  readonly name: string
  readonly size: number

  constructor(
    readonly source: ByteSource,
    readonly limits: CheckpointLimits,
  ) {
    this.name = source.name ?? 'checkpoint'
    this.size = source.size
  }

  /** The bytes of `[start, end)`, all of them. `what` says whose they are, should the file be too short. */
  async read(start: number, end: number, what: string): Promise<Uint8Array> {
    if (end > this.size)
      throw this.invalid(
        `${what} takes bytes ${start} to ${end}, but the file has only ${this.size}`,
        'The file is cut short or damaged: download or copy it again.',
      )
    const bytes = await this.source.read(start, end)
    if (bytes.byteLength !== end - start)
      throw new InverseFormError(
        'unreadable',
        `${this.name}: asked for bytes ${start} to ${end}, the source returned ${bytes.byteLength} bytes.`,
        { hint: 'The byte source must return every byte it is asked for.' },
      )
    return bytes
  }

  invalid(
    found: string,
    hint = 'The file is damaged, or made by other means than torch.save: get it again.',
  ) {
    return new InverseFormError('invalid-checkpoint', `${this.name}: ${found}.`, { hint })
  }

  unsafe(found: string, hint: string) {
    return new InverseFormError('unsafe-checkpoint', `${this.name}: ${found}. Nothing was executed.`, {
      hint,
    })
  }

  /** Throws `limit-exceeded` when `found` is beyond the named limit. */
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
