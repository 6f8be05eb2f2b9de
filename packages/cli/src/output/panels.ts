import { join } from 'node:path'
import type { ReportPanel } from '@inverseform/cityscapes'
import { writeOutput } from './files.js'

/** A picture of an image: its title on the page, the end of its file name, its bytes. */
export type Picture = readonly [title: string, file: string, bytes: Promise<Uint8Array>]

/** Writes an image's pictures to `<folder>/images/` and gives their places in the report. */
export function writePictures(
  folder: string,
  name: string,
  pictures: readonly Picture[],
): Promise<ReportPanel[]> {
  return Promise.all(
    pictures.map(async ([title, file, bytes]) => {
      const path = `images/${name}_${file}`
      await writeOutput(join(folder, path), await bytes)
      return { title, src: path.split('/').map(encodeURIComponent).join('/') }
    }),
  )
}
