import { readFileSync } from 'node:fs'
import { bytesSource, openCheckpoint, type SegmentationModelName, toFloat32 } from '../../src/index.js'
import type { FloatTensor } from './tensors.js'

const folder = new URL('../fixtures/models/', import.meta.url)

export interface StateDictEntry {
  readonly name: string
  readonly dtype: 'float32' | 'int64'
  readonly shape: readonly number[]
  /** Exists only with the edge head. */
  readonly edge?: boolean
}

/** The published network's state dict, in order. */
export function goldenStateDict(model: SegmentationModelName): StateDictEntry[] {
  return JSON.parse(readFileSync(new URL(`${model}.state-dict.json`, folder), 'utf8'))
}

/** Sizes for which there are golden outputs, and the deterministic image that was run. */
export const goldenInputs = [
  { size: '32x64', image: 'images', height: 32, width: 64 },
  { size: '61x93', image: 'odd', height: 61, width: 93 },
] as const

export async function goldenOutputs(
  model: SegmentationModelName,
  size: (typeof goldenInputs)[number]['size'],
): Promise<Record<string, FloatTensor>> {
  return readTensors(new URL(`${model}.${size}.safetensors`, folder))
}

/** All tensors of a safetensors file, as float32. */
export async function readTensors(file: URL): Promise<Record<string, FloatTensor>> {
  const { tensors } = await openCheckpoint(bytesSource(readFileSync(file), file.pathname))
  const read = [...tensors.values()].map(
    async ({ name, shape, read }) => [name, { shape, data: toFloat32(await read()) }] as const,
  )
  return Object.fromEntries(await Promise.all(read))
}
