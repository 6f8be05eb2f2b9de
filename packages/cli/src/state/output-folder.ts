import { stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { checkPath, type Lock, type LockHolder, makeFolder, withLock } from '@inverseform/shared/node'
import type { Command } from 'commander'
import type { Printer } from '../printer.js'
import { partFiles, readRun, type StoredRun } from './run-state.js'

/** The folder of the state in a folder of results. */
export const STATE = 'state'

/** The lock of a folder that a run writes to. */
const LOCK = '.inverseform.lock'

/** Milliseconds after which the lock of another machine's process is taken over, unless that refreshes it. */
const STALE = 30_000

/** Flags about what a folder has of an earlier run. */
export interface RunFlags {
  readonly resume?: boolean
  readonly restart?: boolean
}

export const addRunOptions = (command: Command): Command =>
  command
    .option('--resume', 'with --out: go on with the unfinished run there, or start one')
    .option('--restart', 'with --out: start anew, and forget the unfinished run there')

/** @throws InverseFormError `invalid-argument` for flags that exclude one another, or without `--out` */
export function checkRunFlags({ resume, restart }: RunFlags, out: string | undefined): void {
  const flag = resume ? '--resume' : restart ? '--restart' : undefined
  if (resume && restart) {
    throw new InverseFormError('invalid-argument', '--resume and --restart exclude one another.', {
      hint: 'Pass --resume to go on with the run in the folder, or --restart to start anew.',
    })
  }
  if (flag !== undefined && out === undefined) {
    throw new InverseFormError('invalid-argument', `${flag} needs --out.`, {
      hint: 'Pass the folder of the run as --out.',
    })
  }
}

/** A folder of results that this process holds. */
export interface Output extends AsyncDisposable {
  readonly folder: string
  readonly lock: Lock
}

/**
 * Keeps other runs from writing to a folder, which it creates if needed, until it is disposed of.
 * @throws InverseFormError `invalid-argument` for an empty path; `write-failed`, naming the process that holds the folder
 */
export async function holdFolder(
  folder: string,
  { printer, signal }: { readonly printer: Printer; readonly signal: AbortSignal },
): Promise<Output> {
  checkPath('out', folder)
  await makeFolder(folder)
  const path = join(folder, LOCK)
  let isTold = false
  const onWait = (holder: LockHolder) => {
    if (holder.isAlive) throw heldError(folder, path, holder)
    if (!isTold) {
      printer.note(
        `${path} is of ${holderText(holder)}, which cannot be looked up from here: waiting ${STALE / 1000} s for a sign of it. ` +
          'If it has ended, delete the file.',
      )
    }
    isTold = true
  }
  let release = () => {}
  let released: Promise<void> = Promise.resolve()
  const lock = await new Promise<Lock>((resolve, reject) => {
    const work = (held: Lock) => {
      resolve(held)
      return new Promise<void>((end) => {
        release = end
      })
    }
    released = withLock(path, { signal, onWait, staleAfter: STALE }, work).catch(reject)
  })
  return {
    folder,
    lock,
    async [Symbol.asyncDispose]() {
      release()
      await released
    },
  }
}

const holderText = ({ process: id, host }: LockHolder): string =>
  id === undefined ? 'an unknown process' : `process ${id} on ${host}`

function heldError(folder: string, path: string, holder: LockHolder): InverseFormError {
  return new InverseFormError('write-failed', `${folder} is being written by ${holderText(holder)}.`, {
    hint: `Wait until it ends, or write to another folder. If you know that it has ended, delete ${path}.`,
    details: { folder, process: holder.process, host: holder.host },
  })
}

/** What a folder must have or lack for a run. */
export interface FolderRules extends RunFlags {
  readonly folder: string
  /** The folder of the state. */
  readonly state: string
  /** Names of files and folders that the run writes. */
  readonly outputs: readonly string[]
  /** What to do about an unfinished run there, by default to pass one of the flags. */
  readonly unfinishedHint?: string
  /** Whether the files are of a run whose state is gone. */
  isOurs(): Promise<boolean>
}

/**
 * Checks what a folder has before a run writes to it.
 * @returns the run that it goes on with; `damaged` if the file that describes it is
 * @throws InverseFormError `invalid-argument` for files of other programs, or an unfinished run without `--resume`
 */
export async function checkFolder({
  folder,
  state,
  outputs,
  resume,
  restart,
  unfinishedHint = 'Pass --resume to go on with it, or --restart to start anew.',
  isOurs,
}: FolderRules): Promise<StoredRun | 'damaged' | undefined> {
  const stored = await readRun(state).catch((error) => {
    // Another version wrote that state: it is ours to forget.
    if (restart && isInverseFormError(error) && 'version' in error.details) return 'damaged' as const
    throw error
  })
  if (stored === undefined) {
    const parts = (await partFiles(state)).map((path) => relative(folder, path))
    const there = [...(await namesThere(folder, outputs)), ...parts]
    if (there.length > 0 && !(await isOurs())) {
      throw new InverseFormError(
        'invalid-argument',
        `${folder} has ${listFew(there)} already, which no run of this command wrote.`,
        { hint: 'Choose another folder, or move these files away.', details: { folder, files: there } },
      )
    }
    return undefined
  }
  if (restart || resume) return resume ? stored : undefined
  const isUnfinished = stored === 'damaged' || !stored.isFinished
  if (isUnfinished && (await partFiles(state)).length > 0) {
    throw new InverseFormError('invalid-argument', `${folder} has an unfinished run.`, {
      hint: unfinishedHint,
      details: { folder },
    })
  }
  return undefined
}

async function namesThere(folder: string, names: readonly string[]): Promise<string[]> {
  const isThere = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  )
  return names.filter((_, i) => isThere[i])
}
