import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from '@inverseform/backbones/onnx'
import { isInverseFormError } from '@inverseform/errors'
import { sweepTemporary, temporaryFolderName, writeFileAtomically } from '@inverseform/shared/node'
import { WEIGHT_FILE } from '../model-cache/index.js'

/** A temporary folder with a model's weights, which ONNX Runtime maps into memory instead of copying them twice. */
export interface WeightFolder {
  readonly path: string
  /** Removes the folder. Windows keeps mapped files: call it again after the session is disposed of. */
  remove(): Promise<void>
}

/** Writes weights to a temporary folder, and removes those of dead processes; returns undefined if the disk has no room. */
export async function writeWeightFolder(weights: Writable): Promise<WeightFolder | undefined> {
  await sweepTemporary(tmpdir())
  const path = join(tmpdir(), temporaryFolderName())
  const isMade = await mkdir(path, { mode: 0o700 }).then(
    () => true,
    () => false,
  )
  if (!isMade) return undefined
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 1 }).catch(() => {})
  try {
    await writeFileAtomically(join(path, WEIGHT_FILE), (sink) => weights.write(sink))
    return { path, remove }
  } catch (error) {
    await remove()
    if (isInverseFormError(error) && error.code === 'write-failed') return undefined
    throw error
  }
}
