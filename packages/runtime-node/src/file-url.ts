import { fileURLToPath } from 'node:url'
import { InverseFormError } from '@inverseform/errors'

/** Returns the path of a `file:` URL. */
export function pathOf(name: string, url: URL): string {
  if (url.protocol === 'file:') return fileURLToPath(url)
  throw new InverseFormError('invalid-argument', `\`${name}\` must start with file:, got ${url.href}.`, {
    hint: 'Download the file first, then pass its path or its bytes.',
  })
}
