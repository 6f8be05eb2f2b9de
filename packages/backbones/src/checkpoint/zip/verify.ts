import { crc32 } from '@inverseform/shared'
import type { CheckpointFile } from '../file.js'
import { describe } from '../pickle/values.js'
import type { VerifySummary } from '../types.js'
import type { ZipEntry } from './archive.js'

/** What can check its own parts. */
export interface Verifiable {
  verify(signal?: AbortSignal): Promise<VerifySummary>
}

/** Bytes to read at once. */
const PART = 2 ** 22

/** Reads all entries of an archive and compares their checksums. */
export async function verifyEntries(
  file: CheckpointFile,
  entries: Iterable<ZipEntry>,
  signal?: AbortSignal,
): Promise<VerifySummary> {
  let parts = 0
  let bytes = 0
  for (const entry of entries) {
    let crc = 0
    for (let start = 0; start < entry.byteLength; start += PART) {
      signal?.throwIfAborted()
      await file.pause()
      crc = crc32(await entry.read(start, Math.min(entry.byteLength, start + PART)), crc)
    }
    if (crc !== entry.crc) {
      throw file.invalid(
        `zip entry ${describe(entry.name)} is damaged: its checksum is ${hex(crc)}, the archive says ${hex(entry.crc)}`,
        'Download or copy the file again. Files that were saved without checksums (compute_crc32=False) fail too.',
      )
    }
    parts++
    bytes += entry.byteLength
  }
  return { parts, bytes, checksums: parts }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
