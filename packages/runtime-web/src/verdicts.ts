/** Remembers which GPUs have passed the self-check. */
export interface Verdicts {
  /** How far a GPU was off WebAssembly, if it passed. */
  find(key: string): Promise<number | undefined>
  keep(key: string, disagreement: number): Promise<void>
}

const CACHE = 'inverseform-self-checks-v1'

/** Verdicts in the browser's Cache API. Where that is not to be had or is full, GPUs are checked each time. */
export const cachedVerdicts: Verdicts = {
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
    } catch {}
  },
}

/** Entries are found by URLs; this one is never fetched. */
const urlOf = (key: string): string => `https://self-check.invalid/?${encodeURIComponent(key)}`
