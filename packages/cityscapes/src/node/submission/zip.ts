import { crc32 } from 'node:zlib'
import { InverseFormError } from '@inverseform/errors'
import type { ByteSink } from '@inverseform/shared'

export interface ZipEntry {
  /** Path in the archive, in ASCII, with `/` between folders. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** The most entries and bytes that an archive without ZIP64 extensions can hold (APPNOTE.TXT, 4.4.1.4). */
const MAX_ENTRIES = 2 ** 16 - 1
const MAX_BYTES = 2 ** 32 - 1

const LOCAL_HEADER = Buffer.from('PK\x03\x04', 'latin1')
const DIRECTORY_HEADER = Buffer.from('PK\x01\x02', 'latin1')
const END_OF_DIRECTORY = Buffer.from('PK\x05\x06', 'latin1')
/** MS-DOS file attributes, version 2.0. */
const WRITTEN_BY = Buffer.from([20, 0])
/** January 1, 1980, the earliest date in the format. */
const FIRST_DAY = (1 << 5) | 1

/**
 * Writes a ZIP archive entry by entry, without compression: the entries are compressed files already. Sizes and
 * checksums precede each entry, so every reader can read the archive. The same entries give the same bytes.
 * Source: PKWARE's APPNOTE.TXT 6.3.
 * @throws InverseFormError `limit-exceeded` above 65535 entries or 4 GiB
 */
export async function writeZip(
  entries: Iterable<ZipEntry> | AsyncIterable<ZipEntry>,
  sink: ByteSink,
): Promise<void> {
  const directory: Buffer[] = []
  let offset = 0
  for await (const { name, bytes } of entries) {
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(10, 0) // version needed to read it: 1.0
    fields.writeUInt16LE(FIRST_DAY, 8)
    fields.writeUInt32LE(crc32(bytes), 10)
    fields.writeUInt32LE(bytes.length, 14) // compressed size
    fields.writeUInt32LE(bytes.length, 18) // original size
    fields.writeUInt16LE(name.length, 22)
    const path = Buffer.from(name, 'latin1')

    const header = Buffer.concat([LOCAL_HEADER, fields, path])
    const whereabouts = Buffer.alloc(14)
    whereabouts.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([DIRECTORY_HEADER, WRITTEN_BY, fields, whereabouts, path]))
    offset += header.length + bytes.length
    if (directory.length > MAX_ENTRIES || offset > MAX_BYTES) throw tooLarge(name, directory.length)
    await sink.write(header)
    await sink.write(bytes)
  }
  const listing = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(directory.length, 4) // on this disk
  end.writeUInt16LE(directory.length, 6)
  end.writeUInt32LE(listing.length, 8)
  end.writeUInt32LE(offset, 12)
  await sink.write(Buffer.concat([listing, END_OF_DIRECTORY, end]))
}

const tooLarge = (name: string, entries: number): InverseFormError =>
  new InverseFormError('limit-exceeded', `The archive cannot hold its file ${entries}, ${name}.`, {
    hint: 'An archive holds at most 65535 files and 4 GiB: write to a folder instead.',
    details: { name, entries },
  })
