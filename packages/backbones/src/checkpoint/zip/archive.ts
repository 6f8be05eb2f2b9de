import { decodeLatin1, decodeUtf8, readUint64 } from '../decode.js'
import type { CheckpointFile } from '../file.js'
import { describe } from '../pickle/values.js'
import { findDirectory } from './directory.js'
import { Inflater } from './inflate.js'

/** A file within a zip archive. */
export interface ZipEntry {
  readonly name: string
  /** Size in bytes after inflation. */
  readonly byteLength: number
  /** CRC-32 of the inflated entry, as the directory has it. */
  readonly crc: number
  /** Reads a range of the inflated entry. */
  read(start: number, end: number): Promise<Uint8Array>
}

/** An entry in the directory of the archive. */
interface Listed {
  readonly name: string
  readonly deflated: boolean
  readonly packedSize: number
  readonly size: number
  readonly crc: number
  /** Offset of the local header and its smallest size. */
  readonly header: number
  readonly headerSize: number
}

const LOCAL_HEADER = 0x04034b50
const LISTED_HEADER = 0x02014b50
const STORED = 0
const DEFLATED = 8

/** Reads the directory of a zip archive (PKWARE APPNOTE 6.3, including zip64). Entries are read on demand. */
export async function openZip(file: CheckpointFile): Promise<ReadonlyMap<string, ZipEntry>> {
  const directory = await findDirectory(file)
  const listed = list(
    file,
    await file.read(directory.start, directory.end, 'the zip directory'),
    directory.count,
  )
  checkOverlaps(file, listed, directory.start)
  const inflated = listed.reduce((sum, entry) => sum + (entry.deflated ? entry.size : 0), 0)
  file.check('maxExpansion', inflated, 'bytes of inflated zip entries', file.limits.maxExpansion * file.size)
  const inflater = new Inflater(file)
  const entries = new Map<string, ZipEntry>()
  for (const entry of listed) {
    if (entries.has(entry.name)) throw file.invalid(`two zip entries are named ${describe(entry.name)}`)
    entries.set(entry.name, openEntry(file, inflater, entry, directory.start))
  }
  return entries
}

function list(file: CheckpointFile, bytes: Uint8Array, count: number): Listed[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries: Listed[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== LISTED_HEADER) {
      throw file.invalid(`the zip directory is damaged at entry ${i + 1} of ${count}`)
    }
    const nameEnd = at + 46 + view.getUint16(at + 28, true)
    const extraEnd = nameEnd + view.getUint16(at + 30, true)
    if (extraEnd > bytes.length) {
      throw file.invalid(`the zip directory ends within entry ${i + 1} of ${count}`)
    }
    const nameBytes = bytes.subarray(at + 46, nameEnd)
    const name = decodeUtf8(nameBytes) ?? decodeLatin1(nameBytes)
    if (view.getUint16(at + 8, true) & 1) throw file.invalid(`zip entry ${describe(name)} is encrypted`)
    const method = view.getUint16(at + 10, true)
    if (method !== STORED && method !== DEFLATED) {
      throw file.invalid(
        `zip entry ${describe(name)} uses the compression method ${method}`,
        'Only stored and deflated entries are supported: save the checkpoint again with torch.save.',
      )
    }
    const [size, packedSize, header] = widen(
      file,
      name,
      [24, 20, 42].map((field) => view.getUint32(at + field, true)),
      bytes.subarray(nameEnd, extraEnd),
    ) as [number, number, number]
    const deflated = method === DEFLATED
    if (!deflated && size !== packedSize) {
      throw file.invalid(`zip entry ${describe(name)} is stored but has ${packedSize} bytes for ${size}`)
    }
    const crc = view.getUint32(at + 16, true)
    entries.push({ name, deflated, packedSize, size, crc, header, headerSize: 30 + nameBytes.length })
    at = extraEnd + view.getUint16(at + 32, true)
  }
  return entries
}

/** Replaces fields that do not fit 32 bits with those of the zip64 extra field, in its order. */
function widen(file: CheckpointFile, name: string, fields: number[], extra: Uint8Array): number[] {
  if (!fields.includes(0xffffffff)) return fields
  const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength)
  for (let at = 0, end = 0; at + 4 <= extra.length; at = end) {
    end = at + 4 + view.getUint16(at + 2, true)
    if (view.getUint16(at, true) !== 1 || end > extra.length) continue
    let next = at + 4
    const wide = fields.map((field) => {
      if (field !== 0xffffffff) return field
      next += 8
      return next > end ? Number.NaN : readUint64(extra, next - 8)
    })
    if (!wide.some(Number.isNaN)) return wide
  }
  throw file.invalid(`zip entry ${describe(name)} lacks its zip64 sizes`)
}

/** Throws if entries share bytes, which would let a small archive inflate to a huge one. */
function checkOverlaps(file: CheckpointFile, listed: readonly Listed[], directoryStart: number): void {
  const byOffset = [...listed].sort((a, b) => a.header - b.header)
  byOffset.forEach((entry, i) => {
    const next = byOffset[i + 1]
    const end = entry.header + entry.headerSize + entry.packedSize
    if (end > (next?.header ?? directoryStart)) {
      throw file.invalid(
        `zip entry ${describe(entry.name)} (${entry.packedSize} bytes at ${entry.header}) overlaps ` +
          (next
            ? `entry ${describe(next.name)} at ${next.header}`
            : `the zip directory at ${directoryStart}`),
      )
    }
  })
}

function openEntry(
  file: CheckpointFile,
  inflater: Inflater,
  entry: Listed,
  directoryStart: number,
): ZipEntry {
  const what = `zip entry ${describe(entry.name)}`
  let data: number | undefined
  /** Finds the data. The local header's name and extra field may be longer than the directory's. */
  const findData = async () => {
    const header = await file.read(entry.header, entry.header + 30, what)
    const view = new DataView(header.buffer, header.byteOffset, 30)
    if (view.getUint32(0, true) !== LOCAL_HEADER) {
      throw file.invalid(`${what} has no header at byte ${entry.header}`)
    }
    const start = entry.header + 30 + view.getUint16(26, true) + view.getUint16(28, true)
    if (start + entry.packedSize > directoryStart) {
      throw file.invalid(`${what} (${entry.packedSize} bytes at ${start}) overlaps the zip directory`)
    }
    return start
  }
  return {
    name: entry.name,
    byteLength: entry.size,
    crc: entry.crc,
    async read(start, end) {
      data ??= await findData()
      if (!entry.deflated) return file.read(data + start, data + end, what)
      const from = data
      const bytes = await inflater.inflate(entry, entry.size, what, () =>
        file.read(from, from + entry.packedSize, what),
      )
      return bytes.subarray(start, end)
    },
  }
}
