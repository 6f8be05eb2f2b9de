import { createReadStream } from 'node:fs'
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { connect, setState } from '@inverseform/queue'
import { serve } from '@inverseform/testing/downloads'
import { type RedisServer, redisPath, startRedis } from '@inverseform/testing/redis'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { contentsOf } from '../../../tools/scale/contents.js'
import { exitCodes } from '../src/exit-codes.js'
import { Printer } from '../src/printer.js'
import { shownData } from '../src/queue/data-source.js'
import { WorkLog } from '../src/queue/work-log.js'
import { checkpoint, dataset, eventsOf, inverseform, type Outcome, temporaryFolder } from './command-line.js'
import { copyOf, kill, type Started, start } from './scale.js'

const networks = ['--checkpoint', checkpoint, '--device', 'cpu']
/** All kinds of results that workers compute. */
const complete = [...networks, '--data', dataset, '--edge-head', '--loss', '--compare-edge-head']
const scoresOnly = [...networks, '--data', dataset, '--limit', '4']
const city = 'leftImg8bit/val/drawnton'

/** The events with a name. */
const named = (name: string, { err }: Pick<Outcome, 'err'>) =>
  eventsOf(err).filter(({ event }) => event === name)

describe.skipIf(!redisPath)('a queue', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
    return () => server[Symbol.asyncDispose]()
  })

  const redis = () => ['--redis', server.url]
  const queueEval = (...args: string[]) => inverseform('queue', 'eval', ...redis(), ...args)
  const queueWork = (...args: string[]) =>
    inverseform('queue', 'work', ...redis(), '--until-empty', '--no-model-cache', '--workers', '1', ...args)
  const status = async (): Promise<{
    runs: { id: string; done: number; waiting: number; active: number }[]
  }> => JSON.parse((await inverseform('queue', 'status', ...redis(), '--json')).out)

  test.each(['0.5', '1,9'])('refuses the scales %s, which would end all workers', async (scales) => {
    const { exitCode, err } = await queueEval(...scoresOnly, '--detach', '--scales', scales)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain(`--scales must be numbers up to 8 that include 1, got ${scales}.`)
  })

  test.each(['../a.png', 'a.png\ta_gt.png\tb.png'])(
    'says which line of a list is wrong: %j',
    async (line) => {
      const list = join(await temporaryFolder(), 'list.txt')
      await writeFile(list, `${line}\n`)
      const { exitCode, err } = await queueEval(...scoresOnly, '--detach', '--image-list', list)
      expect(exitCode).toBe(exitCodes.input)
      expect(err).toContain(`error: ${list} has a line that names no files: ${JSON.stringify(line)}.\nhint: `)
    },
  )

  test('refuses --detach with --out, which would not be written', async () => {
    const { exitCode, err } = await queueEval(...scoresOnly, '--detach', '--out', 'report')
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain("error: option '--detach' cannot be used with option '--out <folder>'")
  })

  /** Starts a worker in a process of its own, which ends with the test. */
  function aWorker(...args: string[]): Started {
    const worker = start(
      'queue',
      'work',
      ...redis(),
      '--data',
      dataset,
      '--lease',
      '2',
      '--workers',
      '1',
      ...args,
    )
    onTestFinished(async () => {
      await kill(worker)
    })
    return worker
  }

  /** Publishes a run, and returns its id. */
  async function submitted(...args: string[]): Promise<string> {
    const { exitCode, out, err } = await queueEval('--detach', ...args)
    expect({ exitCode, err }).toMatchObject({ exitCode: 0 })
    return out.trim()
  }

  /** Evaluates with one worker of this process. */
  async function evaluated(
    args: readonly string[],
    data = dataset,
    ...log: readonly string[]
  ): Promise<{ run: Outcome; worker: Outcome }> {
    await submitted(...args)
    const worker = await queueWork('--data', data, ...log)
    return {
      run: await queueEval(...args, ...log, '--resume', '--out', join(await temporaryFolder(), 'out')),
      worker,
    }
  }

  test('gives the results of eval, whichever of two workers and the collecting process is killed', async () => {
    const folder = await temporaryFolder()
    const [one, out] = [join(folder, 'eval'), join(folder, 'queue')]
    await inverseform('eval', ...complete, '--pictures', '0', '--workers', '1', '--out', one)
    const collecting = start('queue', 'eval', ...redis(), ...complete, '--out', out)
    await collecting.says('Run ')
    const workers = [aWorker(), aWorker('--log-json')]
    await collecting.says('1/6 images')
    await kill(collecting)
    await kill(workers[0])
    const { exitCode, err } = await queueEval(...complete, '--resume', '--log-json', '--out', out)
    expect({ exitCode, err }).toMatchObject({ exitCode: 0 })
    expect(await contentsOf(out)).toEqual(await contentsOf(one))
    const { runs } = await status()
    const [{ id: run }] = runs
    const [begun] = named('run-start', { err })
    expect(begun).toMatchObject({ command: 'queue eval', run, images: 6 })
    const taken = named('image-done', { err })
    expect(taken).toHaveLength(6 - (begun.done as number))
    for (const event of taken) expect(event).toMatchObject({ run, device: 'cpu', tiles: 1 })
    expect(named('run-end', { err })).toMatchObject([{ run, exitCode: 0, images: taken.length }])
    expect(runs).toMatchObject([{ state: 'finished', done: 6, waiting: 0, active: 0, failed: 0 }])
    // Whoever asks later sees the same scores.
    const shown = await inverseform('queue', 'status', runs[0].id, ...redis(), '--json')
    expect(JSON.parse(shown.out).scores).toEqual(
      JSON.parse(await readFile(join(one, 'results.json'), 'utf8')).scores,
    )
    await workers[1].says('run-end')
    workers[1].child.kill('SIGTERM')
    const worker = await workers[1].ended
    expect(worker.exitCode).toBe(exitCodes.terminated)
    const done = named('image-done', worker)
    const [left] = named('run-end', worker)
    expect(left).toMatchObject({ run, images: done.length, skipped: 0 })
    expect(left).not.toHaveProperty('exitCode')
    // It was stopped while it had no run.
    expect(eventsOf(worker.err).at(-1)).toMatchObject({ event: 'run-stopped', level: 'warn', exitCode: 143 })
    expect(eventsOf(worker.err).at(-1)).not.toHaveProperty('run')
    expect((await inverseform('queue', 'remove', runs[0].id, ...redis())).exitCode).toBe(0)
    expect((await status()).runs).toEqual([])
  })

  test('a finished run that is printed again stays finished, also if nobody could say so before', async () => {
    const args = [...scoresOnly, '--limit', '1']
    const out = join(await temporaryFolder(), 'out')
    const id = await submitted(...args)
    await queueWork('--data', dataset)
    const again = async () => {
      expect(await queueEval(...args, '--resume', '--out', out)).toMatchObject({ exitCode: 0 })
      expect((await status()).runs).toMatchObject([{ id, state: 'finished' }])
    }
    await again()
    await again()
    const connection = await connect(server.url)
    await setState(connection, id, 'open')
    await connection[Symbol.asyncDispose]()
    await again()
    await inverseform('queue', 'remove', id, ...redis())
  })

  test('what a full server refuses is said, with its reason', async () => {
    await using full = await startRedis('--maxmemory', '1')
    const commands = [
      ['eval', ...scoresOnly, '--out', join(await temporaryFolder(), 'out')],
      ['eval', ...scoresOnly, '--detach'],
      ['work', '--data', dataset],
    ]
    for (const [command, ...args] of commands) {
      const { exitCode, err } = await inverseform('queue', command, '--redis', full.url, ...args)
      expect({ exitCode, err }).toMatchObject({ exitCode: exitCodes.runtime })
      expect(err).toMatch(/^error: Redis refused a command: OOM command not allowed .*\.\nhint: .*maxmemory/m)
    }
  })

  test('a server that forgets is noted, once and as an event', async () => {
    await using forgetful = await startRedis('--maxmemory-policy', 'allkeys-lru')
    const commands = [
      ['eval', ...scoresOnly, '--limit', '1', '--detach'],
      ['work', '--data', dataset, '--until-empty'],
    ]
    for (const args of commands) {
      // In a process of its own: BullMQ writes to the console.
      const { exitCode, err } = await start('queue', ...args, '--redis', forgetful.url, '--log-json').ended
      expect({ exitCode, err }).toMatchObject({ exitCode: 0 })
      const notes = eventsOf(err).filter(({ message }) => `${message}`.includes('allkeys-lru'))
      expect(notes).toHaveLength(1)
    }
  })

  test('keeps a run that nobody collects; --resume takes it, --restart forgets it', async () => {
    const out = join(await temporaryFolder(), 'out')
    const detached = await queueEval(...scoresOnly, '--detach', '--log-json')
    const id = detached.out.trim()
    expect(named('run-submitted', detached)).toMatchObject([{ run: id, images: 4 }])
    const refused = await queueEval(...scoresOnly, '--out', out)
    expect(refused.exitCode).toBe(exitCodes.usage)
    expect(refused.err).toMatch(new RegExp(`unfinished run ${id} .*\\nhint: .*--resume.*--restart`))
    const worker = await queueWork('--data', dataset, '--log-json')
    expect({ exitCode: worker.exitCode, err: worker.err }).toMatchObject({ exitCode: 0 })
    expect(named('run-start', worker)).toMatchObject([
      { command: 'queue work', run: id, images: 4, model: 'hrnet16-slim', data: dataset, device: 'cpu' },
    ])
    const done = named('image-done', worker)
    expect(done).toHaveLength(4)
    const stages = ['decode', 'preprocess', 'network', 'postprocess', 'score']
    for (const { run, device, meanIou, seconds } of done) {
      expect({ run, device }).toEqual({ run: id, device: 'cpu' })
      expect(meanIou).toBeGreaterThan(0)
      expect(Object.keys(seconds as object)).toEqual(stages)
    }
    expect(eventsOf(worker.err).at(-1)).toMatchObject({
      ...{ event: 'run-end', run: id, exitCode: 0, images: 4, skipped: 0 },
    })
    expect(await queueEval(...scoresOnly, '--resume', '--out', out)).toMatchObject({ exitCode: 0 })
    const other = join(await temporaryFolder(), 'out')
    await inverseform('eval', ...scoresOnly, '--pictures', '0', '--workers', '1', '--out', other)
    expect(await contentsOf(out)).toEqual(await contentsOf(other))
    // The state is that of eval with the same device.
    expect(
      await inverseform('eval', ...scoresOnly, '--pictures', '0', '--resume', '--out', out),
    ).toMatchObject({
      exitCode: 0,
      err: expect.stringContaining('4 of 4 images are done already.'),
    })
    expect(await submitted(...scoresOnly, '--restart')).toBe(id)
    expect((await status()).runs).toMatchObject([{ state: 'open', done: 0, waiting: 4 }])
    await inverseform('queue', 'remove', id, ...redis())
  })

  test('a bad image is skipped and listed, or ends the run; later workers find it repaired', async () => {
    const folder = await temporaryFolder()
    const data = await copyOf(dataset, join(folder, 'data'))
    const [first] = (await readdir(join(data, city))).sort()
    const path = join(data, city, first)
    await copyFile(path, join(folder, 'good.png'))
    await writeFile(path, 'no image')
    const args = [...networks, '--data', data, '--limit', '3']
    const { run: skipped, worker } = await evaluated([...args, '--on-error', 'skip'], data, '--log-json')
    const image = first.replace('_leftImg8bit.png', '')
    for (const outcome of [skipped, worker]) {
      expect(named('image-skipped', outcome)).toMatchObject([{ level: 'warn', image, code: 'unreadable' }])
      expect(eventsOf(outcome.err).at(-1)).toMatchObject({ event: 'run-end', images: 2, skipped: 1 })
    }
    expect(skipped.exitCode).toBe(exitCodes.skipped)
    expect(skipped.out).toContain(`skipped: ${image}`)
    const [{ id }] = (await status()).runs
    await inverseform('queue', 'remove', id, ...redis())

    const out = join(folder, 'out')
    await submitted(...args)
    await queueWork('--data', data)
    // The failure is tried again by whoever goes on with the run.
    const stopping = queueEval(...args, '--log-json', '--resume', '--out', out)
    await until(async () => (await status()).runs[0].waiting === 1)
    await queueWork('--data', data)
    const stopped = await stopping
    expect(stopped.exitCode).toBe(exitCodes.input)
    const last = eventsOf(stopped.err).at(-1)
    expect(last).toMatchObject({ event: 'run-stopped', level: 'error', run: id, code: 'unreadable' })
    expect(last?.message).toContain(first)
    expect((await status()).runs).toMatchObject([{ state: 'stopped' }])
    await copyFile(join(folder, 'good.png'), path)
    const resumed = queueEval(...args, '--resume', '--out', out)
    await until(async () => (await status()).runs[0].waiting === 1)
    await queueWork('--data', data)
    expect(await resumed).toMatchObject({ exitCode: 0, out: expect.stringContaining('mean IoU') })
    await inverseform('queue', 'remove', id, ...redis())
  })

  test('workers read images from a server, and the signature of its URL is not shown', async () => {
    const folder = await temporaryFolder()
    const asked: string[] = []
    const files = await serve((request, response) => {
      const { pathname, searchParams } = new URL(request.url as string, 'http://localhost')
      asked.push(pathname)
      const missing = pathname.includes('000002')
      if (searchParams.get('sig') !== 'secret') response.writeHead(403).end()
      else if (missing) response.writeHead(404).end()
      else createReadStream(join(dataset, pathname.replace('/bucket/', ''))).pipe(response)
    })
    const names = (await readdir(join(dataset, city))).sort().slice(0, 3)
    const list = join(folder, 'list.txt')
    await writeFile(list, names.map((name) => `${city}/${name}\n`).join(''))
    const data = `${files.url}/bucket?sig=secret`
    const args = [...networks, '--data', data, '--image-list', list, '--on-error', 'skip']
    const { run, worker } = await evaluated(args, data)
    expect(run.exitCode).toBe(exitCodes.skipped)
    expect(run.out).toContain('000002')
    expect(`${run.out}${run.err}${worker.out}${worker.err}`).not.toContain('secret')
    expect(asked).toContain(
      `/bucket/gtFine/val/drawnton/${names[0].replace('leftImg8bit', 'gtFine_labelIds')}`,
    )
    const [{ id }] = (await status()).runs
    await inverseform('queue', 'remove', id, ...redis())

    await submitted(...args)
    const refused = await queueWork('--data', `${files.url}/bucket?sig=old`)
    expect(refused.exitCode).toBe(exitCodes.runtime)
    expect(refused.err).toContain('403')
    await inverseform('queue', 'remove', id, ...redis())
  })

  test('names that lead out of the data are refused, and nothing is read', async () => {
    const folder = await temporaryFolder()
    const list = join(folder, 'list.txt')
    for (const name of ['../secret.png', '/etc/passwd', 'a//b.png', 'a/./b.png', 'a\\..\\b.png']) {
      await writeFile(list, `${name}\n`)
      const { exitCode, err } = await queueEval(
        ...networks,
        '--data',
        folder,
        '--image-list',
        list,
        '--detach',
      )
      expect({ exitCode, err }).toMatchObject({
        exitCode: exitCodes.input,
        err: expect.stringContaining('names no files'),
      })
    }
  })

  test('a worker without the data or the checkpoint of a run leaves it to others', async () => {
    const folder = await temporaryFolder()
    const id = await submitted(...scoresOnly)
    const without = await queueWork('--data', folder)
    expect(without.exitCode).toBe(exitCodes.input)
    expect(without.err).toContain(
      `note: Run ${id} (hrnet16-slim on val) is left to others: The data of the run are not in`,
    )
    const other = join(folder, 'other.safetensors')
    await inverseform('convert', checkpoint, '--out', other)
    const mismatched = await queueWork('--data', dataset, '--checkpoint', other)
    expect(mismatched.exitCode).toBe(exitCodes.checkpoint)
    expect(mismatched.err).toContain('is not the checkpoint of the run')
    expect((await status()).runs).toMatchObject([{ id, waiting: 4, done: 0 }])
    await inverseform('queue', 'remove', id, ...redis())
  })

  test('a worker serves metrics, and says what it did when it is stopped', async () => {
    const worker = aWorker('--metrics-port', '0', '--log-json')
    let err = ''
    worker.child.stderr?.on('data', (text) => (err += text))
    const id = await submitted(...scoresOnly)
    await until(async () => (await status()).runs[0].done === 4)
    const [url] = /http:\S+metrics/.exec(err) as RegExpExecArray
    expect(new URL(url).hostname).toBe('127.0.0.1')
    const text = await (await fetch(url)).text()
    expect(text).toContain('\ninverseform_images_total{outcome="done"} 4\n')
    expect(text).toContain('\ninverseform_stage_seconds_count{stage="network"} 4\n')
    expect(text).toContain('\ninverseform_images_in_flight 0\n')
    worker.child.kill('SIGTERM')
    expect(eventsOf((await worker.ended).err).at(-1)).toMatchObject({
      ...{ event: 'run-stopped', run: id, exitCode: exitCodes.terminated, images: 4 },
    })
    await inverseform('queue', 'remove', id, ...redis())
  })
})

test('an address of Redis is needed, and where nothing answers the error says so', async () => {
  const { exitCode, err } = await inverseform('queue', 'status')
  expect({ exitCode, err }).toMatchObject({
    exitCode: exitCodes.usage,
    err: expect.stringContaining('REDIS_URL'),
  })
  const away = await inverseform('queue', 'status', '--redis', 'redis://me:secret@127.0.0.1:1')
  expect(away.exitCode).toBe(exitCodes.runtime)
  expect(away.err).toMatch(/^error: Redis at 127\.0\.0\.1:1 cannot be reached: .*\.\nhint: Start Redis/)
})

test.each([true, false])('a worker says which images it did not finish; as events: %s', (isOn) => {
  let err = ''
  const terminal = { out: () => {}, err: (text: string) => (err += text), interactive: false }
  const log = new WorkLog(new Printer(terminal, isOn ? ['--log-json'] : []))
  const run = 'abc'
  log.start({ run })
  log.add({ type: 'handed-back', run, image: 'a' })
  log.add({ type: 'lost', run, image: 'b' })
  log.add({ type: 'failed', run, image: 'c', error: new Error('no memory') })
  log.leave()
  log.start({ run: 'def' })
  if (isOn) {
    expect(eventsOf(err)).toMatchObject([
      { event: 'run-start', command: 'queue work', run },
      { event: 'image-handed-back', level: 'warn', run, image: 'a', message: 'a was handed back.' },
      { event: 'image-lost', level: 'warn', run, image: 'b' },
      { event: 'image-failed', level: 'warn', run, image: 'c' },
      { event: 'run-end', run, images: 0 },
      { event: 'run-start', run: 'def' },
    ])
  } else {
    expect(err.split('\n')).toEqual([
      'note: a was handed back.',
      'note: b went to another worker, since this one gave no sign.',
      'note: c failed with an error that ends this worker.',
      '',
    ])
  }
})

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await setTimeout(50)
}

test('the address of data is shown without a password and a signature; a folder as it is', () => {
  expect(shownData('https://me:word@host/city?signature=1')).toBe('https://host/city')
  expect(shownData('what?')).toBe('what?')
})
