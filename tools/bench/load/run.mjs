// Measures loading a checkpoint: ours (file to session) next to PyTorch (file to ONNX file) and ONNX Runtime (ONNX file to session).
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine } from '../lib/machine.mjs'
import { mebibytes, median, ratio, report, seconds, table } from '../lib/report.mjs'
import { run, runJson } from '../lib/run-program.mjs'
import { temporaryFolder } from '../lib/temporary-folder.mjs'

const usage = `usage: node tools/bench/load/run.mjs [CHECKPOINT.pth …] [--repeats 5] [--python /usr/bin/python3] [--out FILE.md]

Without a checkpoint, it makes two of ocrnet48-hms (290 MB), one in each of PyTorch's formats.
`
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repeats: { type: 'string', default: '5' },
    python: { type: 'string', default: '/usr/bin/python3' },
    out: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const repeats = Number(values.repeats)
if (values.help || !(Number.isInteger(repeats) && repeats > 0)) {
  process.stderr.write(usage)
  process.exit(values.help ? 0 : 2)
}

const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const temporary = temporaryFolder()
const exported = join(temporary, 'exported.onnx')

const ours = (file) => runJson(process.execPath, [script('ours.mjs'), file])
function theirs(file) {
  const torch = runJson(values.python, [script('torch_side.py'), file, exported])
  return { torch, session: runJson(process.execPath, [script('onnx.mjs'), exported]) }
}

const checkpoints = positionals.length ? positionals : ['zip', 'legacy'].map(madeCheckpoint)
const versions = new Set()
const parts = checkpoints.map(measure)
const intro = `Each run uses a fresh process, and sides alternate. Medians of ${repeats} runs. Peak memory is VmHWM: all resident memory, including mapped files.`
report([`Machine: ${machine([...versions])}.`, intro, ...parts], values.out)

function madeCheckpoint(format) {
  const path = join(temporary, `ocrnet48-hms.${format}.pth`)
  const flags = format === 'legacy' ? ['--legacy'] : []
  run(values.python, [script('../lib/make_checkpoint.py'), 'ocrnet48-hms', path, ...flags])
  return path
}

function measure(file) {
  const runs = { ours: [], torch: [], session: [] }
  for (let i = 0; i < repeats; i++) {
    const sides = [() => runs.ours.push(ours(file)), () => addTheirs(theirs(file))]
    for (const side of i % 2 ? sides.reverse() : sides) side()
  }
  function addTheirs({ torch, session }) {
    versions.add(`PyTorch ${torch.torch}`)
    runs.torch.push(torch)
    runs.session.push(session)
  }
  const of = (side, key) => median(runs[side].map((run) => run[key]))
  const mebi = statSync(file).size / 2 ** 20
  const [a, b, c] = ['ours', 'torch', 'session'].map((side) => of(side, 'total'))
  const [peakA, peakB, peakC] = ['ours', 'torch', 'session'].map((side) => of(side, 'peak'))
  const row = (name, time, split, peak) => [
    name,
    seconds(time),
    split,
    mebibytes(peak),
    ratio(peak, mebi),
    ratio(a, time),
    ratio(peakA, peak),
  ]
  return [
    `**${file.split('/').at(-1)}**, ${mebibytes(mebi)}`,
    table(
      ['side', 'time', 'of which', 'peak memory', 'peak / file', 'our time / it', 'our peak / it'],
      [
        row(
          'ours: file → session',
          a,
          `open ${seconds(of('ours', 'open'))}, convert and session ${seconds(of('ours', 'session'))}`,
          peakA,
        ),
        row(
          'PyTorch: file → ONNX file',
          b,
          `load ${seconds(of('torch', 'load'))}, export ${seconds(of('torch', 'export'))}`,
          peakB,
        ),
        row(
          'PyTorch, then ONNX Runtime: file → session',
          b + c,
          `PyTorch ${seconds(b)}, session ${seconds(c)} (${mebibytes(peakC)})`,
          Math.max(peakB, peakC),
        ),
      ],
    ),
  ].join('\n\n')
}
