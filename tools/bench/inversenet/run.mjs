// Measures InverseNet in each weight precision on ONNX Runtime, next to the typed arrays of @inverseform/core and PyTorch:
// load time, memory, time for the 36 tiles of two images, and the error of the coefficients relative to PyTorch.
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadInverseNet, openCheckpoint } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import { writeInverseNet } from '../lib/checkpoint.mjs'
import { machine } from '../lib/machine.mjs'
import { mebibytes, median, report, seconds, table } from '../lib/report.mjs'
import { runJson } from '../lib/run-program.mjs'
import { temporaryFolder } from '../lib/temporary-folder.mjs'
import { uniform } from '../lib/uniform.mjs'

const { values } = parseArgs({
  options: {
    repeats: { type: 'string', default: '9' },
    python: { type: 'string', default: '/usr/bin/python3' },
    out: { type: 'string' },
  },
})
const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const temporary = temporaryFolder()

const checkpoint = join(temporary, 'inversenet.safetensors')
await writeInverseNet(checkpoint)
// The prediction holds probabilities. The target has edges on a tenth of the pixels.
const tiles = join(temporary, 'tiles.f32')
const pixels = 36 * 224 ** 2
const [prediction, edges] = ['prediction', 'target'].map((name) => uniform(name, pixels))
writeFileSync(tiles, Float32Array.from([...prediction, ...edges.map((u) => (u > 0.9 ? 1 : 0))]))

const onnxBytes = async (precision) => {
  const source = await fileSource(checkpoint)
  const { graph } = loadInverseNet(await openCheckpoint(source))
  await source.close()
  return encodeOnnx(graph, { precision }).byteLength
}
const ours = (side) =>
  runJson(process.execPath, [script('ours.mjs'), side, checkpoint, tiles, values.repeats])
const torch = runJson(values.python, [script('torch_side.py'), checkpoint, tiles, values.repeats])
const precisions = ['float32', 'float16', 'int8']
const sides = [
  ...(await Promise.all(
    precisions.map(async (side) => [`session, ${side}`, ours(side), await onnxBytes(side)]),
  )),
  ['typed arrays of core, 1 thread', ours('arrays'), statSync(checkpoint).size],
  ['PyTorch, float32', torch, statSync(checkpoint).size],
]

const largest = Math.max(...torch.coefficients.map(Math.abs))
const error = ({ coefficients }) =>
  Math.max(...coefficients.map((x, i) => Math.abs(x - torch.coefficients[i]))) / largest
report(
  [
    `Machine: ${machine([`PyTorch ${torch.torch}`])}.`,
    `Each side runs in its own process. Each run takes 36 tiles; medians of ${values.repeats} runs after a warm-up.`,
    table(
      [
        'side',
        'file',
        'load',
        'first run',
        '36 tiles',
        'peak memory',
        'resident',
        'of which mapped files',
        'error / largest',
      ],
      sides.map(([name, side, bytes]) => [
        name,
        mebibytes(bytes / 2 ** 20),
        seconds(side.load),
        `${side.first.toFixed(0)} ms`,
        `${median(side.times).toFixed(0)} ms`,
        mebibytes(side.peak),
        mebibytes(side.resident),
        mebibytes(side.mapped),
        error(side).toExponential(1),
      ]),
    ),
  ],
  values.out,
)
