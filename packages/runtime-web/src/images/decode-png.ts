import type { RgbImage } from '@inverseform/runtime'

/** The passes of Adam7: first column and row, and the steps between columns and rows. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

/**
 * Decodes a PNG with an alpha channel to RGB and keeps the colors under transparent pixels. The browser does not: its
 * canvases multiply colors by alpha.
 *
 * @param bytes a PNG of the color type 4 or 6
 */
export async function decodeAlphaPng(bytes: Uint8Array<ArrayBuffer>): Promise<RgbImage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [width, height, depth, type] = [view.getUint32(16), view.getUint32(20), bytes[24], bytes[25]]
  if (depth !== 8 && depth !== 16) throw new Error(`its bit depth is ${depth}`)
  const channels = type === 4 ? 2 : 4
  const bytesPerPixel = (channels * depth) / 8
  const passes = (bytes[28] === 0 ? [[0, 0, 1, 1] as const] : ADAM7)
    .map(([x, y, dx, dy]) => ({
      x,
      y,
      dx,
      dy,
      w: Math.ceil((width - x) / dx),
      h: Math.ceil((height - y) / dy),
    }))
    .filter(({ w, h }) => w > 0 && h > 0)
  const length = passes.reduce((sum, { w, h }) => sum + h * (1 + w * bytesPerPixel), 0)
  const filtered = await inflate(imageData(bytes, view), length)
  const image = { data: new Uint8Array(3 * width * height), width, height }
  let at = 0
  for (const { x, y, dx, dy, w, h } of passes) {
    const rowBytes = w * bytesPerPixel
    let above = new Uint8Array(rowBytes)
    for (let j = 0; j < h; j++, at += 1 + rowBytes) {
      const row = filtered.subarray(at + 1, at + 1 + rowBytes)
      unfilter(filtered[at], row, above, bytesPerPixel)
      above = row
      // Of 16 bits, the first byte is the high one.
      const step = depth / 8
      const [green, blue] = type === 4 ? [0, 0] : [step, 2 * step]
      let to = 3 * ((y + j * dy) * width + x)
      for (let from = 0; from < rowBytes; from += bytesPerPixel, to += 3 * dx) {
        image.data[to] = row[from]
        image.data[to + 1] = row[from + green]
        image.data[to + 2] = row[from + blue]
      }
    }
  }
  return image
}

/** Returns the content of all IDAT chunks. */
function imageData(bytes: Uint8Array<ArrayBuffer>, view: DataView): Blob {
  const parts: Uint8Array<ArrayBuffer>[] = []
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const isData = view.getUint32(at + 4) === 0x49444154
    if (isData) parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at)))
  }
  return new Blob(parts)
}

/** Inflates data to a known length; more is not inflated. */
async function inflate(deflated: Blob, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const stream = deflated.stream().pipeThrough(new DecompressionStream('deflate'))
  const reader = stream.getReader()
  const inflated = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const { value } = await reader.read()
    if (!value) throw new Error('it is truncated')
    inflated.set(value.subarray(0, length - done), done)
    done += value.length
  }
  await reader.cancel()
  return inflated
}

/** Reverses the filter of a row (PNG specification, 9.2). */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array, bytesPerPixel: number): void {
  const n = row.length
  if (filter === 0) return
  if (filter === 1) for (let i = bytesPerPixel; i < n; i++) row[i] += row[i - bytesPerPixel]
  else if (filter === 2) for (let i = 0; i < n; i++) row[i] += above[i]
  else if (filter === 3) {
    for (let i = 0; i < n; i++) {
      const left = i < bytesPerPixel ? 0 : row[i - bytesPerPixel]
      row[i] += (left + above[i]) >> 1
    }
  } else if (filter === 4) {
    for (let i = 0; i < n; i++) {
      const [a, c] = i < bytesPerPixel ? [0, 0] : [row[i - bytesPerPixel], above[i - bytesPerPixel]]
      const b = above[i]
      const [toA, toB, toC] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)]
      row[i] += toA <= toB && toA <= toC ? a : toB <= toC ? b : c
    }
  } else throw new Error(`it has a row with the filter ${filter}`)
}
