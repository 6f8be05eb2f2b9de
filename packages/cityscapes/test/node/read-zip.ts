/** CRC-32 as in the specification of PNG and ZIP, bit by bit. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return ~crc >>> 0
}

/**
 * Reads an archive of stored entries from its directory, and checks that each entry's own header, sizes and checksum
 * agree with it and that nothing lies between them.
 */
export function readZip(archive: Buffer): Map<string, Buffer> {
  const end = archive.length - 22
  if (archive.toString('latin1', end, end + 4) !== 'PK\x05\x06') throw new Error('no end of directory')
  const count = archive.readUInt16LE(end + 10)
  if (archive.readUInt16LE(end + 8) !== count) throw new Error('several disks')
  const directory = archive.readUInt32LE(end + 16)
  if (directory + archive.readUInt32LE(end + 12) !== end) throw new Error('wrong size of directory')

  const entries = new Map<string, Buffer>()
  let [at, data] = [directory, 0]
  for (let i = 0; i < count; i++) {
    if (archive.toString('latin1', at, at + 4) !== 'PK\x01\x02') throw new Error(`no entry at ${at}`)
    const [flags, method] = [archive.readUInt16LE(at + 8), archive.readUInt16LE(at + 10)]
    if (flags !== 0 || method !== 0) throw new Error('not plainly stored')
    const nameLength = archive.readUInt16LE(at + 28)
    if (archive.readUInt32LE(at + 30) !== 0) throw new Error('extra fields')
    const name = archive.toString('latin1', at + 46, at + 46 + nameLength)
    const local = archive.readUInt32LE(at + 42)
    if (local !== data) throw new Error(`gap before ${name}`)
    if (archive.toString('latin1', local, local + 4) !== 'PK\x03\x04') throw new Error(`no header of ${name}`)
    const [fields, again] = [archive.subarray(at + 6, at + 32), archive.subarray(local + 4, local + 30)]
    if (!fields.equals(again)) throw new Error(`two stories about ${name}`)
    if (archive.toString('latin1', local + 30, local + 30 + nameLength) !== name) throw new Error('two names')
    const size = archive.readUInt32LE(at + 24)
    if (archive.readUInt32LE(at + 20) !== size) throw new Error('two sizes')
    const bytes = archive.subarray(local + 30 + nameLength, local + 30 + nameLength + size)
    if (crc32(bytes) !== archive.readUInt32LE(at + 16)) throw new Error(`wrong checksum of ${name}`)
    entries.set(name, bytes)
    at += 46 + nameLength
    data = local + 30 + nameLength + size
  }
  if (data !== directory || at !== end) throw new Error('bytes that belong to nothing')
  return entries
}
