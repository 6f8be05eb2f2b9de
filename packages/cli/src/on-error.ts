import { InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { type Command, Option } from 'commander'

/** What to do with an image that fails: stop, or go on without it. */
export type OnError = 'stop' | 'skip'

/** @param what what an image may fail at, such as `read or scored` */
export const addOnErrorOption = (command: Command, what = 'read or scored'): Command =>
  command.addOption(
    new Option(
      '--on-error <what>',
      `when an image cannot be ${what}: stop, or skip it, list it and go on with the others`,
    )
      .choices(['stop', 'skip'])
      .default('stop'),
  )

/** An image that was skipped, and why. */
export interface SkippedImage {
  readonly name: string
  readonly code: string
  readonly error: string
}

export const skippedImage = (name: string, { code, message }: InverseFormError): SkippedImage => ({
  name,
  code,
  error: message,
})

/** Errors that other images need not have. */
const codesOfOneImage: readonly string[] = [
  'not-found',
  'unreadable',
  'invalid-dataset',
  'limit-exceeded',
  'size-mismatch',
  'out-of-memory',
  'write-failed',
]

/** Whether this is the code of an error that other images need not have. */
export const isCodeOfOneImage = (code: string): boolean => codesOfOneImage.includes(code)

/** What prevents reading or writing any file. */
const errorsOfTheDisk = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE']

/** Whether other images need not have an error. */
export function isOfOneImage(error: unknown): error is InverseFormError {
  if (!isInverseFormError(error) || !codesOfOneImage.includes(error.code)) return false
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
  return code === undefined || !errorsOfTheDisk.includes(code)
}

/** @throws InverseFormError of the first image that was skipped, if all were */
export function checkSomeDone(skipped: readonly SkippedImage[], total: number): void {
  if (skipped.length === 0 || skipped.length < total) return
  const [{ code, error }] = skipped
  throw new InverseFormError(
    code as InverseFormErrorCode,
    `All ${total} images failed. The first: ${error}`,
    {
      hint: 'Check the folders and the options: one bad image would be skipped, but all of them are bad.',
    },
  )
}

/** Ends a command that has done its work, except for some images. */
export class ImagesSkipped extends Error {
  override readonly name = 'ImagesSkipped'

  constructor(skipped: readonly Pick<SkippedImage, 'name'>[], total: number) {
    super(`${skipped.length} of ${total} images were skipped: ${listFew(skipped.map(({ name }) => name))}.`)
  }
}
