import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { edgeMap, toTrainIds } from '@inverseform/cityscapes'
import { openDataset, readLabelIds } from '@inverseform/cityscapes/node'
import { inverseFormLoss, type Regressor } from '@inverseform/core'
import { type ArrayTensor, arrayOps } from '@inverseform/core/array'
import { deterministicParameter, dict, legacyFile, tensor } from '@inverseform/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { exitCodes } from '../src/exit-codes.js'
import { checkpoint, dataset, inverseform } from './command-line.js'

const ours = ['--checkpoint', checkpoint, '--data', dataset]
const ops = arrayOps()

const pixels = 2 * 224 ** 2
const values = {
  'fc.0.weight': deterministicParameter('fc.0.weight', [1, pixels]),
  'fc.0.bias': deterministicParameter('fc.0.bias', [1]),
  'fc.2.weight': deterministicParameter('fc.2.weight', [32, 1000]),
  'fc.2.bias': deterministicParameter('fc.2.bias', [32]),
  'fc.4.weight': deterministicParameter('fc.4.weight', [4, 32]),
  'fc.4.bias': deterministicParameter('fc.4.bias', [4]),
  // The reader refuses tensors that claim more than 16 times the bytes of their file; this one makes the file larger.
  more: new Float32Array(7e6),
}

/**
 * Returns InverseNet in its published shapes. All units of the first layer share one row of weights and one bias, as views
 * with strides of 0, which makes the file smaller.
 */
function smallerFile(): Uint8Array {
  const layouts = {
    'fc.0.weight': { shape: [1000, pixels], strides: [0, 1] },
    'fc.0.bias': { shape: [1000], strides: [0] },
    'fc.2.weight': { shape: [32, 1000], strides: [1000, 1] },
    'fc.2.bias': { shape: [32], strides: [1] },
    'fc.4.weight': { shape: [4, 32], strides: [32, 1] },
    'fc.4.bias': { shape: [4], strides: [1] },
    more: { shape: [7e6], strides: [1] },
  }
  const entries = Object.entries(layouts).map(([name, layout], key) => {
    const data = values[name as keyof typeof values]
    return {
      name,
      key: String(key),
      data,
      tensor: tensor({ ...layout, key: String(key), length: data.length, view: null }),
    }
  })
  return legacyFile(
    dict(Object.fromEntries(entries.map(({ name, tensor }) => [name, tensor]))),
    Object.fromEntries(
      entries.map(({ key, data }) => [key, { length: data.length, data: new Uint8Array(data.buffer) }]),
    ),
  )
}

/** Computes the same network, which the shared weights reduce to a few operations. */
const regressor: Regressor<ArrayTensor> = (_, prediction, target) => {
  const constant = (name: keyof typeof values, ...shape: number[]) => ops.constant(values[name], shape)
  const flat = (x: ArrayTensor) => ops.reshape(x, [18, pixels / 2])
  const inputs = ops.concat([flat(prediction), flat(target)], 1)
  const unit = ops.maximum(
    ops.add(ops.matmul(inputs, constant('fc.0.weight', pixels, 1)), constant('fc.0.bias', 1)),
    0,
  )
  const rowSums = ops.sum(constant('fc.2.weight', 32, 1000), [1], true)
  const hidden = ops.add(ops.matmul(unit, rowSums, { transposeB: true }), constant('fc.2.bias', 32))
  const outputs = ops.matmul(ops.maximum(hidden, 0), constant('fc.4.weight', 4, 32), { transposeB: true })
  return ops.add(outputs, constant('fc.4.bias', 4))
}

/** Returns the loss of the first image; as published, it does not depend on the prediction. */
async function firstInverseForm(): Promise<number> {
  const { samples } = await openDataset({ data: dataset, split: 'val' })
  const { data, width, height } = await readLabelIds(samples[0].labelIds as string)
  const edgeLabels = edgeMap(toTrainIds(data), width, height)
  const edgeLogits = ops.constant(new Float32Array(width * height), [1, 1, height, width])
  return inverseFormLoss(
    ops,
    { edgeLogits, edgeTarget: edgeLabels, regressor },
    { activation: 'log_softmax' },
  ).data[0]
}

describe('eval --loss --inversenet', () => {
  let expected: number
  let file: string
  beforeAll(async () => {
    expected = await firstInverseForm()
    const folder = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
    file = join(folder, 'inversenet.pth')
    await writeFile(file, smallerFile())
    return () => rm(folder, { recursive: true })
  })

  test.each([
    [[], 1e-4],
    // Each weight, and each value multiplied by it, is off by up to half of 1/127 of the largest in its row.
    [['--inversenet-precision', 'int8'], 0.05],
  ] as const)('adds the InverseForm term %j', async (flags, tolerance) => {
    const { exitCode, out, err } = await inverseform(
      ...['eval', ...ours, '--edge-head', '--limit', '1', '--loss', '--json', '--inversenet', file, ...flags],
    )
    expect({ exitCode, err: err.includes('note') }).toEqual({ exitCode: 0, err: false })
    const { loss } = JSON.parse(out)
    expect(Math.abs(loss.inverseForm / expected - 1)).toBeLessThan(tolerance)
    const sum = loss.crossEntropy + 0.3 * loss.edgeBce + 0.1 * loss.edgeAttention + 0.3 * loss.inverseForm
    expect(loss.total).toBeCloseTo(sum, 5)
  })

  test('notes that it needs the edge head', async () => {
    const { exitCode, err } = await inverseform(
      ...['eval', ...ours, '--limit', '1', '--loss', '--inversenet', 'none.pth'],
    )
    expect(exitCode).toBe(0)
    expect(err).toContain('Add --edge-head')
  })

  test('refuses an unknown precision', async () => {
    const { exitCode, err } = await inverseform('eval', ...ours, '--loss', '--inversenet-precision', 'int4')
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain('float32, float16, int8')
  })
})
