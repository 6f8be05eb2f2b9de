import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openCheckpoint, type WritableTensor, writeSafetensors } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import {
  ConfusionMatrix,
  decodeLabelPng,
  encodeLabelPng,
  toTrainIds,
  trainIdToLabelId,
} from '@inverseform/cityscapes'
import { openDataset, readLabelIds } from '@inverseform/cityscapes/node'
import { writeFileAtomically } from '@inverseform/shared/node'
import { beforeAll, describe, expect, test } from 'vitest'
import pytorch from '../../../tools/demo/pytorch.json' with { type: 'json' }
import { exitCodes } from '../src/exit-codes.js'
import { timeText } from '../src/output/evaluation/text.js'
import { checkpoint, dataset, inverseform, type Outcome, temporaryFolder } from './command-line.js'
import { smallDataset } from './scale.js'

const ours = ['--checkpoint', checkpoint, '--data', dataset]

interface Results {
  readonly scores: { readonly meanIou: number; readonly accuracy: number }
  readonly confusion: { readonly counts: number[][] }
  readonly comparison?: { readonly differingPixels: number; readonly pixels: number }
}

const known = new Map<string, Promise<Results>>()

/** Evaluates the demo checkpoint on the demo data set, once for all tests. */
function evaluated(...flags: string[]): Promise<Results> {
  const work = async (): Promise<Results> => {
    const { exitCode, out, err } = await inverseform('eval', ...ours, '--json', ...flags)
    expect(exitCode, err).toBe(0)
    return JSON.parse(out)
  }
  const found = known.get(flags.join()) ?? work()
  known.set(flags.join(), found)
  return found
}

describe('the demo checkpoint on the demo data set', () => {
  let results: Results
  beforeAll(async () => {
    results = await evaluated('--compare-edge-head')
  })

  test('has the scores of PyTorch', () => {
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
    expect(results.comparison).toMatchObject({ differingPixels: 0, pixels: 6 * 256 * 512 })
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

test('keeps the city in the paths of images with one name', async () => {
  const folder = await temporaryFolder()
  const data = join(folder, 'data')
  for (const city of ['aachen', 'bremen']) {
    for (const [type, file] of [
      ['leftImg8bit', 'leftImg8bit.png'],
      ['gtFine', 'gtFine_labelIds.png'],
    ]) {
      await mkdir(join(data, type, 'val', city), { recursive: true })
      await copyFile(
        join(dataset, type, 'val/drawnton', `drawnton_000000_000019_${file}`),
        join(data, type, 'val', city, `photo_1_${file}`),
      )
    }
  }
  const out = join(folder, 'out')
  const flags = ['--checkpoint', checkpoint, '--data', data, '--save-predictions', '--out', out]
  const { exitCode, err } = await inverseform('eval', ...flags)
  expect(exitCode).toBe(0)
  expect(err).toContain('2/2 images')
  const files = (await readdir(out, { recursive: true })).filter((file) => file.endsWith('.png'))
  for (const city of ['aachen', 'bremen']) {
    expect(files).toContain(`predictions/${city}/photo_1_pred_labelIds.png`)
    expect(files).toContain(`images/${city}/photo_1_prediction.png`)
    expect(await readFile(join(out, 'index.html'), 'utf8')).toContain(`images/${city}/photo_1_prediction.png`)
  }
})

test('flip and scales change the scores slightly', async () => {
  const [plain, flipped, scaled] = [
    await evaluated('--limit', '1'),
    await evaluated('--limit', '1', '--flip'),
    await evaluated('--limit', '1', '--scales', '0.5,1'),
  ]
  expect(flipped.confusion).not.toEqual(plain.confusion)
  expect(scaled.confusion).not.toEqual(plain.confusion)
  expect(Math.abs(flipped.scores.accuracy - plain.scores.accuracy)).toBeLessThan(0.02)
})

describe('the validation loss', () => {
  // Printed by tools/bench/validation-loss/run.py, which computes the same terms with PyTorch and SciPy.
  const pytorchTerms = {
    crossEntropy: 0.61999034,
    edgeBce: 0.11412473,
    edgeAttention: 1.43881581,
    total: 0.79810934,
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
  const { out } = await inverseform('eval', ...ours, '--checkpoint', onnx, '--limit', '1', '--json')
  expect((JSON.parse(out) as Results).confusion).toEqual((await evaluated('--limit', '1')).confusion)
})

test('the time has all stages, which several workers run at the same time', () => {
  const seconds = { decode: 1, preprocess: 1, network: 18, postprocess: 1, score: 1, write: 2, total: 10 }
  const stages =
    'decode 1.00 s, preprocess 1.00 s, network 18.0 s, postprocess 1.00 s, score 1.00 s, write 2.00 s'
  expect(timeText(seconds, 1)).toBe(`10.0 s: ${stages}`)
  expect(timeText(seconds, 2)).toBe(`10.0 s with 2 workers: ${stages}`)
})

describe('a network whose outputs are label ids', () => {
  // The outputs mean the same at any size.
  let small: string
  beforeAll(async () => {
    small = await smallDataset(await mkdtemp(join(tmpdir(), 'inverseform-test-')))
    return () => rm(small, { recursive: true })
  })

  const lastLayers = ['hrhead.last_layer.2', 'aux_head.2']

  /**
   * Writes the demo checkpoint with its 19 outputs at other places, and outputs between them that never win: their weights are
   * negative, and a ReLU is before them.
   */
  async function rearranged(path: string, places: readonly number[], outputs: number): Promise<string> {
    await using source = await fileSource(checkpoint)
    const opened = await openCheckpoint(source)
    const tensors = [...opened.tensors.values()].map((tensor): WritableTensor => {
      const layer = lastLayers.find((name) => tensor.name.startsWith(`${name}.`))
      if (layer === undefined || tensor.shape[0] !== 19) return tensor as WritableTensor
      const perOutput = tensor.shape.slice(1).reduce((a, b) => a * b, 1)
      return {
        name: tensor.name,
        dtype: 'float32',
        shape: [outputs, ...tensor.shape.slice(1)],
        read: async () => {
          const { data } = await tensor.read()
          const values = new Float32Array(outputs * perOutput).fill(
            tensor.name.endsWith('bias') ? -1000 : -10,
          )
          for (const [output, place] of places.entries()) {
            const row = (data as Float32Array).subarray(output * perOutput, (output + 1) * perOutput)
            values.set(row, place * perOutput)
          }
          return { dtype: 'float32', shape: [outputs, ...tensor.shape.slice(1)], data: values }
        },
      }
    })
    await writeFileAtomically(path, (sink) => writeSafetensors(tensors, sink))
    return path
  }

  const evaluate = async (file: string, ...flags: string[]): Promise<Outcome> =>
    inverseform('eval', '--checkpoint', file, '--data', small, '--json', ...flags)

  test('34 or 35 outputs have the scores of 19', async () => {
    const { scores }: Results = JSON.parse((await evaluate(checkpoint)).out)
    const folder = await temporaryFolder()
    for (const outputs of [34, 35]) {
      const file = await rearranged(
        join(folder, `${outputs}.safetensors`),
        [...trainIdToLabelId.slice(0, 19)],
        outputs,
      )
      const { exitCode, out, err } = await evaluate(file, '--compare-edge-head')
      expect(exitCode).toBe(0)
      expect(err).toContain(`note: The ${outputs} outputs are read as label ids.`)
      const results: Results = JSON.parse(out)
      expect(results.scores).toEqual(scores)
      expect(results.comparison).toMatchObject({ differingPixels: 0 })
      expect((await evaluate(file, '--ids', 'trainIds')).exitCode).toBe(exitCodes.checkpoint)
      expect((await evaluate(file, '--loss')).exitCode).toBe(exitCodes.usage)
    }
  })

  test('weights that are not numbers are refused, with the name of the tensor', async () => {
    const folder = await temporaryFolder()
    await using source = await fileSource(checkpoint)
    const opened = await openCheckpoint(source)
    const tensors = [...opened.tensors.values()].map((tensor) => ({
      ...(tensor as WritableTensor),
      read: async () => {
        const { data, ...rest } = await tensor.read()
        const damaged = tensor.name.endsWith('hrhead.last_layer.2.weight') ? data.slice() : data
        if (damaged !== data) damaged[7] = Number.NaN
        return { ...rest, data: damaged }
      },
    }))
    const file = join(folder, 'nan.safetensors')
    await writeFileAtomically(file, (sink) => writeSafetensors(tensors, sink))
    const { exitCode, err } = await evaluate(file)
    expect(exitCode).toBe(exitCodes.checkpoint)
    expect(err).toContain('last_layer.2.weight')
  })

  test('any other number needs a mapping file', async () => {
    const folder = await temporaryFolder()
    const places = Array.from({ length: 19 }, (_, i) => i + 1)
    const file = await rearranged(join(folder, '20.safetensors'), places, 20)
    const refused = await evaluate(file)
    expect(refused.exitCode).toBe(exitCodes.checkpoint)
    expect(refused.err).toContain('The network has 20 outputs')
    expect(refused.err).toContain('--ids')
    const ids = join(folder, 'ids.json')
    await writeFile(ids, JSON.stringify([255, ...Array.from({ length: 19 }, (_, i) => i)]))
    const { scores }: Results = JSON.parse((await evaluate(checkpoint, '--limit', '1')).out)
    const { out } = await evaluate(file, '--ids', ids, '--limit', '1')
    expect(JSON.parse(out).scores).toEqual(scores)
    for (const text of ['[0, 1]', '{}', 'no JSON', JSON.stringify(Array(20).fill(19))]) {
      await writeFile(ids, text)
      const { exitCode, err } = await evaluate(file, '--ids', ids)
      expect(exitCode).not.toBe(0)
      expect(err).toMatch(/^hint: .*[Tt]rain id/m)
    }
    const missing = await evaluate(file, '--ids', join(folder, 'none.json'))
    expect(missing).toMatchObject({ exitCode: exitCodes.input, err: expect.stringContaining('--ids') })
  })
})

describe('plain folders', () => {
  /** Writes images and label maps of train ids, with other names than Cityscapes'. */
  async function plainFolders(): Promise<{ root: string; images: string; gt: string }> {
    const root = await temporaryFolder()
    const [images, gt] = [join(root, 'images'), join(root, 'annotations')]
    const { samples } = await openDataset({ data: dataset, split: 'val' })
    for (const [i, { image, labelIds }] of samples.slice(0, 2).entries()) {
      const { data, width, height } = await readLabelIds(labelIds as string)
      await writeFileAnd(join(images, `part${i}`, 'scene.png'), await readFile(image))
      await writeFileAnd(
        join(gt, `part${i}`, 'scene_map.png'),
        encodeLabelPng({ width, height, data: toTrainIds(data) }),
      )
    }
    return { root, images, gt }
  }

  async function writeFileAnd(path: string, bytes: Uint8Array): Promise<void> {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, bytes)
  }

  test('have the scores of the data set', async () => {
    const { root, images, gt } = await plainFolders()
    const names = join(root, 'names.txt')
    await writeFile(names, Array.from({ length: 19 }, (_, i) => `name ${i}\n`).join(''))
    const plain = ['--images', images, '--gt', gt, '--gt-suffix', '_map.png', '--class-names', names]
    const out = join(root, 'out')
    const { exitCode, out: text } = await inverseform(
      ...['eval', '--checkpoint', checkpoint, ...plain, '--save-predictions', '--out', out],
    )
    expect(exitCode).toBe(0)
    expect(text).toContain('name 18')
    const results: Results = JSON.parse(await readFile(join(out, 'results.json'), 'utf8'))
    expect(results.confusion).toEqual((await evaluated('--limit', '2')).confusion)
    expect(await readdir(join(out, 'images'))).toEqual(['part0', 'part1'])
    const rescored = await inverseform(
      ...['metrics', '--preset', 'plain', '--gt', gt, '--gt-suffix', '_map.png'],
      ...['--pred', join(out, 'predictions'), '--class-names', names, '--json', '--workers', '0'],
    )
    expect(JSON.parse(rescored.out).scores.meanIou).toBe(results.scores.meanIou)
  })

  test('that do not fit are refused, with what to pass', async () => {
    const { root, images, gt } = await plainFolders()
    const names = join(root, 'names.json')
    await writeFile(names, JSON.stringify(['road', 'sky']))
    for (const [flags, said] of [
      [['--images', images], '--images needs --gt'],
      [['--gt', gt], '--gt needs --images'],
      [['--images', images, '--gt', gt], '--gt-suffix'],
      [['--images', images, '--gt', gt, '--data', dataset], '--data'],
      [['--images', images, '--gt', gt, '--gt-suffix', '_map.png', '--class-names', names], '2 classes'],
      [['--data', images], 'pass --images'],
    ] as const) {
      const { exitCode, err } = await inverseform('eval', '--checkpoint', checkpoint, ...flags)
      expect(exitCode).not.toBe(0)
      expect(err).toContain(said)
      expect(err).toMatch(/^hint: /m)
    }
  })
})
