import { fileURLToPath } from 'node:url'
import { InverseFormError } from '@inverseform/errors'

/** The path of a `file:` URL. */
export function pathOf(url: URL): string {
  if (url.protocol === 'file:') return fileURLToPath(url)
  throw new InverseFormError('invalid-argument', `${url.href} is not a file.`, {
    hint: 'Download it first, and give its path or its bytes.',
  })
}
