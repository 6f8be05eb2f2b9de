import { fileURLToPath } from 'node:url'
import { InverseFormError } from '@inverseform/errors'

/** Returns the path of a `file:` URL. */
export function pathOf(url: URL): string {
  if (url.protocol === 'file:') return fileURLToPath(url)
  throw new InverseFormError('invalid-argument', `The URL must start with file:, got ${url.href}.`, {
    hint: 'Download the file first, then pass its path or its bytes.',
  })
}
