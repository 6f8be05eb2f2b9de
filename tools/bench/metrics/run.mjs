// Measures the metrics of 1024x2048 maps on one core, next to NumPy, SciPy and scikit-image, and compares the results.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { toTrainIds } from '@inverseform/cityscapes'
import { startAnswering } from '../lib/line-protocol.mjs'
import { machine } from '../lib/machine.mjs'
import { median, report, table } from '../lib/report.mjs'
import { street } from '../lib/street.mjs'
import { temporaryFolder } from '../lib/temporary-folder.mjs'

const { values } = parseArgs({
  options: {
    repeats: { type: 'string', default: '9' },
    core: { type: 'string', default: '0' },
    python: { type: 'string', default: '/usr/bin/python3' },
    out: { type: 'string' },
  },
})
/** Our metric, the Python function, the row's title, and `slow` for functions that run only once. */
const comparisons = [
  ['confusion', 'confusion_int64', 'confusion matrix: `fast_hist` on int64, as training code passes'],
  ['confusion', 'confusion_uint8', 'confusion matrix: `fast_hist` on bytes'],
  ['confusion', 'confusion_no_mask', 'confusion matrix: bincount of 16-bit pairs, no mask'],
  ['edt', 'edt', 'EDT of the target boundaries: SciPy'],
  ['boundaryF', 'boundary_f_dilation', 'boundary F, 4 tolerances: dilation by disks (DAVIS)', 'slow'],
  ['boundaryF', 'boundary_f_edt', "boundary F, 4 tolerances: SciPy's EDT of each class"],
  ['boundaryIou', 'boundary_iou_erosion', 'Boundary IoU, 0.005: 11 erosions', 'slow'],
  ['boundaryIou', 'boundary_iou_filter', 'Boundary IoU, 0.005: separable minimum'],
  ['trimap', 'trimap', "trimap, 11 widths: SciPy's EDT, bincount"],
  ['surface', 'surface', "surface distances: SciPy's EDT of each class (MedPy)"],
]
const [height, width] = [1024, 2048]
const folder = temporaryFolder()
const { target, prediction } = street(1, width, height)
writeFileSync(join(folder, 'target.u8'), toTrainIds(target))
writeFileSync(join(folder, 'prediction.u8'), toTrainIds(prediction))

const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const pinned = spawnSync('taskset', ['-c', values.core, 'true']).status === 0
const start = (program, args) => {
  const command = [
    program,
    ...process.execArgv.filter(() => program === process.execPath),
    ...args,
    folder,
    `${height}`,
    `${width}`,
  ]
  const [first, ...rest] = pinned ? ['taskset', '-c', values.core, ...command] : command
  return startAnswering(first, rest, { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' })
}
const ours = await start(process.execPath, [script('ours.mjs')])
const theirs = await start(values.python, [script('numpy_side.py')])
for (const row of new Set(comparisons.map(([row]) => row))) for (let i = 0; i < 5; i++) await ours.ask(row)

const rows = []
for (const [mine, other, name, slow] of comparisons) {
  const [a, b] = [[], []]
  if (!slow) await theirs.ask(other)
  for (let i = 0; i < Number(values.repeats); i++) {
    a.push(await ours.ask(mine))
    if (!slow || i === 0) b.push(await theirs.ask(other))
  }
  const of = (answers, time) => median(answers.map((answer) => answer[time]))
  const ms = (answers) => `${of(answers, 'cpu').toFixed(1)} ms (${of(answers, 'wall').toFixed(1)})`
  const times = of(b, 'cpu') / of(a, 'cpu')
  rows.push([name, ms(a), ms(b), `${times.toFixed(1)}x`, difference(a[0].found, b[0].found)])
}
ours.end()
theirs.end()

/** Compares the results of both sides: hashes or lists of numbers. */
function difference(a, b) {
  if (typeof a === 'string') return a === b ? 'equal' : 'DIFFERENT'
  const [mine, other] = [a.flat(), b.flat()]
  const worst = Math.max(...mine.map((value, i) => (value === other[i] ? 0 : Math.abs(value - other[i]))))
  return worst === 0 ? 'equal' : `differ by ${worst.toExponential(0)}`
}

report(
  [
    `Machine: ${machine(theirs.hello.versions)}.`,
    `One image of ${height}x${width}, 19 classes; ${pinned ? `both sides on core ${values.core}` : 'NOT pinned to a core, because taskset is missing'}; CPU time (wall clock). Medians of ${values.repeats} runs; slow functions run once.`,
    table(['metric: compared with', 'ours', 'theirs', 'speedup', 'results'], rows),
  ],
  values.out,
)
