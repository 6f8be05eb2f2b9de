import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readRegularFile, writeWholeFile } from '@inverseform/shared/node'
import type { AbortFlag } from '../worker/tasks/task.js'

/** What a checkpoint contained when it was looked at. */
export interface ContentHash {
  readonly sha256: string
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
 * Returns the hash of a checkpoint, a path or its bytes; undefined for a file that changes meanwhile or cannot be read.
 * @param folder where hashes are kept
 */
export async function contentHashOf(
  checkpoint: string | Uint8Array,
  folder: string,
  signal: AbortFlag,
): Promise<ContentHash | undefined> {
  if (typeof checkpoint !== 'string') {
    const sha256 = createHash('sha256').update(checkpoint).digest('hex')
    return { sha256, isUnchanged: async () => true }
  }
  const path = resolve(checkpoint)
  const { stamp, changedAt } = (await stampOf(path)) ?? {}
  if (stamp === undefined || changedAt === undefined) return undefined
  const isUnchanged = async () => (await stampOf(path))?.stamp === stamp
  const known = (await readIndex(folder))[path]
  if (known?.stamp === stamp) return { sha256: known.sha256, isUnchanged }
  const startedAt = Date.now()
  const sha256 = await sha256Of(path, signal)
  if (sha256 === undefined || !(await isUnchanged())) return undefined
  if (startedAt - changedAt > RACY) await record(folder, path, { stamp, sha256 })
  return { sha256, isUnchanged }
}

/** Returns what changes whenever a file is replaced or written to, and the time of that change. */
async function stampOf(path: string): Promise<{ stamp: string; changedAt: number } | undefined> {
  try {
    const info = await stat(path, { bigint: true })
    if (!info.isFile()) return undefined
    const { dev, ino, size, mtimeNs, ctimeNs, mtimeMs, ctimeMs } = info
    // Programs can set the first time, but not the second.
    const changedAt = Math.max(Number(mtimeMs), Number(ctimeMs))
    return { stamp: [dev, ino, size, mtimeNs, ctimeNs].join(' '), changedAt }
  } catch {
    return undefined
  }
}

async function sha256Of(path: string, signal: AbortFlag): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    for await (const part of createReadStream(path, { highWaterMark: 2 ** 20 })) {
      signal.throwIfAborted()
      hash.update(part)
    }
    return hash.digest('hex')
  } catch {
    signal.throwIfAborted()
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
