import type { VerdictStore } from '@inverseform/runtime'

const CACHE = 'inverseform-self-checks-v1'

/** Keeps verdicts in the browser's Cache API. If it is missing or full, GPUs are checked each time. */
export const cachedVerdicts: VerdictStore = {
  async find(key) {
    try {
      const entry = await (await caches.open(CACHE)).match(urlOf(key))
      const disagreement = await entry?.json()
      return typeof disagreement === 'number' ? disagreement : undefined
    } catch {
      return undefined
    }
  },
  async keep(key, disagreement) {
    try {
      await (await caches.open(CACHE)).put(urlOf(key), Response.json(disagreement))
    } catch {
      // The GPU is checked again next time.
    }
  },
}

/** Returns the URL that identifies an entry. It is never fetched. */
const urlOf = (key: string): string => `https://self-check.invalid/?${encodeURIComponent(key)}`
