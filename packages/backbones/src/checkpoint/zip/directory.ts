import { readUint64 } from '../decode.js'
import type { CheckpointFile } from '../file.js'

/** The place of the central directory and its number of entries. */
export interface ZipDirectory {
  readonly start: number
  readonly end: number
  readonly count: number
}

const END = 0x06054b50
const END_SIZE = 22
const ZIP64_LOCATOR = 0x07064b50
const ZIP64_LOCATOR_SIZE = 20
const ZIP64_END = 0x06064b50
const ZIP64_END_SIZE = 56
const LONGEST_COMMENT = 0xffff

/** Finds the directory from the records at the end of the archive. */
export async function findDirectory(file: CheckpointFile): Promise<ZipDirectory> {
  const tailStart = Math.max(0, file.size - END_SIZE - ZIP64_LOCATOR_SIZE - LONGEST_COMMENT)
  const tail = await file.read(tailStart, file.size, 'the end of the zip archive')
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength)
  const at = findEnd(view)
  if (at === undefined) {
    throw file.invalid(
      'it starts as a zip archive but lacks the directory at its end',
      'The file is cut short: download or copy it again.',
    )
  }
  const end = (await readZip64End(file, view, at - ZIP64_LOCATOR_SIZE)) ?? {
    count: view.getUint16(at + 10, true),
    size: view.getUint32(at + 12, true),
    start: view.getUint32(at + 16, true),
  }
  file.check('maxZipEntries', end.count, 'entries of the zip archive')
  file.check('maxHeaderBytes', end.size, 'bytes of the zip directory')
  if (end.start + end.size > tailStart + at) {
    throw file.invalid(
      `the zip directory (${end.size} bytes at ${end.start}) reaches beyond its end record at ${tailStart + at}`,
      'The file is cut short or damaged: download or copy it again.',
    )
  }
  return { start: end.start, end: end.start + end.size, count: end.count }
}

/** Finds the last end record whose comment ends with the file. */
function findEnd(view: DataView): number | undefined {
  for (let at = view.byteLength - END_SIZE; at >= 0; at--) {
    if (
      view.getUint32(at, true) === END &&
      at + END_SIZE + view.getUint16(at + 20, true) === view.byteLength
    ) {
      return at
    }
  }
  return undefined
}

/** Reads the 64-bit record that PyTorch always writes; its locator precedes the end record. */
async function readZip64End(file: CheckpointFile, tail: DataView, at: number) {
  if (at < 0 || tail.getUint32(at, true) !== ZIP64_LOCATOR) return undefined
  const start = readUint64(new Uint8Array(tail.buffer, tail.byteOffset, tail.byteLength), at + 8)
  const record = await file.read(start, start + ZIP64_END_SIZE, 'the zip64 end record')
  if (new DataView(record.buffer, record.byteOffset).getUint32(0, true) !== ZIP64_END) {
    throw file.invalid(`no zip64 end record at byte ${start}`)
  }
  return { count: readUint64(record, 32), size: readUint64(record, 40), start: readUint64(record, 48) }
}
