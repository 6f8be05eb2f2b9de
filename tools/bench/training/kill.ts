// Kills a training at random moments, resumes it until it ends, and compares its files with those of an uninterrupted run.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { seededRandom } from '@inverseform/core/training'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    steps: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    data: { type: 'string' },
  },
})
const [kills, steps, seed] = [values.kills, values.steps, values.seed].map(Number)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const data = values.data ?? join(root, 'tools/demo/cityscapes')
const [EVALUATE_EVERY, SAVE_EVERY] = [5, 2]
const options = [
  ...['--data', data, '--split', 'val', '--model', 'hrnet16-slim', '--crop', '64x128', '--clip', '1'],
  ...['--steps', `${steps}`, '--save-every', `${SAVE_EVERY}`, '--evaluate-every', `${EVALUATE_EVERY}`],
  ...['--evaluate-images', '1', '--pictures', '1', '--ema', '0.9'],
]

const folder = mkdtempSync(join(tmpdir(), 'inverseform-kill-'))
process.on('exit', () => rmSync(folder, { recursive: true }))
const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')]
const random = seededRandom(seed)

await finish(start([...options, '--out', whole]))

/** What the training was doing when it was killed. */
const moments = { starting: 0, stepping: 0, evaluating: 0, saving: 0 }
let isEnded = false
for (let kill = 0; kill < kills && !isEnded; kill++) {
  const run = start(resumes() ? ['--resume', '--out', parts] : [...options, '--out', parts])
  await momentOf(run.child, (['stepping', 'stepping', 'saving', 'evaluating', 'starting'] as const)[kill % 5])
  isEnded = run.child.exitCode !== null
  if (isEnded) break
  moments[run.messages().includes(' steps ') ? now() : 'starting']++
  run.child.kill('SIGKILL')
  await run.ended
}
if (!isEnded) await finish(start(['--resume', '--out', parts]))

const differing = ['last.safetensors', 'last.pth', 'best.pth', 'metrics.jsonl'].filter(
  (name) => !contents(whole, name).equals(contents(parts, name)),
)
const torn = readdirSync(parts).filter((name) => name.endsWith('.tmp'))
const killed = Object.values(moments).reduce((a, b) => a + b)
console.log(
  `killed ${killed} times in ${steps} steps (${Object.entries(moments)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')}): ${differing.length ? `${differing.join(', ')} differ` : 'all files equal, bit by bit'}; ` +
    `${torn.length} temporary files left`,
)
if (differing.length > 0 || torn.length > 0 || killed < kills) process.exitCode = 1

function start(args: readonly string[]) {
  const program = join(root, 'packages/cli/src/bin.ts')
  const node = ['--conditions=@inverseform/source', '--import', 'tsx', program, 'train', ...args]
  const child = spawn(process.execPath, node, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.on('data', (part) => {
    text = `${text}${part}`.slice(-2000)
  })
  return { child, ended: once(child, 'close'), messages: () => text }
}

async function finish({ ended, messages }: ReturnType<typeof start>): Promise<void> {
  const [code] = await ended
  if (code !== 0) throw new Error(`The training ended with exit code ${code}:\n${messages()}`)
}

/** Whether there is something to resume: the options are written first. */
function resumes(): boolean {
  return readdir(parts).includes('options.json')
}

/** Waits for a random moment, mostly during what is asked for; returns early when the training ends. */
async function momentOf(child: ReturnType<typeof spawn>, wanted: keyof typeof moments): Promise<void> {
  if (wanted === 'starting') return sleep(12_000 * random())
  const before = lines().length
  const forward = Math.floor(5 * random())
  const isAlive = () => child.exitCode === null
  while (isAlive() && lines().length <= before) await sleep(1)
  if (wanted === 'stepping') {
    while (isAlive() && lines().length < before + forward) await sleep(1)
    await sleep(200 * random())
    return
  }
  while (isAlive() && now() !== wanted) await sleep(0)
  await sleep((wanted === 'saving' ? 30 : 1000) * random())
}

function now(): Exclude<keyof typeof moments, 'starting'> {
  const last = JSON.parse(lines().at(-1) ?? '{}')
  if (readdir(parts).some((name) => name.endsWith('.tmp'))) return 'saving'
  return 'loss' in last && last.step % EVALUATE_EVERY === 0 ? 'evaluating' : 'stepping'
}

function lines(): string[] {
  if (!readdir(parts).includes('metrics.jsonl')) return []
  return readFileSync(join(parts, 'metrics.jsonl'), 'utf8').split('\n').slice(0, -1)
}

function readdir(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function contents(run: string, name: string): Buffer {
  const bytes = readFileSync(join(run, name))
  if (name !== 'metrics.jsonl') return bytes
  return Buffer.from(bytes.toString().replace(/"imagesPerSecond":[^,}]*/g, ''))
}
