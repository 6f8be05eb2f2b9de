import { createHash } from 'node:crypto'

/** The start of all keys. BullMQ's keys of a run are below `QUEUES`, by the run's id. */
const PREFIX = 'inverseform'
export const QUEUES = `${PREFIX}:queue`
/** The ids of all runs, a sorted set by the time of their start. */
export const RUNS = `${PREFIX}:runs`
/** What each worker is doing, a hash by the ids of the workers. */
export const WORKERS = `${PREFIX}:workers`

/** The description of a run, a hash. */
export const runKey = (run: string): string => `${PREFIX}:run:${run}`

/** A key of BullMQ's: of a job, or of a list such as `completed`. */
export const queueKey = (run: string, name: string): string => `${QUEUES}:${run}:${name}`

/** Returns the id of an image's job. Names may have colons and be numbers, which ids of BullMQ may not. */
export const jobIdOf = (image: string): string => `image-${sha256(image).slice(0, 32)}`

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
