import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { type RedisServer, redisPath, startRedis } from '@inverseform/testing/redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  type CollectOptions,
  type Connection,
  collect,
  connect,
  expireRun,
  type ImageOutcome,
  listRuns,
  listWorkers,
  type Processor,
  publishRun,
  readRun,
  removeRun,
  retry,
  serveMetrics,
  setState,
  submit,
  type WorkEvent,
  type WorkOptions,
  work,
} from '../src/index.js'
import { jobIdOf, queueKey, runKey } from '../src/keys.js'
import workerProgram from './worker-program.ts?bundled'

const program = '1.2.3'
const names = (count: number) => Array.from({ length: count }, (_, i) => `city:${i}/${i}`)
let runs = 0

/** A run whose images have an id, the results of which are collected into a map. */
function aRun(images: readonly string[]) {
  const id = `run-${runs++}`
  const description = { program, title: 'a test', images, work: { scale: 2 } }
  const taken = new Map<string, unknown>()
  const givenUp = new Map<string, string>()
  const notes: string[] = []
  const counted: string[] = []
  const options: CollectOptions = {
    id,
    description,
    interval: 20,
    isDone: (image) => taken.has(image) || givenUp.has(image),
    async onResult({ image, payload }) {
      counted.push(image)
      taken.set(image, payload)
      return undefined
    },
    async onGivenUp(image, reason) {
      givenUp.set(image, reason)
    },
    onNote: (note) => notes.push(note),
  }
  return { id, description, taken, givenUp, notes, counted, options }
}

/** What a worker computes of an image in these tests. */
const resultOf = (image: string) => ({ length: image.length, image })
const expected = (images: readonly string[]) => new Map(images.map((image) => [image, resultOf(image)]))

const processor = (process: Processor['process'], concurrency = 1): Processor => ({
  concurrency,
  device: 'test',
  process,
  async [Symbol.asyncDispose]() {},
})

/** Starts a worker in this process, which ends with the test. */
function aWorker(
  connection: Connection,
  process: Processor['process'] = async (image) => resultOf(image),
  options: Partial<WorkOptions> & { readonly concurrency?: number } = {},
) {
  const stop = new AbortController()
  const events: WorkEvent[] = []
  const notes: string[] = []
  const ended = work(connection, {
    program,
    open: async () => processor(process, options.concurrency),
    signal: stop.signal,
    lease: 1000,
    grace: 200,
    interval: 50,
    onEvent: (event) => events.push(event),
    onNote: (note) => notes.push(note),
    ...options,
  })
  ended.catch(() => {})
  onTestFinished(async () => {
    stop.abort()
    await ended.catch(() => {})
  })
  return { stop, events, notes, ended }
}

/** Waits until something is true. */
async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await setTimeout(10)
}

describe.skipIf(!redisPath)('with a server', () => {
  let server: RedisServer
  let connection: Connection
  beforeAll(async () => {
    server = await startRedis()
    connection = await connect(server.url)
  })
  afterAll(async () => {
    await connection[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  test('each image is processed by one of the workers, and counts once', async () => {
    const run = aRun(names(60))
    const workers = [aWorker(connection, undefined, { concurrency: 3 }), aWorker(connection)]
    await collect(connection, run.options)
    expect(run.taken).toEqual(expected(names(60)))
    expect(run.counted.toSorted()).toEqual(names(60).toSorted())
    const done = workers.map(({ events }) => events.filter(({ type }) => type === 'done').length)
    expect(done[0] + done[1]).toBe(60)
    const [summary] = (await listRuns(connection)).filter(({ id }) => id === run.id)
    expect(summary).toMatchObject({ state: 'open', images: 60, waiting: 0, active: 0, done: 60, failed: 0 })
    expect(await listWorkers(connection)).toMatchObject([{ device: 'test' }, { device: 'test' }])
  })

  test('an image whose lease ended goes to another worker, and counts once', async () => {
    const run = aRun(['slow'])
    let calls = 0
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const process = async (image: string) => {
      calls++
      await gate
      return resultOf(image)
    }
    // Its lease is so long that it does not notice.
    const first = aWorker(connection, process, { lease: 60_000 })
    const collected = collect(connection, run.options)
    await until(() => calls === 1)
    await connection.redis.del(`${queueKey(run.id, jobIdOf('slow'))}:lock`, queueKey(run.id, 'stalled-check'))
    const second = aWorker(connection)
    await collected
    release()
    expect(run.counted).toEqual(['slow'])
    expect(run.taken).toEqual(expected(['slow']))
    await until(() => first.events.some(({ type }) => type === 'lost'))
    expect(second.events.map(({ type }) => type)).toEqual(['started', 'done'])
  })

  test('a job that was altered is refused and done again; one of somebody else is removed', async () => {
    const images = names(4)
    const run = aRun(images)
    await submit(connection, run.options)
    const { redis } = connection
    const data = (image: string) => queueKey(run.id, jobIdOf(image))
    await redis.hset(data(images[0]), 'data', JSON.stringify({ image: images[1] }))
    await redis.hset(data(images[1]), 'data', '{"image":')
    await redis.hset(data(images[2]), 'data', JSON.stringify({ image: '../../etc/passwd' }))
    await redis.hset(queueKey(run.id, 'stranger'), {
      name: 'image',
      data: '{"image":"/etc/passwd"}',
      opts: '{}',
    })
    await redis.lpush(queueKey(run.id, 'wait'), 'stranger')
    const processed: string[] = []
    aWorker(connection, async (image) => {
      processed.push(image)
      return resultOf(image)
    })
    await collect(connection, run.options)
    expect(run.taken).toEqual(expected(images))
    expect(processed.toSorted()).toEqual(images)
    expect(run.counted.toSorted()).toEqual(images)
    await until(async () => (await redis.exists(queueKey(run.id, 'stranger'))) === 0 || run.notes.length > 3)
    expect(run.notes.toSorted().slice(-3)).toEqual([
      `${images[0]} is done again: The job is not as it was added: it is of another image.`,
      `${images[1]} is done again: The job is not as it was added: it names no image.`,
      `${images[2]} is done again: The job is not as it was added: the run has no such image.`,
    ])
  })

  test('a result that was altered, cut short or copied from another image is done again', async () => {
    const images = names(4)
    const run = aRun(images)
    await submit(connection, run.options)
    const worker = aWorker(connection)
    await until(() => worker.events.filter(({ type }) => type === 'done').length === 4)
    const { redis } = connection
    const value = (image: string) => queueKey(run.id, jobIdOf(image))
    const written = (await redis.hget(value(images[0]), 'returnvalue')) as string
    await redis.hset(value(images[0]), 'returnvalue', written.replace('"length":8', '"length":9'))
    await redis.hset(value(images[1]), 'returnvalue', written)
    await redis.hset(value(images[2]), 'returnvalue', written.slice(0, -10))
    await redis.hdel(value(images[3]), 'returnvalue')
    await collect(connection, run.options)
    expect(run.taken).toEqual(expected(images))
    expect(run.counted.toSorted()).toEqual(images)
    expect(run.notes).toHaveLength(4)
    expect(run.notes[0]).toBe(`${images[0]} is done again: its result is not as it was written.`)
  })

  test('an image whose result is of no use ends the run after some times', async () => {
    const run = aRun(['a'])
    aWorker(connection)
    const collected = collect(connection, { ...run.options, onResult: async () => 'it is of other files' })
    await expect(collected).rejects.toMatchObject({
      code: 'inference-failed',
      message: 'The image a failed 4 times: it is of other files.',
    })
    await removeRun(connection, run.id)
  })

  test('runs of another version are left alone, and named', async () => {
    const run = aRun(['a'])
    await submit(connection, run.options)
    const other = aWorker(connection, undefined, { program: '9.9.9' })
    await until(() => other.notes.some((note) => note.includes(run.id)))
    expect(other.notes.find((note) => note.includes(run.id))).toBe(
      `Run ${run.id} (a test) is left to others: it is of version 1.2.3, and this worker of 9.9.9.`,
    )
    expect((await listRuns(connection)).find(({ id }) => id === run.id)).toMatchObject({ waiting: 1 })
    await removeRun(connection, run.id)
  })

  test('a description that was altered is not taken', async () => {
    const run = aRun(['a'])
    await submit(connection, run.options)
    await connection.redis.hset(
      runKey(run.id),
      'description',
      JSON.stringify({ ...run.description, work: 1 }),
    )
    const worker = aWorker(connection, undefined, { untilEmpty: true })
    await expect(worker.ended).rejects.toMatchObject({ code: 'unreadable' })
    expect(worker.notes[0]).toContain('is not as it was written')
    await removeRun(connection, run.id)
    await expect(readRun(connection, run.id)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('an error of a worker ends it, and the image goes to others; after five workers it is given up', async () => {
    const run = aRun(['good', 'poison'])
    const collected = collect(connection, run.options)
    const process = async (image: string) => {
      if (image === 'poison') throw new Error('Memory ran out.')
      return resultOf(image)
    }
    for (let i = 0; i < 5; i++) {
      await expect(aWorker(connection, process).ended).rejects.toThrow('Memory ran out.')
    }
    await collected
    expect(run.taken).toEqual(expected(['good']))
    expect(run.givenUp).toEqual(new Map([['poison', 'Memory ran out.']]))
    // Whoever goes on with the run has it tried again.
    expect(await retry(connection, run.id, run.description.images, () => false)).toBe(1)
    aWorker(connection)
    const again = aRun(run.description.images)
    await collect(connection, { ...again.options, id: run.id })
    expect(again.taken).toEqual(expected(['good', 'poison']))
  })

  test('an image that lost six workers without a word is given up', async () => {
    const run = aRun(['poison'])
    await submit(connection, run.options)
    const job = queueKey(run.id, jobIdOf('poison'))
    await connection.redis.hset(job, 'stc', 5)
    let calls = 0
    aWorker(connection, async (image, signal) => {
      calls++
      await setTimeout(60_000, undefined, { signal })
      return resultOf(image)
    })
    await until(() => calls === 1)
    await connection.redis.del(`${job}:lock`)
    await collect(connection, run.options)
    expect(run.givenUp).toEqual(new Map([['poison', 'Each worker that took it was lost.']]))
  })

  test('a worker that is stopped finishes its image, or hands it back', async () => {
    const run = aRun(['short', 'long'])
    await submit(connection, run.options)
    const started: string[] = []
    const first = aWorker(
      connection,
      async (image, signal) => {
        started.push(image)
        await setTimeout(image === 'short' ? 100 : 60_000, undefined, { signal })
        return resultOf(image)
      },
      { concurrency: 2 },
    )
    await until(() => started.length === 2)
    first.stop.abort(new Error('stopped'))
    await expect(first.ended).rejects.toThrow('stopped')
    expect(first.events.slice(2).map(({ type }) => type)).toEqual(['done', 'handed-back'])
    expect((await listRuns(connection)).find(({ id }) => id === run.id)).toMatchObject({
      waiting: 1,
      done: 1,
    })
    aWorker(connection)
    await collect(connection, run.options)
    expect(run.taken).toEqual(expected(['short', 'long']))
  })

  test('a run that is stopped is left, and goes on when it is open again', async () => {
    const run = aRun(names(50))
    await submit(connection, run.options)
    let left = 0
    const process = async (image: string) => {
      await setTimeout(50)
      return resultOf(image)
    }
    const worker = aWorker(connection, process, { onLeave: () => left++ })
    await until(() => worker.events.length > 0)
    expect(left).toBe(0)
    await setState(connection, run.id, 'stopped')
    await until(async () => (await listRuns(connection)).find(({ id }) => id === run.id)?.active === 0)
    await until(() => left === 1)
    const { waiting } = (await listRuns(connection)).find(({ id }) => id === run.id) ?? {}
    expect(waiting).toBeGreaterThan(0)
    await setState(connection, run.id, 'open')
    await collect(connection, run.options)
    expect(run.taken).toEqual(expected(run.description.images))
  })

  test('a run expires or is removed with all of its keys', async () => {
    const run = aRun(names(30))
    aWorker(connection)
    await collect(connection, run.options)
    await setState(connection, run.id, 'finished')
    const keys = () => connection.redis.keys(`*${run.id}*`)
    await expireRun(connection, run.id, 1000)
    const times = await Promise.all((await keys()).map((key) => connection.redis.ttl(key)))
    expect(times.length).toBeGreaterThan(30)
    expect(times.filter((time) => time < 0)).toEqual([])
    expect(await publishRun(connection, run.id, run.description)).toBe(true)
    await removeRun(connection, run.id)
    expect(await keys()).toEqual([])
    expect((await listRuns(connection)).map(({ id }) => id)).not.toContain(run.id)
  })
})

/** Starts a worker in a process of its own, which is killed with the test. */
function aProcess(
  url: string,
  milliseconds: number,
): { readonly child: ChildProcess; starts(): Promise<void> } {
  const child = spawn(process.execPath, [workerProgram, url, `${milliseconds}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })
  let started = 0
  child.stdout?.on('data', (text) => (started += String(text).split('\n').length - 1))
  return { child, starts: () => until(() => started > 0) }
}

// Windows has no such signals.
describe.skipIf(!redisPath || process.platform === 'win32')('with a server of its own', () => {
  async function open(): Promise<{ server: RedisServer; connection: Connection; notes: string[] }> {
    const server = await startRedis()
    const notes: string[] = []
    const connection = await connect(server.url, { onNote: (note) => notes.push(note) })
    onTestFinished(async () => {
      await connection[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    })
    return { server, connection, notes }
  }

  test('images of workers that are killed or frozen are taken up again, and count once', async () => {
    const { server, connection } = await open()
    const run = aRun(names(30))
    const collected = collect(connection, run.options)
    const [killed, frozen] = [aProcess(server.url, 200), aProcess(server.url, 200)]
    await Promise.all([killed.starts(), frozen.starts()])
    killed.child.kill('SIGKILL')
    frozen.child.kill('SIGSTOP')
    aWorker(connection)
    await collected
    frozen.child.kill('SIGCONT')
    expect(run.taken).toEqual(expected(run.description.images))
    expect(run.counted.toSorted()).toEqual(run.description.images.toSorted())
    const results = await connection.redis.zcard(queueKey(run.id, 'completed'))
    expect(results).toBe(30)
  })

  test.each(['SIGTERM', 'SIGKILL'] as const)('Redis is restarted after %s', async (signal) => {
    const { server, connection, notes } = await open()
    const run = aRun(names(40))
    const worker = aWorker(
      connection,
      async (image) => {
        await setTimeout(20)
        return resultOf(image)
      },
      { concurrency: 2 },
    )
    const collected = collect(connection, run.options)
    await until(() => run.taken.size > 5)
    // What comes after this is lost with SIGKILL: results, and who has which image.
    await connection.redis.save()
    await until(() => run.taken.size > 15)
    await server.stop(signal)
    await setTimeout(200)
    await server.start()
    await collected
    expect(run.taken).toEqual(expected(run.description.images))
    expect(run.counted.toSorted()).toEqual(run.description.images.toSorted())
    expect(notes[0]).toContain('Trying again.')
    expect(notes.at(-1)).toBe(`Redis at 127.0.0.1:${server.port} answers again.`)
    expect(worker.events.length).toBeGreaterThan(0)
  })

  test('a worker that is stopped ends, although Redis is away and images are in flight', async () => {
    const { server, connection } = await open()
    const run = aRun(names(30))
    await submit(connection, run.options)
    const worker = aProcess(server.url, 100)
    await worker.starts()
    await server.stop('SIGKILL')
    worker.child.kill('SIGTERM')
    const [exitCode] = await once(worker.child, 'exit')
    expect(exitCode).toBe(0)
  })

  test('Redis lost everything', async () => {
    const { connection } = await open()
    const run = aRun(names(20))
    const collected = collect(connection, run.options)
    await until(async () => (await listRuns(connection)).length === 1)
    await connection.redis.flushall()
    aWorker(connection)
    await collected
    expect(run.taken).toEqual(expected(run.description.images))
  })
})

test('metrics count what happens to images, and are served at this machine alone', async () => {
  await using metrics = await serveMetrics({ port: 0 })
  const at = { run: 'r', image: 'a' }
  const outcomeOf = (payload: unknown) => payload as ImageOutcome
  for (let i = 0; i < 4; i++) metrics.count({ type: 'started', ...at }, outcomeOf)
  metrics.count({ type: 'done', ...at, payload: { outcome: 'done', seconds: { network: 0.2 } } }, outcomeOf)
  metrics.count({ type: 'done', ...at, payload: { outcome: 'skipped' } }, outcomeOf)
  metrics.count({ type: 'lost', ...at }, outcomeOf)
  expect(new URL(metrics.url).hostname).toBe('127.0.0.1')
  const text = await (await fetch(metrics.url)).text()
  const lines = text.split('\n').filter((line) => line.startsWith('inverseform_'))
  expect(lines).toEqual(
    expect.arrayContaining([
      'inverseform_images_total{outcome="done"} 1',
      'inverseform_images_total{outcome="skipped"} 1',
      'inverseform_images_total{outcome="lost"} 1',
      'inverseform_images_total{outcome="failed"} 0',
      'inverseform_images_in_flight 1',
      'inverseform_stage_seconds_bucket{le="0.1",stage="network"} 0',
      'inverseform_stage_seconds_bucket{le="0.5",stage="network"} 1',
    ]),
  )
  expect(text).toContain('process_cpu_seconds_total')
  expect((await fetch(metrics.url.replace('/metrics', '/'))).status).toBe(404)
  const { port } = new URL(metrics.url)
  const [response] = await once(get({ port, path: '//' }), 'response')
  expect(response.resume().statusCode).toBe(404)
  await expect(serveMetrics({ port: Number(port) })).rejects.toMatchObject({ code: 'invalid-argument' })
})

test.skipIf(!redisPath)(
  'a run that another process finished goes on while images are left here',
  async () => {
    await using server = await startRedis()
    await using connection = await connect(server.url)
    const run = aRun(['a', 'b'])
    const collecting = collect(connection, run.options)
    await until(async () => (await listRuns(connection))[0]?.waiting === 2)
    await setState(connection, run.id, 'finished')
    aWorker(connection)
    await collecting
    expect(run.taken).toEqual(expected(['a', 'b']))
  },
)

test.skipIf(!redisPath)('a run whose key another program wrote is not listed, and others are', async () => {
  await using server = await startRedis()
  await using connection = await connect(server.url)
  const [other, run] = [aRun(['a']), aRun(['b'])]
  for (const { id, description } of [other, run]) await submit(connection, { id, description })
  await connection.redis.set(runKey(other.id), 'text')
  expect(await listRuns(connection)).toMatchObject([{ id: run.id, waiting: 1 }])
})

test.skipIf(!redisPath)(
  'a worker that a full server refuses leaves nothing that keeps the process alive',
  async () => {
    await using server = await startRedis('--maxmemory', '1')
    await using connection = await connect(server.url)
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    await expect(aWorker(connection).ended).rejects.toThrow(/^OOM /)
    expect(vi.getTimerCount()).toBe(0)
  },
)

describe('a connection', () => {
  const others = [
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://h/runs',
    'redis://h?db=x',
    'redis://:a%zz@h',
  ]
  test.each(others)('refuses the address %s', async (url) => {
    await expect(connect(url)).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  test.skipIf(!redisPath)('refuses a database that the server does not have', async () => {
    await using server = await startRedis()
    await expect(connect(`${server.url}/99`)).rejects.toMatchObject({
      code: 'runtime-unavailable',
      message: expect.stringMatching(/\/99 refuses the connection: ERR DB index is out of range\.$/),
    })
  })

  test('says where nothing answers, without the password', async () => {
    const failed = connect('redis://me:secret@127.0.0.1:1/3', { timeout: 200 })
    await expect(failed).rejects.toMatchObject({
      code: 'runtime-unavailable',
      message: 'Redis at 127.0.0.1:1/3 cannot be reached: the connection is refused.',
    })
  })

  test.skipIf(!redisPath)('says that a password is wrong', async () => {
    await using server = await startRedis('--requirepass', 'right')
    for (const url of [server.url, server.url.replace('//', '//:wrong@')]) {
      const failed = connect(url)
      await expect(failed).rejects.toMatchObject({
        code: 'runtime-unavailable',
        message: expect.stringMatching(/ refuses the connection: (it wants|the name or) [a-z ]+\.$/),
        hint: expect.stringContaining('password'),
      })
      await failed.catch(({ message }) => expect(message).not.toContain('wrong@'))
    }
    await using connection = await connect(server.url.replace('//', '//:right@'))
    expect(await listRuns(connection)).toEqual([])
  })
})
