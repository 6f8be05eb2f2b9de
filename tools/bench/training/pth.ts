// Trains a few steps, and compares the labels of last.pth in PyTorch with those of `inverseform predict` and of `inverseform eval`.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '10' },
    data: { type: 'string' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
})
const root = fileURLToPath(new URL('../../../', import.meta.url))
const data = values.data ?? join(root, 'tools/demo/cityscapes')
const folder = mkdtempSync(join(tmpdir(), 'inverseform-pth-'))
process.on('exit', () => rmSync(folder, { recursive: true }))
const last = join(folder, 'run/last.pth')
const predictions = join(folder, 'predictions')

// From the demonstration's weights, so that there are many classes to compare.
inverseform(
  ...[
    'train',
    '--data',
    data,
    '--split',
    'val',
    '--model',
    'hrnet16-slim',
    '--crop',
    '128x256',
    '--clip',
    '1',
  ],
  ...['--checkpoint', join(root, 'checkpoints/hrnet16-slim-demo.pth'), '--steps', values.steps],
  ...['--ema', '0.9', '--evaluate-every', '0', '--out', join(folder, 'run')],
)
inverseform(
  ...[
    'predict',
    join(data, 'leftImg8bit/val'),
    '--checkpoint',
    last,
    '--outputs',
    'labels',
    '--device',
    'cpu',
  ],
  ...['--out', predictions],
)
inverseform('eval', '--data', data, '--checkpoint', last, '--device', 'cpu', '--out', join(folder, 'eval'))
run(values.python, fileURLToPath(new URL('pth.py', import.meta.url)), last, data, predictions, folder)

function inverseform(...args: string[]): void {
  const node = ['--conditions=@inverseform/source', '--import', 'tsx']
  run(process.execPath, ...node, join(root, 'packages/cli/src/bin.ts'), ...args)
}

function run(program: string, ...args: string[]): void {
  const { status } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${status}`)
}
