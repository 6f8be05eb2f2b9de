/**
 * Evaluates through a queue with two workers, and kills a worker, both, or the collecting process with SIGKILL at random moments. All files
 * must be those of `eval`, and each image must have one result:
 *
 *   node --conditions=@inverseform/source --import tsx tools/scale/kill-queue.ts [--kills 20] [--seed 1]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connect, listRuns, readRun } from '@inverseform/queue'
import { seededRandom } from '@inverseform/shared'
import { startRedis } from '@inverseform/testing/redis'
import { contentsOf } from './contents.js'

const { values } = parseArgs({ options: { kills: { type: 'string' }, seed: { type: 'string' } } })
const kills = Number(values.kills ?? 20)
const random = seededRandom(Number(values.seed ?? 1))
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const program = ['--conditions=@inverseform/source', '--import', 'tsx', path('../../packages/cli/src/bin.ts')]
const data = path('../demo/cityscapes')
const evaluation = [
  ...['--checkpoint', path('../../checkpoints/hrnet16-slim-demo.pth'), '--data', data, '--device', 'cpu'],
  ...['--edge-head', '--loss', '--compare-edge-head'],
]

const root = await mkdtemp(join(tmpdir(), 'inverseform-kill-queue-'))
const children = new Set<ChildProcess>()
const server = await startRedis()
const connection = await connect(server.url)
try {
  const expected = join(root, 'expected')
  await ended(start('eval', ...evaluation, '--pictures', '0', '--workers', '1', '--out', expected))
  const expectedFiles = await contentsOf(expected)
  const names = Object.keys(JSON.parse(expectedFiles['results.json']).images).length
  const startWorker = () => start('queue', 'work', '--data', data, '--lease', '2', '--workers', '1')
  let workers = [startWorker(), startWorker()]
  const counts: Record<string, number> = {}
  let [equal, during, complete] = [0, 0, 0]
  for (let i = 0; i < kills; i++) {
    const out = join(root, String(i))
    let collecting = start('queue', 'eval', ...evaluation, '--out', out)
    const victim = ['one worker', 'both workers', 'the collecting process'][Math.floor(random() * 3)]
    counts[victim] = (counts[victim] ?? 0) + 1
    while ((await currentRun()) === undefined) await setTimeout(20)
    // Six images take two workers about a second.
    await setTimeout(1200 * random())
    const run = await currentRun()
    during += run !== undefined && run.done < run.images ? 1 : 0
    if (victim === 'the collecting process') {
      await kill(collecting)
      collecting = start('queue', 'eval', ...evaluation, '--out', out, '--resume')
    } else {
      const killed = victim === 'one worker' ? [workers[Math.floor(random() * 2)]] : workers
      await Promise.all(killed.map(kill))
      workers = workers.map((worker) => (killed.includes(worker) ? startWorker() : worker))
    }
    await ended(collecting)
    const files = await contentsOf(out)
    const differing = Object.keys({ ...files, ...expectedFiles }).filter(
      (name) => files[name] !== expectedFiles[name],
    )
    if (differing.length === 0) equal++
    else console.log(`kill ${i} (${victim}): ${differing.join(', ')} differ`)
    const finished = (await listRuns(connection))[0]
    const { images } = await readRun(connection, finished.id)
    complete +=
      finished.done === images.length && finished.waiting + finished.active + finished.failed === 0 ? 1 : 0
    await connection.redis.flushall()
    await rm(out, { recursive: true })
  }
  const each = Object.entries(counts).map(([victim, count]) => `${victim} ${count}`)
  console.log(
    `${kills} kills (${each.join(', ')}), ${during} of them before all images were done: ${equal} runs ended equal in every byte but times, ` +
      `${complete} with one result for each of ${names} images.`,
  )
  if (equal < kills || complete < kills) process.exitCode = 1
} finally {
  await Promise.all([...children].map(kill))
  await connection[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await rm(root, { recursive: true })
}

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [...program, ...args], {
    env: { ...process.env, REDIS_URL: server.url },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let err = ''
  child.stderr?.on('data', (text) => (err += text))
  children.add(child)
  child.on('exit', (code) => {
    children.delete(child)
    if (code) console.log(`${args.join(' ')} ended with ${code}:\n${err}`)
  })
  return child
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  if (child.exitCode !== 0) throw new Error('A process failed.')
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function currentRun() {
  return (await listRuns(connection)).find(({ done, active }) => done + active > 0)
}
