import { InverseFormError } from '@inverseform/runtime-web'

const scenes: Record<string, string> = import.meta.glob(
  '../../demo/cityscapes/leftImg8bit/val/drawnton/*.png',
  { eager: true, query: '?url', import: 'default' },
)

export const demoImages = Object.entries(scenes).map(([path, url]) => ({
  name: path.slice(path.lastIndexOf('/') + 1),
  url,
}))

/** Fetches a demo image. @throws InverseFormError `not-found` */
export async function fetchDemo({ name, url }: { name: string; url: string }): Promise<Blob> {
  try {
    const response = await fetch(url)
    if (response.ok) return await response.blob()
  } catch {
    // Handled like an error status, below.
  }
  throw new InverseFormError('not-found', `The demo image ${name} could not be loaded.`, {
    hint: 'Check the connection, or open your own image.',
  })
}
