import { type ByteSink, crc32 } from '@inverseform/shared'

/** An entry of a zip archive: what its headers say. */
export interface ZipRecord {
  readonly name: string
  readonly size: number
  readonly crc: number
  /** Where its local header starts. */
  readonly offset: number
}

const WIDE = 0xffffffff
/** Version 4.5 of the format, which has 64-bit sizes. */
const VERSION = 45
/** 1980-01-01, the first date that zip has: the bytes of a file depend on its contents alone. */
const DATE = 0x21
/** The extra field of 64-bit sizes and offsets. */
const ZIP64 = 1
/** The extra field with which PyTorch fills headers up, "FB". */
const PADDING = 0x4246
const LOCAL_HEADER_SIZE = 30
const EXTRA_HEADER_SIZE = 4

/**
 * Writes a zip archive (PKWARE APPNOTE 6.3) of stored entries, front to back. As in PyTorch's files, the data of every
 * entry start at a multiple of 64 bytes, so that programs can map them, and the 64-bit end record is always there.
 */
export class ZipWriter {
  readonly #sink: ByteSink
  readonly #records: ZipRecord[] = []
  #offset = 0

  constructor(sink: ByteSink) {
    this.#sink = sink
  }

  /** Adds an entry. `name` must be ASCII. */
  async add(name: string, data: Uint8Array): Promise<void> {
    const record = { name, size: data.byteLength, crc: crc32(data), offset: this.#offset }
    this.#records.push(record)
    await this.#write(localHeader(record))
    await this.#write(data)
  }

  /** Writes the directory, after the last entry. */
  async finish(): Promise<void> {
    await this.#write(zipDirectory(this.#records, this.#offset))
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#sink.write(bytes)
    this.#offset += bytes.byteLength
  }
}

/** Returns the header before an entry's data, which ends at a multiple of `alignment` bytes. */
export function localHeader({ name, size, crc, offset }: ZipRecord, alignment = 64): Uint8Array {
  const zip64 = size >= WIDE ? extraField(ZIP64, [size, size]) : []
  const start = offset + LOCAL_HEADER_SIZE + name.length + zip64.length + EXTRA_HEADER_SIZE
  const filling = (alignment - (start % alignment)) % alignment
  const extra = [...zip64, ...uint(PADDING, 2), ...uint(filling, 2), ...Array(filling).fill(0x5a)]
  return Uint8Array.from([
    ...uint(0x04034b50, 4),
    ...fields({ size, crc }),
    ...uint(name.length, 2),
    ...uint(extra.length, 2),
    ...ascii(name),
    ...extra,
  ])
}

/** Returns the directory of an archive and its end records. `start` is where the directory starts. */
export function zipDirectory(records: readonly ZipRecord[], start: number): Uint8Array {
  const entries = records.flatMap(({ name, size, crc, offset }) => {
    const wide = [...(size >= WIDE ? [size, size] : []), ...(offset >= WIDE ? [offset] : [])]
    const extra = wide.length ? extraField(ZIP64, wide) : []
    return [
      ...uint(0x02014b50, 4),
      ...uint(VERSION, 2),
      ...fields({ size, crc }),
      ...uint(name.length, 2),
      ...uint(extra.length, 2),
      // Comment, disk and attributes.
      ...uint(0, 10),
      ...uint(Math.min(offset, WIDE), 4),
      ...ascii(name),
      ...extra,
    ]
  })
  const end = start + entries.length
  return Uint8Array.from([
    ...entries,
    // The 64-bit end record, and where it is.
    ...uint(0x06064b50, 4),
    ...uint(44, 8),
    ...uint(VERSION, 2),
    ...uint(VERSION, 2),
    ...uint(0, 8),
    ...uint(records.length, 8),
    ...uint(records.length, 8),
    ...uint(entries.length, 8),
    ...uint(start, 8),
    ...uint(0x07064b50, 4),
    ...uint(0, 4),
    ...uint(end, 8),
    ...uint(1, 4),
    // The end record.
    ...uint(0x06054b50, 4),
    ...uint(0, 4),
    ...uint(Math.min(records.length, 0xffff), 2),
    ...uint(Math.min(records.length, 0xffff), 2),
    ...uint(Math.min(entries.length, WIDE), 4),
    ...uint(Math.min(start, WIDE), 4),
    ...uint(0, 2),
  ])
}

/** The fields that both headers of an entry have: version, flags, method (stored), time, date, checksum and sizes. */
function fields({ size, crc }: Pick<ZipRecord, 'size' | 'crc'>): number[] {
  return [
    ...uint(VERSION, 2),
    ...uint(0, 6),
    ...uint(DATE, 2),
    ...uint(crc, 4),
    ...uint(Math.min(size, WIDE), 4),
    ...uint(Math.min(size, WIDE), 4),
  ]
}

function extraField(id: number, values: readonly number[]): number[] {
  return [...uint(id, 2), ...uint(8 * values.length, 2), ...values.flatMap((value) => uint(value, 8))]
}

/** Returns a little-endian unsigned integer. */
function uint(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256)
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0))
}
