import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfusionMatrix, decodeLabelPng, toTrainIds } from '@inverseform/cityscapes'
import { openDataset, readLabelIds } from '@inverseform/cityscapes/node'
import { beforeAll, describe, expect, test } from 'vitest'
import pytorch from '../../../tools/demo/pytorch.json' with { type: 'json' }
import { exitCodes } from '../src/exit-codes.js'
import { timeText } from '../src/output/evaluation/text.js'
import { checkpoint, dataset, inverseform, type Outcome, temporaryFolder } from './command-line.js'

const ours = ['--checkpoint', checkpoint, '--data', dataset]

interface Results {
  readonly scores: { readonly meanIou: number; readonly accuracy: number }
  readonly confusion: { readonly counts: number[][] }
  readonly comparison?: { readonly differingPixels: number; readonly pixels: number }
}

describe('the demo checkpoint on the demo data set', () => {
  let outcome: Outcome
  let results: Results
  beforeAll(async () => {
    outcome = await inverseform('eval', ...ours, '--compare-edge-head', '--json')
    results = JSON.parse(outcome.out)
  })

  test('has the scores of PyTorch', () => {
    expect(outcome.exitCode).toBe(0)
    expect(Math.abs(results.scores.meanIou - pytorch.miou)).toBeLessThanOrEqual(0.0005)
    expect(Math.abs(results.scores.accuracy - pytorch.acc)).toBeLessThanOrEqual(0.0005)
  })

  test('puts at least 99.95 % of the pixels into the same cells of the confusion matrix', () => {
    const pixels = pytorch.confusion.flat().reduce((a, b) => a + b, 0)
    const same = pytorch.confusion
      .flat()
      .map((count, i) => Math.min(count, results.confusion.counts.flat()[i]))
    expect(same.reduce((a, b) => a + b, 0) / pixels).toBeGreaterThanOrEqual(0.9995)
  })

  test('has the same labels with and without the edge head', () => {
    expect(results.comparison).toMatchObject({ differingPixels: 0, pixels: 6 * 512 * 1024 })
  })

  test("has the same confusion matrix with upstream's flags", async () => {
    const folder = await temporaryFolder()
    const upstream = [
      '--model_path',
      checkpoint,
      '--arch',
      'lighthrnet.HRNet16',
      '--hrnet_base',
      '16',
      '--has_edge',
      'True',
    ]
    const { exitCode } = await inverseform('eval', ...upstream, '--data', dataset, '--output_dir', folder)
    expect(exitCode).toBe(0)
    const written: Results = JSON.parse(await readFile(join(folder, 'results.json'), 'utf8'))
    expect(written.confusion).toEqual(results.confusion)
  })
})

test('writes a page, pictures, and predictions with the same confusion matrix', async () => {
  const folder = await temporaryFolder()
  const { exitCode, out, err } = await inverseform(
    ...[
      'eval',
      ...ours,
      '--edge-head',
      '--limit',
      '2',
      '--pictures',
      '1',
      '--save-predictions',
      '--out',
      folder,
    ],
  )
  expect(exitCode).toBe(0)
  expect(out).toContain('mean IoU')
  expect(err).toContain('2/2 images')

  const results: Results = JSON.parse(await readFile(join(folder, 'results.json'), 'utf8'))
  const confusion = new ConfusionMatrix()
  const { samples } = await openDataset({ data: dataset, split: 'val' })
  for (const { name, labelIds } of samples.slice(0, 2)) {
    const prediction = decodeLabelPng(
      await readFile(join(folder, 'predictions', `${name}_pred_labelIds.png`)),
    )
    const { data, width, height } = await readLabelIds(labelIds as string)
    confusion.update({
      name,
      target: toTrainIds(data),
      prediction: toTrainIds(prediction.data),
      width,
      height,
    })
  }
  expect(confusion.rows()).toEqual(results.confusion.counts)

  const pictures = await readdir(join(folder, 'images'))
  const kinds = ['edges.png', 'errors.png', 'input.jpg', 'overlay.jpg', 'prediction.png', 'truth.png']
  expect(pictures.sort()).toEqual(kinds.map((kind) => `${samples[0].name}_${kind}`))
  const page = await readFile(join(folder, 'index.html'), 'utf8')
  for (const picture of pictures) expect(page).toContain(`images/${picture}`)
})

test('flip and scales change the scores slightly', async () => {
  const evaluate = async (...flags: string[]): Promise<Results> =>
    JSON.parse((await inverseform('eval', ...ours, '--limit', '1', '--json', ...flags)).out)
  const [plain, flipped, scaled] = [
    await evaluate(),
    await evaluate('--flip'),
    await evaluate('--scales', '0.5,1'),
  ]
  expect(flipped.confusion).not.toEqual(plain.confusion)
  expect(scaled.confusion).not.toEqual(plain.confusion)
  expect(Math.abs(flipped.scores.accuracy - plain.scores.accuracy)).toBeLessThan(0.02)
})

describe('the validation loss', () => {
  // Printed by tools/bench/validation_loss.py, which computes the same terms with PyTorch and SciPy.
  const pytorchTerms = {
    crossEntropy: 0.14833511,
    edgeBce: 0.67165985,
    edgeAttention: 0.65009364,
    total: 0.41484243,
  }

  test('has the terms of PyTorch; a note says that the InverseForm term is missing', async () => {
    const { out, err } = await inverseform('eval', ...ours, '--edge-head', '--loss', '--json')
    const { loss } = JSON.parse(out)
    expect(Object.keys(loss).sort()).toEqual(Object.keys(pytorchTerms).sort())
    for (const [name, value] of Object.entries(pytorchTerms)) {
      expect(Math.abs(loss[name] - value)).toBeLessThanOrEqual(1e-4 * value)
    }
    expect(err).toContain('--inversenet')
  })

  test('is the cross-entropy without the edge head', async () => {
    const { out } = await inverseform('eval', ...ours, '--loss', '--json')
    const { loss } = JSON.parse(out)
    expect(Object.keys(loss).sort()).toEqual(['crossEntropy', 'total'])
    expect(Math.abs(loss.total - pytorchTerms.crossEntropy)).toBeLessThanOrEqual(
      1e-4 * pytorchTerms.crossEntropy,
    )
  })

  test('refuses a checkpoint that is not InverseNet', async () => {
    const { exitCode, err } = await inverseform(
      'eval',
      ...ours,
      '--edge-head',
      '--loss',
      '--inversenet',
      checkpoint,
    )
    expect(exitCode).toBe(exitCodes.checkpoint)
    expect(err).toContain('InverseNet')
  })
})

test('an ONNX file of convert has the scores of its checkpoint', async () => {
  const onnx = join(await temporaryFolder(), 'model.onnx')
  await inverseform('convert', checkpoint, '-o', onnx, '--edge-head')
  const evaluate = async (path: string) => {
    const { out } = await inverseform(
      'eval',
      '--checkpoint',
      path,
      '--data',
      dataset,
      '--limit',
      '1',
      '--json',
    )
    return (JSON.parse(out) as Results).confusion
  }
  expect(await evaluate(onnx)).toEqual(await evaluate(checkpoint))
})

test('the network time of several devices may exceed the elapsed time', () => {
  const seconds = { decode: 1, preprocess: 1, network: 18, postprocess: 1, score: 1, total: 10 }
  expect(timeText({ ...seconds, network: 8 }, 1)).toBe('10.0 s, 8.0 s of it in the network')
  expect(timeText(seconds, 2)).toBe('10.0 s, in which 2 devices were in the network for 18.0 s in all')
})
