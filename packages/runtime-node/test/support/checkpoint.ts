import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SegmentationModelName, writeSafetensors } from '@inverseform/backbones'
import { writeFileAtomically } from '@inverseform/backbones/node'
import { inferenceCheckpoint } from '@inverseform/testing'

/** Makes a folder that is removed when the scope ends. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Writes a checkpoint with deterministic weights and its edge head; returns its path. */
export async function writeCheckpoint(folder: string, model: SegmentationModelName): Promise<string> {
  const path = join(folder, `${model}.safetensors`)
  const { tensors } = inferenceCheckpoint(model, { edgeHead: true })
  await writeFileAtomically(path, (sink) => writeSafetensors(tensors.values(), sink))
  return path
}
