import { crc32, deflateRawSync } from 'node:zlib'
import { bytes, type Pickled, pickle, uint } from './pickle-writer.js'

export interface ZipFileOptions {
  /** Writes all sizes and offsets in 64 bits, as for files beyond 4 GiB. */
  readonly zip64?: boolean
  readonly deflate?: boolean
  readonly comment?: string
  /** Changes an entry's fields in the directory. */
  readonly lie?: (entry: ListedEntry) => Partial<ListedEntry>
}

export interface ListedEntry {
  name: string
  size: number
  packedSize: number
  offset: number
  method: number
  flags: number
}

/** Makes a zip archive (PKWARE APPNOTE). Local headers have extra fields that the directory lacks, like PyTorch's. */
export function zipFile(
  entries: readonly (readonly [name: string, data: Uint8Array])[],
  { zip64 = false, deflate = false, comment = '', lie = () => ({}) }: ZipFileOptions = {},
): Uint8Array<ArrayBuffer> {
  const wide = 0xffffffff
  const local: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const [name, data] of entries) {
    const packed = deflate ? deflateRawSync(data) : data
    const padding = bytes('FB', uint(5, 2), 'ZZZZZ')
    const head = bytes(name).length
    const sum = uint(crc32(data), 4)
    const part = bytes(
      'PK\x03\x04',
      uint(20, 2),
      uint(0, 2),
      uint(deflate ? 8 : 0, 2),
      uint(0, 4),
      sum,
      uint(packed.length, 4),
      uint(data.length, 4),
      uint(head, 2),
      uint(padding.length, 2),
      name,
      padding,
      packed,
    )
    const honest = {
      name,
      size: data.length,
      packedSize: packed.length,
      offset,
      method: deflate ? 8 : 0,
      flags: 0,
    }
    const said: ListedEntry = { ...honest, ...lie(honest) }
    const extra = zip64
      ? bytes(uint(1, 2), uint(24, 2), uint(said.size, 8), uint(said.packedSize, 8), uint(said.offset, 8))
      : bytes()
    directory.push(
      bytes(
        'PK\x01\x02',
        uint(45, 2),
        uint(45, 2),
        uint(said.flags, 2),
        uint(said.method, 2),
        uint(0, 4),
        sum,
        uint(zip64 ? wide : said.packedSize, 4),
        uint(zip64 ? wide : said.size, 4),
        uint(bytes(said.name).length, 2),
        uint(extra.length, 2),
        uint(0, 2),
        uint(0, 2),
        uint(0, 2),
        uint(0, 4),
        uint(zip64 ? wide : said.offset, 4),
        said.name,
        extra,
      ),
    )
    local.push(part)
    offset += part.length
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0)
  const count = entries.length
  const end64 = zip64
    ? bytes(
        'PK\x06\x06',
        uint(44, 8),
        uint(45, 2),
        uint(45, 2),
        uint(0, 4),
        uint(0, 4),
        uint(count, 8),
        uint(count, 8),
        uint(size, 8),
        uint(offset, 8),
        'PK\x06\x07',
        uint(0, 4),
        uint(offset + size, 8),
        uint(1, 4),
      )
    : bytes()
  const end = bytes(
    'PK\x05\x06',
    uint(0, 4),
    uint(zip64 ? 0xffff : count, 2),
    uint(zip64 ? 0xffff : count, 2),
    uint(zip64 ? wide : size, 4),
    uint(zip64 ? wide : offset, 4),
    uint(comment.length, 2),
    comment,
  )
  return bytes(...local, ...directory, end64, end)
}

/** Makes a file in torch.save's zip format: a pickle and storages in a folder. */
export function torchZip(
  value: Pickled,
  storages: Record<string, Uint8Array>,
  options: ZipFileOptions & { readonly byteOrder?: string } = {},
): Uint8Array<ArrayBuffer> {
  const entries: [string, Uint8Array][] = [['archive/data.pkl', pickle(value)]]
  if (options.byteOrder) entries.push(['archive/byteorder', bytes(options.byteOrder)])
  for (const [key, data] of Object.entries(storages)) entries.push([`archive/data/${key}`, data])
  return zipFile([...entries, ['archive/version', bytes('3\n')]], options)
}
