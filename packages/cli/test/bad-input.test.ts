import { cp, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeLabelPng } from '@inverseform/cityscapes'
import { describe, expect, test } from 'vitest'
import { exitCodes } from '../src/exit-codes.js'
import { checkpoint, dataset, inverseform, temporaryFolder } from './command-line.js'

const IMAGE = 'leftImg8bit/val/drawnton/drawnton_000000_000019_leftImg8bit.png'
const TARGET = 'gtFine/val/drawnton/drawnton_000000_000019_gtFine_labelIds.png'

/** Creates a data set of one image, for a test to damage. */
async function smallDataset(): Promise<string> {
  const root = await temporaryFolder()
  for (const path of [IMAGE, TARGET]) await cp(join(dataset, path), join(root, path), { recursive: true })
  return root
}

async function expectError(args: string[], exitCode: number, ...said: string[]): Promise<void> {
  const outcome = await inverseform(...args)
  expect(outcome.exitCode).toBe(exitCode)
  for (const words of said) expect(outcome.err).toContain(words)
  expect(outcome.err).toMatch(/^error: .*[.]$/m)
  expect(outcome.err).not.toMatch(/^\s+at /m)
}

const evaluating = (root: string, ...more: string[]) => [
  'eval',
  '--checkpoint',
  checkpoint,
  '--data',
  root,
  ...more,
]

describe('data sets', () => {
  test('a missing folder', () =>
    expectError(evaluating('no/such/folder'), exitCodes.input, 'no/such/folder', 'leftImg8bit'))

  test('an empty split', async () => {
    const root = await temporaryFolder()
    await mkdir(join(root, 'leftImg8bit/val'), { recursive: true })
    await expectError(evaluating(root), exitCodes.input, 'no images', 'leftImg8bit')
  })

  test('a missing split: the error lists the others', () =>
    expectError(evaluating(dataset, '--split', 'train'), exitCodes.input, '"train"', 'found val'))

  test('a target of another size', async () => {
    const root = await smallDataset()
    await writeFile(
      join(root, TARGET),
      encodeLabelPng({ width: 100, height: 50, data: new Uint8Array(5000) }),
    )
    await expectError(evaluating(root), exitCodes.input, '100x50', '512x256', TARGET.slice(-30))
  })

  test.each([
    ['image', IMAGE, 100_000],
    ['target', TARGET, 3000],
  ])('a truncated PNG: %s', async (_, path, length) => {
    const root = await smallDataset()
    await truncate(join(root, path), length)
    await expectError(evaluating(root), exitCodes.input, path.slice(-30))
  })
})

describe('messages of libraries are in plain words', () => {
  test('of libvips', async () => {
    const folder = await temporaryFolder()
    const whole = await readFile(join(dataset, IMAGE))
    await writeFile(join(folder, 'cut.png'), whole.subarray(0, whole.length - 5000))
    const { exitCode, err } = await inverseform(
      ...['predict', folder, '--checkpoint', checkpoint, '--out', join(folder, 'out')],
    )
    expect(exitCode).toBe(exitCodes.input)
    expect(err).toContain('cut.png cannot be decoded: ')
    expect(err).not.toMatch(/vips|libpng/i)
  })

  test('of Node, before the checkpoint is read', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'file'), '')
    const out = join(folder, 'file', 'model.onnx')
    const { exitCode, out: printed, err } = await inverseform('convert', checkpoint, '--out', out)
    expect({ exitCode, printed }).toEqual({ exitCode: exitCodes.output, printed: '' })
    expect(err).toMatch(
      /^error: The folder .*file could not be created: a file of that name exists\.\nhint: /,
    )
    expect(err).not.toMatch(/E[A-Z]{4,}:/)
  })

  test.each([
    ['predict', "missing required argument 'inputs'"],
    ['convert', "required option '-o, --out <file>' not specified"],
    ['frobnicate', "unknown command 'frobnicate'"],
  ])('of the parser, with a hint: %s', async (command, message) => {
    const { exitCode, err } = await inverseform(command)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain(message)
    expect(err).toMatch(/^hint: Add --help/m)
  })
})

describe('checkpoints', () => {
  const withCheckpoint = (path: string, ...more: string[]) => [
    'eval',
    '--checkpoint',
    path,
    '--data',
    dataset,
    ...more,
  ]

  test('a checkpoint of another model', () =>
    expectError(
      withCheckpoint(checkpoint, '--model', 'ocrnet48'),
      exitCodes.checkpoint,
      'missing',
      'hrnet16-slim',
    ))

  test('a file that is not a checkpoint', () =>
    expectError(withCheckpoint(join(dataset, IMAGE)), exitCodes.checkpoint, '89 50 4e 47'))

  test('a missing file', () => expectError(withCheckpoint('nowhere.pth'), exitCodes.input, 'nowhere.pth'))

  test('an unknown model', async () => {
    const { exitCode, err } = await inverseform(...withCheckpoint(checkpoint, '--model', 'resnet'))
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain('hrnet18, hrnet16-slim, ocrnet48 or ocrnet48-hms')
  })

  test('no checkpoint: the hint names the published one', () =>
    expectError(
      ['eval', '--model', 'hrnet18', '--data', dataset],
      exitCodes.usage,
      'Pass --checkpoint hrnet18 to download',
    ))
})

describe('outputs', () => {
  test('a file where the folder should be', async () => {
    const file = join(await temporaryFolder(), 'file')
    await writeFile(file, 'x')
    await expectError(
      evaluating(dataset, '--limit', '1', '--out', join(file, 'out')),
      exitCodes.output,
      'file',
    )
    expect(await readFile(file, 'utf8')).toBe('x')
  })

  test('a folder where the file should be: no temporary file remains', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'model.onnx'))
    await expectError(
      ['convert', checkpoint, '-o', join(folder, 'model.onnx')],
      exitCodes.output,
      'model.onnx',
    )
    expect(await readdir(folder)).toEqual(['model.onnx'])
  })

  test('a folder that allows no entries', async () => {
    if (process.platform === 'linux') {
      await expectError(
        evaluating(dataset, '--limit', '1', '--out', '/proc/out'),
        exitCodes.output,
        '/proc/out',
      )
    }
  })
})

describe('usage', () => {
  test.each([
    [['eval', '--frob'], "unknown option '--frob'"],
    [['eval', '--scales', '0.5,banana'], '0.5,1,2'],
    [['eval', '--limit', '-3'], 'above 0'],
    // Timers of Node would end such a time at once.
    [['queue', 'work', '--lease', '1e99'], 'above 0, at most 2000000'],
    [['queue', 'work', '--metrics-port', '99999'], 'Use an integer from 0 to 65535.'],
    [[...evaluating(dataset), '--out', ''], '--out must be a path, got "".'],
    [['predict'], 'missing required argument'],
    [['frob'], "unknown command 'frob'"],
  ])('%j', async (args, said) => {
    const { exitCode, err } = await inverseform(...args)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain(said)
  })

  test('scales without 1', () =>
    expectError(
      evaluating(dataset, '--scales', '0.5,2'),
      exitCodes.usage,
      '`scales` must be an array that includes 1, got [0.5, 2].',
    ))
})
