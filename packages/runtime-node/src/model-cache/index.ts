import { join } from 'node:path'
import { checkArgument } from '@inverseform/errors'
import { inverseFormCache } from '@inverseform/shared/node'
import { contentHashOf } from './content-hash.js'
import { type CachedModel, ModelCache, modelsIn, remove } from './model-cache.js'

export { type CachedModel, type FoundModel, MODEL_FILE, ModelCache, WEIGHT_FILE } from './model-cache.js'

const DEFAULT_GIB = 4

/**
 * Returns the most bytes that the cached models may take, from INVERSEFORM_MODEL_CACHE; 0 turns the cache off.
 * @throws `invalid-argument`
 */
export function modelCacheBytes(env: NodeJS.ProcessEnv = process.env): number {
  const { INVERSEFORM_MODEL_CACHE: text = '' } = env
  const gib = text.trim() === '' ? DEFAULT_GIB : Number(text)
  checkArgument('INVERSEFORM_MODEL_CACHE', text, gib >= 0, 'a number of GiB, or 0 to keep no models')
  return gib * 2 ** 30
}

/** Returns the cache for the models of a checkpoint; undefined if it is off or there is no folder for it. */
export function userModelCache(checkpoint: string | Uint8Array, maxBytes: number): ModelCache | undefined {
  const folder = modelFolder()
  if (folder === undefined || maxBytes === 0) return undefined
  return new ModelCache({ folder, maxBytes, content: contentHashOf(checkpoint, folder) })
}

/** Lists the converted models in the cache folder. */
export async function listCachedModels(): Promise<CachedModel[]> {
  const folder = modelFolder()
  return folder === undefined ? [] : modelsIn(folder)
}

/**
 * Removes all converted models from the cache folder. Segmenters that have loaded one keep working.
 * @returns those that were removed
 */
export async function clearCachedModels(): Promise<CachedModel[]> {
  const models = await listCachedModels()
  for (const { folder } of models) await remove(folder)
  const left = new Set((await listCachedModels()).map(({ folder }) => folder))
  return models.filter(({ folder }) => !left.has(folder))
}

function modelFolder(): string | undefined {
  const cache = inverseFormCache()
  return cache && join(cache, 'models')
}
