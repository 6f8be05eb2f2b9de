import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readRegularFile, writeWholeFile } from '@inverseform/shared/node'
import { hashFile } from './hash-file.js'

/** What a checkpoint contains. */
export interface ContentHash {
  /** Undefined for a file that cannot be read or changes meanwhile. */
  readonly sha256: Promise<string | undefined>
  /** Whether it is still the same file with the same bytes. */
  isUnchanged(): Promise<boolean>
}

/** Hashes of files, by path. A file with the same stamp is not read again. */
type Index = Readonly<Record<string, { readonly stamp: string; readonly sha256: string }>>

const INDEX = 'checkpoints.json'
const MAX_ENTRIES = 200
const MAX_INDEX_BYTES = 2 ** 20

/**
 * A file that was changed so shortly before it was hashed may change again without a new time: file systems count time in
 * steps of up to 2 s. Its hash is not kept (as in git: https://git-scm.com/docs/racy-git).
 */
const RACY = 2500

/**
 * Hashes a checkpoint, a path or its bytes. A file is hashed in another thread, unless it is known.
 * @param folder where hashes are kept
 */
export function contentHashOf(checkpoint: string | Uint8Array, folder: string): ContentHash {
  if (typeof checkpoint !== 'string') {
    const sha256 = createHash('sha256').update(checkpoint).digest('hex')
    return { sha256: Promise.resolve(sha256), isUnchanged: async () => true }
  }
  const path = resolve(checkpoint)
  const first = stampOf(path)
  const isUnchanged = async () => (await stampOf(path))?.text === (await first)?.text
  return { sha256: sha256Of(path, first, isUnchanged, folder), isUnchanged }
}

async function sha256Of(
  path: string,
  first: Promise<Stamp | undefined>,
  isUnchanged: () => Promise<boolean>,
  folder: string,
): Promise<string | undefined> {
  const stamp = await first
  if (stamp === undefined) return undefined
  const known = (await readIndex(folder))[path]
  if (known?.stamp === stamp.text) return known.sha256
  const startedAt = Date.now()
  const sha256 = (await hashFile(path, 'sha256'))?.hash
  if (sha256 === undefined || !(await isUnchanged())) return undefined
  if (startedAt - stamp.changedAt > RACY) await record(folder, path, { stamp: stamp.text, sha256 })
  return sha256
}

interface Stamp {
  readonly text: string
  /** Milliseconds since 1970. */
  readonly changedAt: number
}

/** Returns what changes whenever a file is replaced or written to. */
async function stampOf(path: string): Promise<Stamp | undefined> {
  try {
    const info = await stat(path, { bigint: true })
    if (!info.isFile()) return undefined
    const { dev, ino, size, mtimeNs, ctimeNs, mtimeMs, ctimeMs } = info
    // Programs can set the first time, but not the second.
    const changedAt = Math.max(Number(mtimeMs), Number(ctimeMs))
    return { text: [dev, ino, size, mtimeNs, ctimeNs].join(' '), changedAt }
  } catch {
    return undefined
  }
}

async function readIndex(folder: string): Promise<Index> {
  try {
    const bytes = await readRegularFile(join(folder, INDEX), { maxBytes: MAX_INDEX_BYTES })
    const entries = Object.entries(JSON.parse(new TextDecoder().decode(bytes)) as Index)
    return Object.fromEntries(entries.filter(([, { sha256 }]) => /^[0-9a-f]{64}$/.test(sha256)))
  } catch {
    return {}
  }
}

/** Of two processes that record at once, one may win: the other's file is hashed again next time. */
async function record(folder: string, path: string, entry: Index[string]): Promise<void> {
  const { [path]: _, ...others } = await readIndex(folder)
  const kept = Object.entries(others).slice(1 - MAX_ENTRIES)
  const index = Object.fromEntries([...kept, [path, entry]])
  await writeWholeFile(join(folder, INDEX), `${JSON.stringify(index, null, 2)}\n`).catch(() => {})
}
