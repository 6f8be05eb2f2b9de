// Measures the official evaluation of 50 pairs of 1024x2048, files to tables, on 1 and 2 workers, next to Pillow and NumPy.
// Also measures memory over ten times as many pairs.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine } from '../lib/machine.mjs'
import { median, report, table } from '../lib/report.mjs'
import { runJson } from '../lib/run-program.mjs'
import { temporaryFolder } from '../lib/temporary-folder.mjs'
import { multiplyStreets, writeStreets } from './street-files.mjs'

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '50' },
    repeats: { type: 'string', default: '5' },
    python: { type: 'string', default: '/usr/bin/python3' },
    out: { type: 'string' },
  },
})
const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const folder = temporaryFolder()
const pairs = Number(values.pairs)
const data = join(folder, 'once')
const tenTimes = join(folder, 'ten-times')
await writeStreets(data, pairs)
multiplyStreets(data, tenTimes, 10)

const ours = (dataset, mode) =>
  runJson(process.execPath, [...process.execArgv, script('ours.mjs'), dataset, mode])
const theirs = (how) => runJson(values.python, [script('pillow_side.py'), data, how])

const sides = { unique: [], bincount: [], 1: [], 2: [] }
for (let i = 0; i < Number(values.repeats); i++) {
  for (const workers of ['1', '2']) sides[workers].push(ours(data, workers))
}
for (const how of ['unique', 'bincount']) sides[how].push(theirs(how))
const stages = ours(data, 'stages')

const ms = (value) => `${value.toFixed(1)} ms`
const speed = (side) => median(side.map(({ time, images }) => (1000 * images) / time))
const cpu = (side) => median(side.map((run) => run.cpu))
const times = (of, side) => `${(of(side) / of(sides.unique)).toFixed(1)}x`
const [[unique], [bincount]] = [sides.unique, sides.bincount]
const names = {
  unique: 'Pillow and NumPy, np.unique (the script without Cython)',
  bincount: 'Pillow and NumPy, np.bincount instead',
  1: 'ours, 1 worker',
  2: 'ours, 2 workers',
}
const memory = ['1', '2'].map((workers) => [
  workers,
  ...ours(tenTimes, workers).resident.map((mib) => mib.toFixed(0)),
])
const [first] = sides[1]

report(
  [
    `Machine: ${machine(unique.versions)}.`,
    `The official evaluation of ${pairs} pairs of 1024x2048 with instances, files to tables. Medians of ${values.repeats} runs (Python: one run).`,
    table(
      ['side', 'images/s', 'speedup', 'CPU time per image, startup included', 'speedup'],
      ['unique', 'bincount', '1', '2'].map((side) => [
        names[side],
        speed(sides[side]).toFixed(1),
        times(speed, sides[side]),
        ms(cpu(sides[side])),
        times((runs) => 1 / cpu(runs), sides[side]),
      ]),
    ),
    'CPU time per image, by stage:',
    table(
      ['side', 'three PNGs', 'matrix and instances'],
      [
        [names.unique, ms(unique.decode), ms(unique.matrix + unique.instances)],
        [names.bincount, ms(bincount.decode), ms(bincount.matrix + bincount.instances)],
        ['ours', ms(stages.decode), ms(stages.metric)],
      ],
    ),
    `Results: ${agreement(first, unique)}; tables of 1 and 2 workers ${first.table === sides[2][0].table ? 'equal' : 'DIFFERENT'}.`,
    `Resident memory in MiB, after every 50 of ${10 * pairs} images:`,
    table(['workers', ...memory[0].slice(1).map((_, i) => `${50 * (i + 1)}`)], memory),
  ],
  values.out,
)

/** Compares the counts and the sums of weighted instances of both sides. */
function agreement(mine, other) {
  const sameCounts = JSON.stringify(mine.confusion) === JSON.stringify(other.confusion)
  const off = Object.entries(other.sums).flatMap(([name, parts]) =>
    ['tp', 'fn'].map((part) => {
      const sum = mine.instances[name][part].reduce((total, value) => total + value, 0)
      return sum === parts[part] ? 0 : Math.abs(sum / parts[part] - 1)
    }),
  )
  return `confusion matrices ${sameCounts ? 'equal' : 'DIFFERENT'}, sums of instances within ${Math.max(...off).toExponential(0)} of each other`
}
