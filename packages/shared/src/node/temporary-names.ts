import { randomUUID } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { hasEnded, ownProcess } from './process-id.js'

/** Files that other machines have not touched for this long are of processes that ended. */
const STALE = 24 * 60 * 60 * 1000

const NAME = /^(?:\.inverseform|inverseform)-([0-9a-f]{8})-(\d{1,10})-(\d*)-[0-9a-f]{8}(?:\.tmp)?$/

/** Returns a new name for a temporary file. {@link sweepTemporary} removes it when this process has died. */
export const temporaryFileName = (): string => `.${stem()}.tmp`

/** Returns a new name for a temporary folder, as {@link temporaryFileName}. */
export const temporaryFolderName = (): string => stem()

function stem(): string {
  const { place, process: id, started } = ownProcess()
  return `inverseform-${place}-${id}-${started}-${randomUUID().slice(0, 8)}`
}

const swept = new Set<string>()

/**
 * Removes what dead processes were writing in a folder when they were killed: files of this machine's, and those that
 * another machine's has not touched for a day. Looks into each folder once, and never fails.
 */
export async function sweepTemporary(folder: string): Promise<void> {
  const path = resolve(folder)
  if (swept.has(path)) return
  swept.add(path)
  const names = await readdir(path).catch(() => [])
  await Promise.all(
    names.filter((name) => NAME.test(name)).map((name) => removeIfLeft(join(path, name), name)),
  )
}

async function removeIfLeft(path: string, name: string): Promise<void> {
  const [, place, id, started] = NAME.exec(name) as RegExpExecArray
  const ended = hasEnded({ place, process: Number(id), started }) ?? (await isStale(path))
  if (ended) await rm(path, { recursive: true, force: true }).catch(() => {})
}

const isStale = (path: string): Promise<boolean> =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > STALE,
    () => false,
  )
