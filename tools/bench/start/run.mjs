// Measures how long a program takes to start: a segmenter without cached model, with an empty cache and with a filled one, and
// the command line that only prints its version.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeCheckpoint } from '../lib/checkpoint.mjs'
import { machine } from '../lib/machine.mjs'
import { mebibytes, median, ratio, report, seconds, table } from '../lib/report.mjs'
import { runJson } from '../lib/run-program.mjs'
import { temporaryFolder } from '../lib/temporary-folder.mjs'

const usage = `usage: node tools/bench/start/run.mjs [CHECKPOINT …] [--repeats 5] [--model ocrnet48] [--out FILE.md]

Without a checkpoint, it makes one of --model with synthetic weights.
`
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repeats: { type: 'string', default: '5' },
    model: { type: 'string', default: 'ocrnet48' },
    out: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const repeats = Number(values.repeats)
if (values.help || !(Number.isInteger(repeats) && repeats > 0)) {
  process.stderr.write(usage)
  process.exit(values.help ? 0 : 2)
}

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const temporary = temporaryFolder()
const cache = join(temporary, 'cache')
process.env.INVERSEFORM_CACHE = cache

const checkpoints = positionals.length > 0 ? positionals : [await madeCheckpoint(values.model)]
const parts = [...checkpoints.map(starts), commandLine()]
const intro = `Each start is a fresh process; starts alternate. Minimum (median) of ${repeats}.`
report([`Machine: ${machine()}.`, intro, ...parts], values.out)

async function madeCheckpoint(model) {
  const file = join(temporary, `${model}.safetensors`)
  await writeCheckpoint(model, file)
  // The hash of a file that was just changed is not kept.
  await setTimeout(3000)
  return file
}

function starts(file) {
  const start = (mode) => runJson(process.execPath, [path('ours.mjs'), file, mode])
  const runs = { 'no cache': [], first: [], second: [], third: [] }
  start('off')
  for (let i = 0; i < repeats; i++) {
    rmSync(cache, { recursive: true, force: true })
    runs['no cache'].push(start('off'))
    for (const name of ['first', 'second', 'third']) runs[name].push(start('cache'))
  }
  const best = (name, key, of = least) => of(runs[name].map((run) => run[key]))
  const both = (name, key) => `${seconds(best(name, key))} (${seconds(best(name, key, median))})`
  const ratios = (name, key) =>
    `${ratio(best(name, key), best('first', key))} (${ratio(best(name, key, median), best('first', key, median))})`
  const rows = Object.keys(runs).map((name) => [
    name,
    both(name, 'create'),
    ratios(name, 'create'),
    both(name, 'ready'),
    ratios(name, 'ready'),
    mebibytes(best(name, 'peak', median)),
  ])
  const head = ['start', 'createSegmenter', '/ first', 'with Node and imports', '/ first', 'peak memory']
  return [`**${file.split('/').at(-1)}**`, table(head, rows)].join('\n\n')
}

function commandLine() {
  const bin = path('../../../packages/cli/dist/bin.js')
  const sides = { 'node -e 0': ['-e', '0'], '--version': [bin, '--version'], '--help': [bin, '--help'] }
  const times = Object.fromEntries(Object.keys(sides).map((name) => [name, []]))
  for (let i = 0; i < 3 * repeats; i++) {
    for (const [name, args] of Object.entries(sides)) times[name].push(timed(args))
  }
  const rows = Object.entries(times).map(([name, all]) => [name, seconds(least(all)), seconds(median(all))])
  return ['**inverseform**', table(['arguments', 'minimum', 'median'], rows)].join('\n\n')
}

function timed(args) {
  const started = performance.now()
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' })
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}.`)
  return performance.now() - started
}

function least(values) {
  return Math.min(...values)
}
