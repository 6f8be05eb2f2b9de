import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from '@inverseform/backbones'
import { writeFileAtomically } from '@inverseform/backbones/node'
import { isInverseFormError } from '@inverseform/errors'

export const WEIGHT_FILE = 'weights.bin'

/**
 * Makes a folder with a model's weights for the time of `use`, so that ONNX Runtime maps them into memory instead of
 * copying them twice. Once mapped they need no name any more.
 *
 * Gives undefined, without calling `use`, where there is no room for them.
 */
export async function withWeightFolder<T>(
  weights: Writable,
  use: (folder: string) => Promise<T>,
): Promise<T | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'inverseform-')).catch(() => undefined)
  if (folder === undefined) return undefined
  try {
    const written = await writeFileAtomically(join(folder, WEIGHT_FILE), (sink) => weights.write(sink)).then(
      () => true,
      (error) => {
        if (isInverseFormError(error) && error.code === 'write-failed') return false
        throw error
      },
    )
    return written ? await use(folder) : undefined
  } finally {
    // Windows does not remove files that are mapped; its clean-up of temporary files will.
    await rm(folder, { recursive: true, force: true, maxRetries: 1 }).catch(() => {})
  }
}
