import { readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../fixtures/images/', import.meta.url)

export interface ImageFixture {
  readonly name: string
  readonly bytes: Buffer
  /** What Pillow's `convert('RGB')` returns, after `exif_transpose`; undefined for formats that it does not read. */
  readonly expected: { readonly width: number; readonly height: number; readonly rgb: Uint8Array } | undefined
}

/** Returns small image files of every kind that decoders may read differently. */
export function imageFixtures(): ImageFixture[] {
  const read = (name: string) => readFileSync(new URL(name, folder))
  const expected = JSON.parse(read('expected.json').toString())
  return readdirSync(folder)
    .filter((name) => /\.(png|jpg|gif|webp|avif)$/.test(name))
    .map((name) => {
      const { width, height, rgb } = expected[name] ?? {}
      return {
        name,
        bytes: read(name),
        expected: rgb && { width, height, rgb: new Uint8Array(Buffer.from(rgb, 'base64')) },
      }
    })
}

/** Returns the largest difference between two arrays of bytes; `NaN` if they differ in length. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.NaN
  let largest = 0
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]))
  return largest
}
