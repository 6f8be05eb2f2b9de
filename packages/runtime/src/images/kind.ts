/** Formats that can be decoded. */
export const imageFormats = ['PNG', 'JPEG', 'WebP', 'AVIF', 'TIFF', 'GIF'] as const

export type ImageFormat = (typeof imageFormats)[number]

/** What a file is, by its content. */
export interface ImageKind {
  /** The name of the format, such as `PNG` or `SVG`. */
  readonly name: ImageFormat | (string & {})
  /** Whether it is one of `imageFormats`. */
  readonly supported: boolean
}

/** Signatures by their offset. ISO files (AVIF, HEIC, videos) are told apart by their brands. */
const signatures: readonly (readonly [name: string, bytes: string, offset?: number])[] = [
  ['PNG', '\x89PNG\r\n\x1a\n'],
  ['JPEG', '\xff\xd8\xff'],
  ['GIF', 'GIF87a'],
  ['GIF', 'GIF89a'],
  ['TIFF', 'II*\0'],
  ['TIFF', 'MM\0*'],
  ['TIFF', 'II+\0'],
  ['TIFF', 'MM\0+'],
  ['WebP', 'WEBP', 8],
  ['JPEG 2000', '\0\0\0\x0cjP  '],
  ['JPEG 2000', '\xff\x4f\xff\x51'],
  ['JPEG XL', '\xff\x0a'],
  ['JPEG XL', '\0\0\0\x0cJXL '],
  ['PDF', '%PDF'],
  ['PostScript', '%!PS'],
  ['Photoshop', '8BPS'],
  ['OpenEXR', '\x76\x2f\x31\x01'],
  ['Radiance HDR', '#?RADIANCE'],
  ['DDS', 'DDS '],
  ['QOI', 'qoif'],
  ['ICO', '\0\0\x01\0'],
  ['gzip', '\x1f\x8b'],
  ['ZIP', 'PK\x03\x04'],
  ['Matroska', '\x1aE\xdf\xa3'],
]

const HEIC = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs']

/** How many bytes at the start of a file tell its kind. */
export const KIND_BYTES = 1024

/** Returns what a file is by its first bytes, at best `KIND_BYTES`; undefined if nothing is known about it. */
export function imageKind(bytes: Uint8Array): ImageKind | undefined {
  const start = latin1(bytes.subarray(0, KIND_BYTES))
  const name = binaryKind(start) ?? textKind(start)
  return name === undefined ? undefined : { name, supported: imageFormats.some((format) => format === name) }
}

function binaryKind(start: string): string | undefined {
  const isRiff = start.startsWith('RIFF')
  const found = signatures.find(([name, bytes, at = 0]) => {
    return start.startsWith(bytes, at) && (name !== 'WebP' || isRiff)
  })
  if (found) return found[0]
  if (start.startsWith('ftyp', 4)) return isoKind(start)
  if (start.startsWith('BM') && start.startsWith('\0\0\0\0', 6)) return 'BMP'
  if (/^P[1-7][\s#]/.test(start)) return 'Netpbm'
  return undefined
}

/** Tells AVIF, HEIC and videos apart: by the main brand, then by the compatible ones. */
function isoKind(start: string): string {
  const length = Math.min(start.length, bigEndian(start))
  const brands = [start.slice(8, 12), ...fours(start.slice(16, Math.max(16, length)))]
  if (HEIC.includes(brands[0])) return 'HEIC'
  if (brands.includes('avif') || brands.includes('avis')) return 'AVIF'
  if (brands.some((brand) => HEIC.includes(brand))) return 'HEIC'
  if (brands.includes('mif1') || brands.includes('msf1')) return 'HEIF'
  return brands[0] === 'crx ' ? 'CR3' : 'MP4'
}

const fours = (text: string): string[] =>
  Array.from({ length: Math.floor(text.length / 4) }, (_, i) => text.slice(4 * i, 4 * i + 4))

const bigEndian = (text: string): number => [0, 1, 2, 3].reduce((sum, i) => sum * 256 + text.charCodeAt(i), 0)

function textKind(start: string): string | undefined {
  // Also UTF-16, whose ASCII characters have zeros between them.
  const text = start
    .replaceAll('\0', '')
    .replace(/^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)/, '')
    .trimStart()
    .toLowerCase()
  if (!text.startsWith('<')) return undefined
  if (/<([a-z0-9]+:)?svg[\s>]/.test(text)) return 'SVG'
  return /<!doctype html|<html/.test(text) ? 'HTML' : 'XML'
}

export function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
