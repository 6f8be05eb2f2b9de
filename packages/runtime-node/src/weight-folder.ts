import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from '@inverseform/backbones'
import { writeFileAtomically } from '@inverseform/backbones/node'
import { isInverseFormError } from '@inverseform/errors'

export const WEIGHT_FILE = 'weights.bin'

/** A temporary folder with a model's weights, so that ONNX Runtime maps them into memory instead of copying them twice. */
export interface WeightFolder {
  readonly path: string
  /** Windows does not remove what is mapped: call it again when it is mapped no more. */
  remove(): Promise<void>
}

/** Gives undefined where there is no room for the weights. */
export async function writeWeightFolder(weights: Writable): Promise<WeightFolder | undefined> {
  const path = await mkdtemp(join(tmpdir(), 'inverseform-')).catch(() => undefined)
  if (path === undefined) return undefined
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
