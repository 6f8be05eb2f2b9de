import type { ImageFormat } from './kind.js'

/** An image file before it is decoded. */
export interface ImageFile {
  readonly format: ImageFormat
  /** As stored, before the orientation is applied. */
  readonly width: number
  readonly height: number
  /** The file without what changes its colors or hides pixels: color profiles, gamma, transparency. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /**
   * The EXIF orientation that decoders do not apply alike, to be applied to the decoded pixels; 1 where decoders apply it
   * themselves or nothing is to be done.
   */
  readonly orientation: number
  /** Whether pixels keep an alpha channel, which is to be dropped without a change of the colors. */
  readonly alpha: boolean
  /** Whether pixels are CMYK. */
  readonly cmyk: boolean
}

/** A damaged header: the reader of its format says what is wrong, as the end of a sentence. */
export class HeaderError extends Error {}

/** Reads numbers from a file; beyond its end, it throws a `HeaderError`. */
export class Reader {
  readonly bytes: Uint8Array
  readonly #view: DataView
  littleEndian = false

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get length(): number {
    return this.bytes.length
  }

  uint8(at: number): number {
    return this.#view.getUint8(this.#check(at, 1))
  }

  uint16(at: number): number {
    return this.#view.getUint16(this.#check(at, 2), this.littleEndian)
  }

  uint32(at: number): number {
    return this.#view.getUint32(this.#check(at, 4), this.littleEndian)
  }

  uint64(at: number): number {
    const [first, second] = [this.uint32(at), this.uint32(at + 4)]
    return this.littleEndian ? second * 2 ** 32 + first : first * 2 ** 32 + second
  }

  text(at: number, length: number): string {
    this.#check(at, length)
    return String.fromCharCode(...this.bytes.subarray(at, at + length))
  }

  #check(at: number, length: number): number {
    if (at >= 0 && at + length <= this.bytes.length) return at
    throw new HeaderError('it is truncated')
  }
}

/** Returns parts of a file as one array. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
