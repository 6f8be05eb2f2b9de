import { InverseFormError } from '@inverseform/errors'
import { type Connection, timeOf } from './connection.js'
import { jobIdOf, queueKey, RUNS, runKey, sha256 } from './keys.js'

/** What a run is: published once, and read by each worker that takes part. */
export interface RunDescription {
  /** The version of the program. Workers of other versions leave the run alone. */
  readonly program: string
  /** What the run is, for lists. */
  readonly title: string
  /** The names of the images, each once. */
  readonly images: readonly string[]
  /** What workers must know to process an image: any JSON. */
  readonly work: unknown
}

/** `open`: workers take images. `stopped`: an error ended the run. `finished`: all results were taken. */
export type RunState = 'open' | 'stopped' | 'finished'

/** A run in a list. */
export interface RunSummary {
  readonly id: string
  readonly program: string
  readonly title: string
  readonly state: RunState
  /** Milliseconds since 1970, by the clock of Redis. */
  readonly started: number
  readonly images: number
  readonly waiting: number
  readonly active: number
  /** Images with a result; also those that were skipped. */
  readonly done: number
  /** Images a second, over the last minute. */
  readonly rate: number
  /** Images that were given up: their jobs were altered, or their workers ended each time. */
  readonly failed: number
}

/** Most bytes of a description: half a million images with long names. */
const MAX_BYTES = 2 ** 27

/**
 * Publishes a run, unless it is there. Workers see it at once.
 * @returns whether it was there
 */
export async function publishRun(
  connection: Connection,
  id: string,
  description: RunDescription,
): Promise<boolean> {
  const { redis } = connection
  const text = JSON.stringify(description)
  if (text.length > MAX_BYTES) {
    throw new InverseFormError(
      'limit-exceeded',
      `The run has ${description.images.length} images: too many.`,
      {
        hint: `Names and options may take ${MAX_BYTES / 2 ** 20} MiB. Divide the images into several runs.`,
      },
    )
  }
  const { program, title, images } = description
  const started = await timeOf(connection)
  const results = await redis
    .multi()
    .hsetnx(runKey(id), 'state', 'open')
    .hset(runKey(id), { program, title, images: images.length, description: text, sha256: sha256(text) })
    // Each event would hold the result of an image a second time, and nobody reads them.
    .hset(queueKey(id, 'meta'), 'opts.maxLenEvents', 10)
    .zadd(RUNS, 'NX', started, id)
    .exec()
  return results?.[0][1] === 0
}

/** Whether a run is published. */
export const hasRun = async ({ redis }: Connection, id: string): Promise<boolean> =>
  (await redis.hexists(runKey(id), 'description')) === 1

/**
 * Reads what a run is.
 * @throws InverseFormError `not-found`; `unreadable` if it was altered
 */
export async function readRun({ redis }: Connection, id: string): Promise<RunDescription> {
  if ((await redis.hstrlen(runKey(id), 'description')) > 3 * MAX_BYTES) throw altered(id)
  const [text, hash] = await redis.hmget(runKey(id), 'description', 'sha256')
  if (text === null) throw unknownRun(id)
  if (sha256(text) !== hash) throw altered(id)
  const json: unknown = JSON.parse(text)
  if (!isDescription(json)) throw altered(id)
  return json
}

/** @throws InverseFormError `not-found` */
export async function setState({ redis }: Connection, id: string, state: RunState): Promise<void> {
  if ((await redis.exists(runKey(id))) === 0) throw unknownRun(id)
  await redis.hset(runKey(id), 'state', state)
}

/** Milliseconds over which a rate is taken. */
const RATE_TIME = 60_000

/** Lists all runs, the oldest first. */
export async function listRuns(connection: Connection): Promise<RunSummary[]> {
  const { redis } = connection
  const listed = await redis.zrange(RUNS, '0', '-1', 'WITHSCORES')
  const entries = listed.flatMap((id, i) => (i % 2 === 0 ? [[id, Number(listed[i + 1])] as const] : []))
  if (entries.length === 0) return []
  const now = await timeOf(connection)
  const runs = await Promise.all(entries.map(([id, started]) => summaryOf(connection, id, started, now)))
  const gone = entries.filter((_, i) => runs[i] === undefined).map(([id]) => id)
  if (gone.length > 0) await redis.zrem(RUNS, ...gone)
  return runs.filter((run) => run !== undefined)
}

/** Returns what a list says of a run; undefined for one that has expired. */
async function summaryOf(
  { redis }: Connection,
  id: string,
  started: number,
  now: number,
): Promise<RunSummary | undefined> {
  const results = await redis
    .multi()
    .hmget(runKey(id), 'program', 'title', 'state', 'images')
    .llen(queueKey(id, 'wait'))
    .llen(queueKey(id, 'active'))
    .zcard(queueKey(id, 'completed'))
    .zcard(queueKey(id, 'failed'))
    .zcount(queueKey(id, 'completed'), now - RATE_TIME, '+inf')
    .exec()
  // A key of another type has no value.
  const [[program, title, state, images] = [null], waiting, active, done, failed, recent] = (
    results ?? []
  ).map(([, value]) => value) as [(string | null)[], number, number, number, number, number]
  if (program === null) return undefined
  return {
    id,
    program,
    title: title ?? '',
    state: state === 'stopped' || state === 'finished' ? state : 'open',
    started,
    images: Number(images),
    waiting,
    active,
    done,
    rate: (1000 * recent) / Math.max(1000, Math.min(RATE_TIME, now - started)),
    failed,
  }
}

/** The keys of BullMQ's that each run has, beside those of its jobs. */
const lists = [
  ...[
    'active',
    'wait',
    'waiting-children',
    'paused',
    'id',
    'delayed',
    'prioritized',
    'stalled-check',
    'completed',
    'failed',
  ],
  ...['stalled', 'repeat', 'limiter', 'meta', 'events', 'pc', 'marker', 'de'],
]

/** Returns all keys of a run, in groups: first the lists, so that no worker takes a job that is gone. */
async function* keysOf({ redis }: Connection, id: string): AsyncGenerator<string[]> {
  yield [runKey(id), ...lists.map((name) => queueKey(id, name))]
  const match = `${queueKey(id, 'image-')}*`
  for await (const keys of redis.scanStream({ match, count: 1000 })) {
    if (keys.length > 0) yield keys as string[]
  }
}

/** Removes a run with its results. A worker that has one of its images drops it. */
export async function removeRun(connection: Connection, id: string): Promise<void> {
  await connection.redis.zrem(RUNS, id)
  for await (const keys of keysOf(connection, id)) await connection.redis.unlink(...keys)
}

/** Lets a run with its results stay for some time. */
export async function expireRun(connection: Connection, id: string, seconds: number): Promise<void> {
  for await (const keys of keysOf(connection, id)) {
    const pipeline = connection.redis.pipeline()
    for (const key of keys) pipeline.expire(key, seconds)
    await pipeline.exec()
  }
}

/** Lets a run stay that was to expire, since it goes on. */
export async function keepRun(connection: Connection, id: string): Promise<void> {
  if ((await connection.redis.ttl(runKey(id))) < 0) return
  for await (const keys of keysOf(connection, id)) {
    const pipeline = connection.redis.pipeline()
    for (const key of keys) pipeline.persist(key)
    await pipeline.exec()
  }
}

/** Returns the image of each job of a run. */
export const imagesByJob = (images: readonly string[]): ReadonlyMap<string, string> =>
  new Map(images.map((image) => [jobIdOf(image), image]))

function isDescription(json: unknown): json is RunDescription {
  if (typeof json !== 'object' || json === null) return false
  const { program, title, images } = json as Partial<RunDescription>
  return (
    typeof program === 'string' &&
    typeof title === 'string' &&
    Array.isArray(images) &&
    images.every((image) => typeof image === 'string') &&
    'work' in json
  )
}

const unknownRun = (id: string) =>
  new InverseFormError('not-found', `There is no run ${id}.`, {
    hint: 'List the runs, and pass the id of one.',
    details: { run: id },
  })

const altered = (id: string) =>
  new InverseFormError('unreadable', `The description of run ${id} is not as it was written.`, {
    hint: 'Remove this run, and start it again.',
    details: { run: id },
  })
