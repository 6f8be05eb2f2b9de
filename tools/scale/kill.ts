/**
 * Kills evaluations with SIGKILL at random moments, resumes them, and compares all files with those of a run that was not killed:
 *
 *   node --conditions=@inverseform/source --import tsx tools/scale/kill.ts [--kills 50] [--seed 1]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { contentsOf } from './contents.js'

const { values } = parseArgs({ options: { kills: { type: 'string' }, seed: { type: 'string' } } })
const kills = Number(values.kills ?? 50)
let state = Number(values.seed ?? 1)
/** Returns the next number in 0..1 of Lehmer's generator (Park and Miller, Communications of the ACM 1993). */
const random = () => {
  state = (state * 48271) % (2 ** 31 - 1)
  return state / (2 ** 31 - 1)
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const program = ['--conditions=@inverseform/source', '--import', 'tsx', path('../../packages/cli/src/bin.ts')]
const evaluation = [
  ...[
    'eval',
    '--checkpoint',
    path('../../checkpoints/hrnet16-slim-demo.pth'),
    '--data',
    path('../demo/cityscapes'),
  ],
  ...[
    '--edge-head',
    '--loss',
    '--compare-edge-head',
    '--save-predictions',
    '--pictures',
    '2',
    '--no-model-cache',
  ],
]

/** The ways to run, each with the flags of its runs. */
const ways: Readonly<Record<string, readonly (readonly string[])[]>> = {
  single: [['--workers', '1']],
  workers: [['--workers', '2']],
  shards: [0, 1, 2].map((i) => ['--shard', `${i}/3`]),
}

/** What the program prints when the network is ready. */
const LOADED = 'tensors loaded'

const root = await mkdtemp(join(tmpdir(), 'inverseform-kill-'))
// Weights of killed processes are left here, and are removed by the next ones.
const temporary = join(root, 'tmp')
await mkdir(temporary)
try {
  const expected = join(root, 'expected')
  const { atWork, total } = await run([...evaluation, '--out', expected])
  const counts: Record<string, number> = {}
  let [equal, killed, during] = [0, 0, 0]
  for (let i = 0; i < kills; i++) {
    const [way, runs] = Object.entries(ways)[i % 3]
    counts[way] = (counts[way] ?? 0) + 1
    const folder = join(root, String(i))
    const parts = runs.map((_, part) => join(folder, `part-${part}`))
    const chosen = Math.floor(random() * runs.length)
    for (const [part, flags] of runs.entries()) {
      const args = [...evaluation, ...flags, '--out', parts[part]]
      if (part === chosen) {
        // Every fourth kill comes at any moment, the others while images are evaluated.
        const moment =
          i % 4 === 0
            ? { after: '', milliseconds: random() * total }
            : { after: LOADED, milliseconds: random() * atWork }
        killed += (await run(args, moment)).isKilled ? 1 : 0
        const names = await readdir(join(parts[part], 'state')).catch(() => [])
        during += names.some((name) => name.startsWith('part-')) ? 1 : 0
      }
      await run([...args, '--resume'])
    }
    const result = way === 'shards' ? join(folder, 'merged') : parts[0]
    if (way === 'shards') await run(['merge', ...parts, '--out', result])
    const differing = await differences(expected, result)
    if (differing.length === 0) equal++
    else console.log(`kill ${i} (${way}): ${differing.join(', ')} differ`)
    await rm(folder, { recursive: true })
  }
  // The last process has ended, and removes what the killed ones left.
  const left = (await readdir(temporary)).filter((name) => name.includes('inverseform')).length
  const each = Object.entries(counts).map(([way, count]) => `${way} ${count}`)
  console.log(
    `${kills} runs killed at random moments (${each.join(', ')}): ${equal} ended equal in every byte but times, ${kills - equal} did not. ` +
      `${killed} were killed before they ended, ${during} of them with images done. Temporary files left: ${left}.`,
  )
  if (equal < kills || left > 0) process.exitCode = 1
} finally {
  await rm(root, { recursive: true })
}

/** Runs the program to its end, or kills it some milliseconds after a text of its error stream. */
async function run(args: readonly string[], moment?: { after: string; milliseconds: number }) {
  const started = performance.now()
  let loadedAt = started
  const child = spawn(process.execPath, [...program, ...args], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const timer = new AbortController()
  let err = ''
  let isWaiting = false
  const wait = () => {
    if (moment === undefined || isWaiting || !err.includes(moment.after)) return
    isWaiting = true
    setTimeout(moment.milliseconds, undefined, { signal: timer.signal }).then(
      () => child.kill('SIGKILL'),
      () => {},
    )
  }
  wait()
  child.stderr.on('data', (part) => {
    if (!err.includes(LOADED)) loadedAt = performance.now()
    err += part
    wait()
  })
  const [exitCode, signal] = await once(child, 'close')
  timer.abort()
  if (exitCode !== 0 && signal !== 'SIGKILL') {
    throw new Error(`${args.join(' ')} ended with ${exitCode}:\n${err}`)
  }
  const now = performance.now()
  return { isKilled: signal === 'SIGKILL', total: now - started, atWork: now - loadedAt }
}

/** Names the files that two folders do not have alike, apart from times and the state. */
async function differences(expected: string, found: string): Promise<string[]> {
  const [ours, theirs] = await Promise.all([contentsOf(expected), contentsOf(found)])
  const names = new Set([...Object.keys(ours), ...Object.keys(theirs)])
  return [...names].filter((name) => ours[name] !== theirs[name])
}
