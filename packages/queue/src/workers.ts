import { hostname } from 'node:os'
import { type Connection, timeOf } from './connection.js'
import { WORKERS } from './keys.js'

/** A worker in a list. */
export interface WorkerSummary {
  readonly id: string
  readonly host: string
  readonly process: number
  readonly program: string
  /** The run that it takes images of; undefined while it waits for one. */
  readonly run?: string
  readonly device?: string
  /** Images of this run that it has done. */
  readonly done: number
}

/** Milliseconds between two signs of life. */
const INTERVAL = 5000
/** Milliseconds after which a worker that gives no sign is not listed. */
const GONE = 30_000

/** Tells others that a worker is there, and what it does. */
export class Heartbeat implements AsyncDisposable {
  readonly #connection: Connection
  #timer: NodeJS.Timeout | undefined
  #summary: WorkerSummary
  #sent = Number.NEGATIVE_INFINITY

  constructor(connection: Connection, { id, program }: Pick<WorkerSummary, 'id' | 'program'>) {
    this.#connection = connection
    this.#summary = { id, host: hostname(), process: process.pid, program, done: 0 }
  }

  static async start(
    connection: Connection,
    options: Pick<WorkerSummary, 'id' | 'program'>,
  ): Promise<Heartbeat> {
    const heartbeat = new Heartbeat(connection, options)
    await heartbeat.beat({})
    // Started last: nobody would end the timer if Redis refuses the first sign, and it would keep the process alive.
    heartbeat.#timer = setInterval(() => heartbeat.beat({}).catch(() => {}), INTERVAL)
    return heartbeat
  }

  async beat(changes: Partial<WorkerSummary>): Promise<void> {
    const isNew = 'device' in changes
    this.#summary = { ...this.#summary, ...changes }
    if (!isNew && performance.now() - this.#sent < INTERVAL / 2) return
    this.#sent = performance.now()
    const { redis } = this.#connection
    const entry = { ...this.#summary, at: await timeOf(this.#connection) }
    await redis.hset(WORKERS, this.#summary.id, JSON.stringify(entry))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    const { redis } = this.#connection
    if (redis.status === 'ready') await redis.hdel(WORKERS, this.#summary.id).catch(() => {})
  }
}

/** Lists the workers that are there. */
export async function listWorkers(connection: Connection): Promise<WorkerSummary[]> {
  const { redis } = connection
  const [entries, time] = await Promise.all([redis.hgetall(WORKERS), timeOf(connection)])
  const workers = Object.entries(entries).map(([id, text]) => ({ id, ...parsed(text) }))
  const gone = workers.filter(({ at }) => !(time - at < GONE)).map(({ id }) => id)
  if (gone.length > 0) await redis.hdel(WORKERS, ...gone)
  return workers.filter(({ id }) => !gone.includes(id)).map(({ at, ...worker }) => worker)
}

function parsed(text: string): Omit<WorkerSummary, 'id'> & { readonly at: number } {
  const nobody = { host: '', process: 0, program: '', done: 0, at: Number.NaN }
  try {
    return { ...nobody, ...JSON.parse(text) }
  } catch {
    return nobody
  }
}
