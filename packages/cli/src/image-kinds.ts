import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { isInverseFormError } from '@inverseform/errors'
import { withoutPeriod } from '@inverseform/shared'
import { openRegularFile } from '@inverseform/shared/node'

/** The extensions of image files that are always segmented; a damaged one is reported. */
const IMAGE = /^\.(png|jpe?g|jfif|jpe|webp|avif|tiff?|gif)$/i

/** The extensions of images that cannot be decoded. */
const OTHER_IMAGE =
  /^\.(bmp|dib|jp2|j2k|jpf|jpx|jxl|hei[cf]|svgz?|psd|tga|ico|exr|hdr|p[bgpn]m|dng|cr[23]|nef|arw)$/i

/** Signatures by their offset: `image`, or the name of a format that cannot be decoded. */
const signatures: readonly (readonly [offset: number, bytes: string, kind: string])[] = [
  [0, '\x89PNG\r\n\x1a\n', 'image'],
  [0, '\xff\xd8\xff', 'image'],
  [0, 'GIF8', 'image'],
  [0, 'II*\0', 'image'],
  [0, 'MM\0*', 'image'],
  [8, 'WEBP', 'image'],
  [4, 'ftypavi', 'image'],
  [4, 'ftyphei', 'HEIC'],
  [4, 'ftyphev', 'HEIC'],
  [4, 'ftypmif1', 'HEIF'],
  [4, 'jP  ', 'JPEG 2000'],
  [0, '\xff\x4f\xff\x51', 'JPEG 2000'],
  [0, '\xff\x0a', 'JPEG XL'],
  [4, 'JXL ', 'JPEG XL'],
  [0, '8BPS', 'PSD'],
  [0, '<svg', 'SVG'],
]

/** Returns `image` for a file to segment, or why it is skipped. Looks into files whose extension does not say it. */
export async function kindOfFile(path: string): Promise<'image' | (string & {})> {
  const extension = extname(path)
  const info = await stat(path).catch(() => undefined)
  if (info === undefined) return 'it is a broken link'
  if (info.isFile() && IMAGE.test(extension)) return 'image'
  let start: string
  try {
    const { handle } = await openRegularFile(path)
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(16), 0, 16, 0)
      start = buffer.toString('latin1', 0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (!isInverseFormError(error)) throw error
    return withoutPeriod(error.message.replace(`${path} is`, 'it is'))
  }
  const isBmp = start.startsWith('BM') && start.startsWith('\0\0\0\0', 6)
  const kind = isBmp ? 'BMP' : signatures.find(([offset, bytes]) => start.startsWith(bytes, offset))?.[2]
  if (kind === 'image') return kind
  const named = OTHER_IMAGE.test(extension) ? extension.slice(1).toUpperCase() : undefined
  const format = kind ?? (named === 'JP2' ? 'JPEG 2000' : named)
  return format === undefined ? 'it is not an image' : `${format} is not supported`
}
