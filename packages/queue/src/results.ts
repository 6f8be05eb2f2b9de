import type { Connection } from './connection.js'
import { jobIdOf, queueKey, sha256 } from './keys.js'

/** The result of an image, as a worker wrote it. */
export interface ImageResult {
  readonly image: string
  /** What `process` returned. */
  readonly payload: unknown
}

/** Most bytes of a result: the counts of some hundred classes. */
export const MAX_RESULT_BYTES = 2 ** 22

/** What a job returns: the result with its checksum, which finds accidents, not malice. */
export interface Envelope extends ImageResult {
  readonly sha256: string
}

/** @throws Error for a result that is too large */
export function sealed(run: string, image: string, payload: unknown): Envelope {
  const text = JSON.stringify(payload)
  if (text.length > MAX_RESULT_BYTES) {
    throw new Error(`The result of ${image} has ${text.length} bytes, more than ${MAX_RESULT_BYTES}.`)
  }
  return { image, payload, sha256: checksum(run, image, text) }
}

/** Reads what a job returned; undefined if it was altered, or is of another image or run. */
export function unsealed(run: string, image: string, text: string): ImageResult | undefined {
  try {
    const { image: named, payload, sha256: written } = JSON.parse(text) as Partial<Envelope>
    const isIntact = named === image && written === checksum(run, image, JSON.stringify(payload))
    return isIntact ? { image, payload } : undefined
  } catch {
    return undefined
  }
}

const checksum = (run: string, image: string, payload: string) =>
  sha256(JSON.stringify([run, image, payload]))

/** Reads what the jobs of images returned; undefined for what was altered. */
export async function readResults(
  { redis }: Connection,
  run: string,
  images: readonly string[],
): Promise<(ImageResult | undefined)[]> {
  const keys = images.map((image) => queueKey(run, jobIdOf(image)))
  const sizes = await redis.pipeline(keys.map((key) => ['hstrlen', key, 'returnvalue'])).exec()
  const isReadable = (_: unknown, i: number) => Number(sizes?.[i][1]) <= 4 * MAX_RESULT_BYTES
  const readable = images.filter(isReadable)
  const texts = await redis
    .pipeline(keys.filter(isReadable).map((key) => ['hget', key, 'returnvalue']))
    .exec()
  const results = new Map(
    readable.map((image, i) => {
      const text = texts?.[i][1]
      return [image, typeof text === 'string' ? unsealed(run, image, text) : undefined]
    }),
  )
  return images.map((image) => results.get(image))
}

/** Yields the results of a run that are there, in no order, and leaves out what was altered. */
export async function* resultsOf(
  connection: Connection,
  run: string,
  images: ReadonlyMap<string, string>,
): AsyncGenerator<ImageResult> {
  const ids = await connection.redis.zrange(queueKey(run, 'completed'), '0', '-1')
  const names = ids.map((id) => images.get(id)).filter((name) => name !== undefined)
  for (let i = 0; i < names.length; i += BATCH) {
    const read = await readResults(connection, run, names.slice(i, i + BATCH))
    yield* read.filter((result) => result !== undefined)
  }
}

/** Results that are read together. */
export const BATCH = 100
