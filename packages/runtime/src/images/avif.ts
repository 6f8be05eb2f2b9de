import { HeaderError, type ImageFile, Reader } from './image-file.js'

interface Box {
  readonly type: string
  /** Where the content starts and ends. */
  readonly start: number
  readonly end: number
}

/** Reads the header of an AVIF. Decoders apply its rotation and drop its profile themselves. */
export function readAvif(bytes: Uint8Array): ImageFile {
  const reader = new Reader(bytes)
  const sizes = [...pathOf(reader, ['meta', 'iprp', 'ipco', 'ispe'])].map(({ start }) => ({
    width: reader.uint32(start + 4),
    height: reader.uint32(start + 8),
  }))
  if (sizes.length === 0) throw new HeaderError('it has no size')
  // Grids have the size of their cells, too: the largest counts.
  const largest = sizes.reduce((a, b) => (a.width * a.height >= b.width * b.height ? a : b))
  const alpha = [...pathOf(reader, ['meta', 'iref', 'auxl'])].length > 0
  return { format: 'AVIF', ...largest, bytes: new Uint8Array(bytes), orientation: 1, alpha, cmyk: false }
}

/** Returns a copy of an AVIF whose picture no longer refers to its alpha. */
export function withoutAvifAlpha(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes)
  for (const { start } of pathOf(new Reader(bytes), ['meta', 'iref', 'auxl'])) {
    copy.set(new TextEncoder().encode('free'), start - 4)
  }
  return copy
}

/** Returns the boxes at a path of types. `meta` and `iref` have a version before their boxes. */
function* pathOf(
  reader: Reader,
  [type, ...rest]: readonly string[],
  start = 0,
  end = reader.length,
): Generator<Box> {
  for (const box of boxes(reader, start, end)) {
    if (box.type !== type) continue
    if (rest.length === 0) yield box
    else {
      const skipped = type === 'meta' || type === 'iref' ? 4 : 0
      yield* pathOf(reader, rest, box.start + skipped, box.end)
    }
  }
}

function* boxes(reader: Reader, start: number, end: number): Generator<Box> {
  for (let at = start; at + 8 <= end; ) {
    const short = reader.uint32(at)
    const head = short === 1 ? 16 : 8
    const length = short === 1 ? reader.uint64(at + 8) : short === 0 ? end - at : short
    if (length < head) throw new HeaderError('its boxes are damaged')
    yield { type: reader.text(at + 4, 4), start: at + head, end: Math.min(end, at + length) }
    at += length
  }
}
