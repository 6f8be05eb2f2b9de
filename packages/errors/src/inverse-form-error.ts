/**
 * What went wrong, as a stable word that a program can switch on.
 *
 * - `invalid-argument`: an option or value the caller passed
 * - `not-found`: a file or folder that is not there
 * - `unreadable`: a file that is there but cannot be read or decoded
 * - `invalid-dataset`: a data set that is empty or inconsistent
 * - `invalid-checkpoint`: not a checkpoint, or a damaged one
 * - `unsafe-checkpoint`: a checkpoint that asks for code to be run
 * - `checkpoint-mismatch`: a checkpoint that is not for this model
 * - `limit-exceeded`: a size beyond a named limit
 * - `size-mismatch`: two things that should have the same size
 * - `training-diverged`: a loss or gradient that is not finite
 * - `out-of-memory`: more memory would be needed than there is
 * - `write-failed`: an output that could not be written
 * - `runtime-unavailable`: no inference runtime for this platform or device, or a worker thread that cannot run
 * - `inference-failed`: the inference runtime reported an error
 * - `disposed`: use after `dispose()`
 */
export type InverseFormErrorCode =
  | 'invalid-argument'
  | 'not-found'
  | 'unreadable'
  | 'invalid-dataset'
  | 'invalid-checkpoint'
  | 'unsafe-checkpoint'
  | 'checkpoint-mismatch'
  | 'limit-exceeded'
  | 'size-mismatch'
  | 'training-diverged'
  | 'out-of-memory'
  | 'write-failed'
  | 'runtime-unavailable'
  | 'inference-failed'
  | 'disposed'

export interface InverseFormErrorOptions {
  /** What the user can do about it: a full sentence, shown after the message. */
  readonly hint?: string
  /** The values involved, for programs. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

const marker = Symbol.for('inverseform.error')

/**
 * The error that every InverseForm package throws for a mistake a caller can act on.
 *
 * `message` says what was found and where; `hint`, when present, says what to do.
 * Each package carries its own copy of this class, so test with {@link isInverseFormError}
 * (or `InverseFormError.is`), which works across copies, not with `instanceof`.
 */
export class InverseFormError extends Error {
  override readonly name = 'InverseFormError'
  readonly code: InverseFormErrorCode
  readonly hint?: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: InverseFormErrorCode, message: string, options: InverseFormErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.details = options.details ?? {}
    Object.defineProperty(this, marker, { value: true })
  }

  static is(value: unknown): value is InverseFormError {
    return isInverseFormError(value)
  }
}

/** Whether a value is an InverseForm error, of whichever package and copy. */
export function isInverseFormError(value: unknown): value is InverseFormError {
  return typeof value === 'object' && value !== null && marker in value
}

/** An error in a form that survives being sent between threads. */
export interface ErrorMessage {
  readonly code?: InverseFormErrorCode
  readonly message: string
  readonly hint?: string
  readonly details?: Readonly<Record<string, unknown>>
}

export function toMessage(error: unknown): ErrorMessage {
  if (isInverseFormError(error)) {
    const { code, message, hint, details } = error
    return { code, message, hint, details }
  }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

export function fromMessage({ code, message, hint, details }: ErrorMessage): Error {
  return code ? new InverseFormError(code, message, { hint, details }) : new Error(message)
}
