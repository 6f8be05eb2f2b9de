import { readFileSync } from 'node:fs'
import { bytesSource, openCheckpoint, type SegmentationModelName, toFloat32 } from '@inverseform/backbones'
import type { FloatTensor } from './tensors.js'

const folder = new URL('../fixtures/models/', import.meta.url)

export interface StateDictEntry {
  readonly name: string
  readonly dtype: 'float32' | 'int64'
  readonly shape: readonly number[]
  /** Whether the tensor exists only with the edge head. */
  readonly edge?: boolean
}

/** Reads the names, types and shapes of the published network's state dict, in order. */
export function goldenStateDict(model: SegmentationModelName): StateDictEntry[] {
  return JSON.parse(readFileSync(new URL(`${model}.state-dict.json`, folder), 'utf8'))
}

/** The sizes with golden outputs, and the name of the deterministic image that gave them. */
export const goldenInputs = [
  { size: '32x64', image: 'images', height: 32, width: 64 },
  { size: '61x93', image: 'odd', height: 61, width: 93 },
] as const

/** Reads the published network's outputs at a size. */
export async function goldenOutputs(
  model: SegmentationModelName,
  size: (typeof goldenInputs)[number]['size'],
): Promise<Record<string, FloatTensor>> {
  return readTensors(new URL(`${model}.${size}.safetensors`, folder))
}

/** Reads all tensors of a safetensors file as float32. */
export async function readTensors(file: URL): Promise<Record<string, FloatTensor>> {
  const { tensors } = await openCheckpoint(bytesSource(readFileSync(file), file.pathname))
  const read = [...tensors.values()].map(
    async ({ name, shape, read }) => [name, { shape, data: toFloat32(await read()) }] as const,
  )
  return Object.fromEntries(await Promise.all(read))
}

/** Reads edge maps and the published InverseNet's coefficients for their tiles. */
export const inverseNetGoldens = () =>
  readTensors(new URL('../fixtures/losses/inversenet.safetensors', import.meta.url))
