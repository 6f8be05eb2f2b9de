import { InverseFormError } from '@inverseform/errors'

/** @param what as users call it, such as `segmenter` */
export function disposedError(what: string): InverseFormError {
  return new InverseFormError('disposed', `This ${what} has been disposed of.`, {
    hint: 'Create another one, or dispose of it later.',
  })
}
