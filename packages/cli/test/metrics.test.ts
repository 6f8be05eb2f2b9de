import { rmSync, writeFileSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  ConfusionMatrix,
  decodeLabelPng,
  encodeLabelPng,
  labelIdToTrainId,
  toLabelIds,
} from '@inverseform/cityscapes'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { exitCodes } from '../src/exit-codes.js'
import { run } from '../src/run.js'
import { eventsOf, inverseform, temporaryFolder } from './command-line.js'

const golden = fileURLToPath(new URL('../../cityscapes/test/fixtures/metrics/', import.meta.url))
const results = join(golden, 'results')
const demo = fileURLToPath(new URL('../../../tools/demo/cityscapes/gtFine/val/drawnton/', import.meta.url))
const text = (file: string): Promise<string> => readFile(file, 'utf8')
const [WIDTH, HEIGHT] = [24, 16]
const noThreads = ['--workers', '0']

beforeEach(() => {
  for (const name of ['CITYSCAPES_DATASET', 'CITYSCAPES_RESULTS', 'CITYSCAPES_EXPORT_DIR']) {
    vi.stubEnv(name, '')
  }
})
afterEach(() => {
  vi.unstubAllEnvs()
})

/** Returns what the official script prints for the golden set. */
const printed = async (): Promise<string> =>
  `${await text(join(golden, 'official-matrix.txt'))}\n\n${await text(join(golden, 'official.txt'))}`

/** Creates a data set of small images, with label ids and train ids, and predictions shifted by a few pixels. */
async function dataset(images = 3): Promise<{ root: string; gt: string; pred: string; trainIds: string }> {
  const root = await temporaryFolder()
  const folders = {
    root,
    gt: join(root, 'gtFine/val/ulm'),
    pred: join(root, 'results'),
    trainIds: join(root, 'trainIds'),
  }
  for (const folder of [folders.gt, folders.pred, folders.trainIds, join(root, 'truth')]) {
    await mkdir(folder, { recursive: true })
  }
  for (let i = 0; i < images; i++) {
    const at = (pixel: number): number => Math.floor((pixel % WIDTH) / 4 + pixel / (5 * WIDTH) + i) % 19
    const truth = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, pixel) => (pixel < 9 ? 255 : at(pixel)))
    const prediction = truth.map((_, pixel) => at(pixel + i))
    const name = `ulm_00000${i}_000019`
    const write = (folder: string, suffix: string, data: Uint8Array) =>
      writeFile(join(folder, name + suffix), encodeLabelPng({ width: WIDTH, height: HEIGHT, data }))
    await write(folders.gt, '_gtFine_labelIds.png', toLabelIds(truth))
    await write(folders.pred, '_pred.png', toLabelIds(prediction))
    await write(folders.trainIds, '.png', prediction)
    await write(
      join(root, 'truth'),
      '.png',
      truth.map((id) => (id === 255 ? 0 : id + 1)),
    )
  }
  return folders
}

describe('--log-json', () => {
  test.each(['0', '2'])(
    'writes events and nothing else to the error stream, with %s threads',
    async (workers) => {
      const { root, pred } = await dataset(3)
      await writeFile(join(pred, 'ulm_000001_000019_pred.png'), 'no image')
      const args = [
        'metrics',
        '--gt',
        root,
        '--pred',
        pred,
        '--no-instances',
        '--workers',
        workers,
        '--log-json',
      ]
      const out = join(root, 'out')
      const skipped = await inverseform(...args, '--on-error', 'skip', '--json', '--out', out)
      expect(skipped.exitCode).toBe(exitCodes.skipped)
      const events = eventsOf(skipped.err)
      const [{ run }] = events
      expect(run).toMatch(/^[0-9a-f]{64}$/)
      expect(events.every((event) => event.run === run)).toBe(true)
      const named = (name: string) => events.filter(({ event }) => event === name)
      expect(named('run-start')).toMatchObject([{ command: 'metrics', images: 3, done: 0 }])
      expect(
        named('image-done')
          .map(({ image }) => image)
          .sort(),
      ).toEqual(['ulm_000000_000019', 'ulm_000002_000019'])
      const positive = { decode: expect.any(Number), score: expect.any(Number) }
      expect(named('image-done')).toMatchObject([{ seconds: positive }, { seconds: positive }])
      expect(named('image-skipped')).toMatchObject([
        { level: 'warn', image: 'ulm_000001_000019', code: 'unreadable' },
      ])
      const sums = JSON.parse(skipped.out).seconds
      expect(events.at(-1)).toMatchObject({
        ...{ event: 'run-end', exitCode: exitCodes.skipped, images: 2, skipped: 1 },
        seconds: { decode: expect.closeTo(sums.decode, 5), score: expect.closeTo(sums.score, 5) },
      })
      const stopped = eventsOf((await inverseform(...args)).err).at(-1)
      expect(stopped).toMatchObject({ level: 'error', event: 'run-stopped', exitCode: exitCodes.input })
      expect(stopped?.message).toContain('ulm_000001_000019_pred.png')
    },
  )

  test('has wrong usage as its only event', async () => {
    const { exitCode, err } = await inverseform('metrics', '--frob', '--log-json')
    expect(exitCode).toBe(exitCodes.usage)
    expect(eventsOf(err)).toMatchObject([
      { level: 'error', event: 'run-stopped', exitCode, message: "unknown option '--frob'" },
    ])
  })
})

describe('the official evaluation', () => {
  test.each([0, 1, 2])(
    'prints and writes the same as the official script, with %i threads',
    async (workers) => {
      const file = join(await temporaryFolder(), 'official.json')
      const { exitCode, out, err } = await inverseform(
        ...[
          'metrics',
          '--gt',
          golden,
          '--pred',
          results,
          '--workers',
          String(workers),
          '--official-json',
          file,
        ],
      )
      expect(exitCode).toBe(0)
      expect(out).toBe(await printed())
      expect(err).toMatch(/3\/3 images.*\nWrote .*official\.json\n3 images in .*: decode .*, score .* s\n$/s)
      expect(await text(file)).toBe(await text(join(golden, 'official.json')))
    },
  )

  test('omits the matrix on a terminal that is too narrow, unless asked for it', async () => {
    const flags = ['metrics', '--gt', golden, '--pred', results, ...noThreads]
    const matrix = await text(join(golden, 'official-matrix.txt'))
    const print = async (columns: number, ...more: string[]) => {
      let [out, err] = ['', '']
      const terminal = {
        out: (part: string) => (out += part),
        err: (part: string) => (err += part),
        interactive: false,
        outColumns: columns,
      }
      expect(await run([...flags, ...more], terminal)).toBe(0)
      return { out, err }
    }
    const narrow = await print(100)
    expect(narrow.out).toBe(await text(join(golden, 'official.txt')))
    expect(narrow.err).toContain('--matrix')
    for (const wide of [await print(1000), await print(100, '--matrix')]) {
      expect(wide.out).toBe(await printed())
      expect(wide.out).toContain(matrix)
      expect(wide.err).not.toContain('--matrix')
    }
  })

  test('reads its folders from the environment', async () => {
    const folder = await temporaryFolder()
    vi.stubEnv('CITYSCAPES_DATASET', golden)
    vi.stubEnv('CITYSCAPES_RESULTS', results)
    vi.stubEnv('CITYSCAPES_EXPORT_DIR', folder)
    const { out } = await inverseform('metrics', ...noThreads, '--official-json')
    expect(out).toBe(await printed())
    expect(await text(join(folder, 'resultPixelLevelSemanticLabeling.json'))).toBe(
      await text(join(golden, 'official.json')),
    )
    vi.stubEnv('CITYSCAPES_DATASET', '')
    const without = await inverseform('metrics')
    expect(without).toMatchObject({ exitCode: exitCodes.usage, out: '' })
    expect(without.err).toContain('CITYSCAPES_DATASET')
  })

  test('prints valid JSON, with null for NaN', async () => {
    const { out } = await inverseform('metrics', ...noThreads, '--gt', golden, '--json')
    const { official, ...rest } = JSON.parse(out)
    const script = JSON.parse((await text(join(golden, 'official.json'))).replaceAll('NaN', 'null'))
    expect(official).toEqual(script)
    expect(rest).toMatchObject({ format: 'inverseform.metrics', version: 1, run: { images: '3' } })
  })

  test('needs no instance ids with --no-instances', async () => {
    const { root } = await dataset()
    const missing = await inverseform('metrics', '--gt', root)
    expect(missing.exitCode).toBe(exitCodes.input)
    expect(missing.err).toContain('3 of 3 targets have no instance ids')
    const { exitCode, out } = await inverseform('metrics', ...noThreads, '--gt', root, '--no-instances')
    expect(exitCode).toBe(0)
    expect(out).toMatch(/Score Average : 0\.\d{3} {6}nan/)
  })
})

describe('bad input has exit code 3 and an error that names it', () => {
  const fails = async (root: string, ...messages: (string | RegExp)[]): Promise<void> => {
    const { exitCode, out, err } = await inverseform('metrics', '--gt', root, '--no-instances')
    expect({ exitCode, out }).toEqual({ exitCode: exitCodes.input, out: '' })
    expect(err).toMatch(/^error: .*\nhint: .*\.$/m)
    for (const message of messages) expect(err).toMatch(message)
  }
  const write = (file: string, data: Uint8Array, height = HEIGHT) =>
    writeFile(file, encodeLabelPng({ width: WIDTH, height, data }))

  test('a missing prediction', async () => {
    const { root, gt } = await dataset()
    await copyFile(
      join(gt, 'ulm_000000_000019_gtFine_labelIds.png'),
      join(gt, 'ulm_000009_000019_gtFine_labelIds.png'),
    )
    await fails(root, '1 of 4 targets have no prediction', 'ulm_000009_000019')
  })

  test('several predictions', async () => {
    const { root, pred } = await dataset()
    await copyFile(join(pred, 'ulm_000001_000019_pred.png'), join(pred, 'ulm_000001_000019_colors.png'))
    await fails(root, '1 of 3 targets have several', 'ulm_000001_000019_colors.png')
  })

  test('another size, and an invalid id, in a worker thread', async () => {
    const { root, pred } = await dataset()
    const file = join(pred, 'ulm_000002_000019_pred.png')
    await write(file, new Uint8Array(WIDTH * 3), 3)
    await fails(root, /_gtFine_labelIds\.png has 24 x 16 pixels, .*ulm_000002_000019_pred\.png has 24 x 3/)
    await write(file, new Uint8Array(WIDTH * HEIGHT).fill(77, 2 * WIDTH + 5))
    await fails(root, /predicted id 77 at column 5, row 2/, 'ulm_000002_000019_pred.png')
  })

  test('a label map of impossible size', async () => {
    const { root, pred } = await dataset()
    const png = encodeLabelPng({ width: 1, height: 1, data: Uint8Array.of(0) })
    new DataView(png.buffer, png.byteOffset).setUint32(16, 2 ** 30)
    await writeFile(join(pred, 'ulm_000000_000019_pred.png'), png)
    await fails(root, /1073741824x1 = 1073741824 pixels/)
  })
})

describe('more metrics', () => {
  const everything = ['--no-instances', '--boundary', '--surface', '--bootstrap', '200']

  test('measures boundaries, surfaces and the confidence interval of the mean IoU', async () => {
    const { root } = await dataset()
    const { exitCode, out } = await inverseform('metrics', ...noThreads, '--gt', root, ...everything)
    expect(exitCode).toBe(0)
    expect(out).toMatch(/mean IoU 0\.\d+, 95 % confidence interval 0\.\d+ to \d\.\d+ \(200 bootstrap samples/)
    // At 24 x 16 pixels, all of Gated-SCNN's tolerances round to one pixel.
    expect(out).toMatch(/boundary F +pixels .*\n0\.0005 of the diagonal +1 +0\.\d{3} /)
    expect(out).toMatch(/\n0\.02 of the diagonal +1 +0\.\d{3}/)
    expect(out).toMatch(/\ntrimap +mean IoU +accuracy\n1 pixel +0\.\d{3}/)
    expect(out).toMatch(/\nHausdorff +\d+\.\d{3}\n/)
  })

  test('writes a page, its data and pictures of the worst images', async () => {
    const { root, gt } = await dataset()
    const out = join(root, 'new/report')
    const { exitCode, err } = await inverseform(
      ...['metrics', ...noThreads, '--gt', root, ...everything, '--out', out, '--worst', '2'],
    )
    expect(exitCode).toBe(0)
    expect(err).toContain(`Wrote ${out}/index.html`)
    const page = await text(join(out, 'index.html'))
    expect(page).toContain('traffic light')
    const pictures = [...page.matchAll(/src="(images\/[^"]+)"/g)].map(([, src]) => src)
    expect(pictures).toHaveLength(6)
    for (const src of pictures) expect((await stat(join(out, src))).size).toBeGreaterThan(0)
    // The first image's prediction is not shifted.
    expect(pictures.join()).not.toContain('ulm_000000_000019')
    expect(await text(join(out, 'confusion.svg'))).toContain('<svg')

    const json = JSON.parse(await text(join(out, 'results.json')))
    expect(json.perImage.images).toHaveLength(3)
    expect(json.interval.samples).toBe(200)
    const counted = ConfusionMatrix.fromJSON(
      JSON.parse(await text(join(out, 'state.json'))).metrics.confusion,
    )
    const own = decodeLabelPng(await readFile(join(gt, 'ulm_000000_000019_gtFine_labelIds.png')))
    const perImage = own.data.filter((id) => labelIdToTrainId[id] !== 255).length
    expect(counted.compute().pixels).toBe(3 * perImage)
    expect(json.scores.meanIou).toBeCloseTo(json.official.averageScoreClasses, 12)
  })

  test('accepts predictions of train ids', async () => {
    const { root, trainIds } = await dataset()
    const gt = ['--gt', root, '--no-instances', ...noThreads]
    const expected = await inverseform('metrics', ...gt)
    const { out } = await inverseform('metrics', ...gt, '--pred', trainIds, '--ids', 'trainIds')
    expect(out).toBe(expected.out)
  })

  test('notes file names that say train ids, unless --ids is given', async () => {
    const { root, pred, trainIds } = await dataset()
    const name = 'ulm_000001_000019'
    const named = join(trainIds, `${name}_labelTrainIds.png`)
    await rename(join(trainIds, `${name}.png`), named)
    const run = (...args: string[]) =>
      inverseform('metrics', '--gt', root, '--no-instances', ...noThreads, ...args)
    const { exitCode, err } = await run('--pred', trainIds)
    expect(exitCode).toBe(0)
    expect(err).toMatch(
      /^note: 1 of 3 predictions are read as label ids, .* If they hold train ids, pass --ids trainIds\.$/m,
    )
    expect(err).toContain(named)
    for (const ids of ['trainIds', 'labelIds']) {
      expect((await run('--pred', trainIds, '--ids', ids)).err).not.toContain('note:')
    }
    expect((await run('--pred', pred)).err).not.toContain('note:')
  })

  test('does not read the pictures of an earlier run as predictions', async () => {
    const { root, pred, trainIds } = await dataset()
    const cityscapes = [
      'metrics',
      '--gt',
      root,
      '--no-instances',
      ...noThreads,
      '--out',
      join(pred, 'report'),
    ]
    const flags = ['--preset', 'plain', '--num-classes', '19', '--reduce-zero-label', ...noThreads]
    const truth = join(root, 'truth')
    const plain = ['metrics', '--gt', truth, '--pred', trainIds, ...flags, '--out', join(truth, 'report')]
    for (const args of [cityscapes, plain]) {
      for (let run = 0; run < 2; run++) expect(await inverseform(...args)).toMatchObject({ exitCode: 0 })
    }
    const over = await inverseform(...cityscapes.slice(0, -1), pred)
    expect(over).toMatchObject({ exitCode: exitCodes.usage, err: expect.stringContaining(pred) })
  })

  test('merges the states of several machines', async () => {
    const { root, pred } = await dataset()
    const flags = ['--no-instances', '--boundary', '--bootstrap', '100', ...noThreads]
    const whole = await inverseform('metrics', '--gt', root, ...flags)
    const shards: string[] = []
    for (const image of [2, 0, 1]) {
      const shard = join(root, `shard ${image}`)
      await mkdir(shard)
      const truth = `ulm_00000${image}_000019_gtFine_labelIds.png`
      await copyFile(join(root, 'gtFine/val/ulm', truth), join(shard, truth))
      shards.push(join(shard, 'state.json'))
      const { exitCode } = await inverseform(
        ...['metrics', '--gt', shard, '--pred', pred, ...flags, '--save-state', join(shard, 'state.json')],
      )
      expect(exitCode).toBe(0)
    }
    const merged = await inverseform('metrics', '--bootstrap', '100', '--merge', ...shards)
    expect(merged).toMatchObject({ exitCode: 0, out: whole.out })

    const mmseg = await inverseform('metrics', '--preset', 'mmseg', '--merge', ...shards)
    expect(mmseg.out).toMatch(/^Class +IoU +Acc\nroad /)
    await inverseform('metrics', '--gt', root, '--no-instances', ...noThreads, '--save-state', shards[2])
    const without = await inverseform('metrics', '--bootstrap', '--merge', shards[2])
    expect(without).toMatchObject({ exitCode: exitCodes.input, err: expect.stringContaining('by image') })
    const bare = await inverseform('metrics', '--out', root, '--merge', shards[2])
    expect(bare.err).toContain(`Wrote ${join(root, 'results.json')}`)

    const twice = await inverseform('metrics', '--merge', shards[0], shards[0])
    expect(twice.exitCode).toBe(exitCodes.usage)
    expect(twice.err).toContain(
      `${shards[0]} counts 1 of its 1 images a second time, after ${shards[0]}: ulm_000002_000019.`,
    )
    const official = join(root, 'official only.json')
    const part = ['--gt', join(root, 'shard 0'), '--pred', pred, '--no-instances', ...noThreads]
    await inverseform('metrics', ...part, '--save-state', official)
    const unlike = await inverseform('metrics', '--merge', shards[0], official)
    expect(unlike.exitCode).toBe(exitCodes.usage)
    expect(unlike.err).toContain(`error: ${official} cannot be added to ${shards[0]}: `)
    await writeFile(join(root, 'other.json'), '{"confusion":{}}')
    const other = await inverseform('metrics', '--merge', join(root, 'other.json'))
    expect(other).toMatchObject({ exitCode: exitCodes.input, err: expect.stringContaining('other.json: ') })
    const nowhere = await inverseform('metrics', '--merge', join(root, 'nowhere.json'))
    expect(nowhere).toMatchObject({ exitCode: exitCodes.input, err: expect.stringContaining('nowhere.json') })
    await writeFile(join(root, 'text.json'), '{"confusion":')
    const damaged = await inverseform('metrics', '--merge', join(root, 'text.json'))
    expect(damaged).toMatchObject({ exitCode: exitCodes.input, err: expect.stringContaining('text.json') })
  })
})

describe('a state of an earlier version', () => {
  const state = fileURLToPath(new URL('fixtures/metrics-state.json', import.meta.url))
  const flags = ['--bootstrap', '100', '--json']

  test('merges to the scores of its images', async () => {
    const merged = await inverseform('metrics', '--merge', state, ...flags)
    expect(merged.exitCode).toBe(0)
    const everything = ['--boundary', '--surface', ...flags, ...noThreads]
    const scored = await inverseform('metrics', '--gt', golden, '--pred', results, ...everything)
    const { run, ...scores } = JSON.parse(merged.out)
    expect(run).toEqual({ merged: state, images: '3' })
    expect(scores).toEqual({ ...JSON.parse(scored.out), run: undefined, seconds: undefined })
  })

  test('is saved again with the same bytes', async () => {
    const saved = join(await temporaryFolder(), 'state.json')
    await inverseform('metrics', '--merge', state, '--save-state', saved)
    expect(await text(saved)).toBe(await text(state))
  })
})

describe('a state whose images are not those that it counts', () => {
  const state = fileURLToPath(new URL('fixtures/metrics-state.json', import.meta.url))
  interface State {
    numImages?: number
    images: string[]
    metrics: { perImage?: unknown; boundaryF?: unknown; boundaryIou?: unknown }
  }

  test.each<[string, (state: State) => void]>([
    ['no images', (json) => json.images.splice(0)],
    ['a shortened list', (json) => json.images.pop()],
    ['an image twice', (json) => json.images.push(json.images[0])],
    [
      'another name',
      (json) => {
        json.images[0] = 'other'
      },
    ],
    [
      'another number',
      (json) => {
        json.numImages = 2
      },
    ],
    [
      'another number, with no metric by image',
      (json) => {
        json.metrics = { ...json.metrics, perImage: undefined, boundaryF: undefined, boundaryIou: undefined }
        json.numImages = 3
        json.images.pop()
      },
    ],
  ])('%s', async (_, damage) => {
    const json: State = JSON.parse(await text(state))
    damage(json)
    const file = join(await temporaryFolder(), 'state.json')
    await writeFile(file, JSON.stringify(json))
    for (const files of [[file], [file, file]]) {
      const { exitCode, out, err } = await inverseform('metrics', '--merge', ...files)
      expect({ exitCode, out }).toEqual({ exitCode: exitCodes.input, out: '' })
      expect(err).toContain(file)
      expect(err).toContain('image')
    }
  })

  test('--save-state stores the number of images', async () => {
    const { root } = await dataset()
    const file = join(root, 's.json')
    await inverseform('metrics', '--gt', root, '--no-instances', ...noThreads, '--save-state', file)
    expect(JSON.parse(await text(file))).toMatchObject({ numImages: 3 })
  })
})

describe('--map-ids', () => {
  /** Writes masks of 0 and 255, half of them wrong. */
  async function masks(): Promise<{ root: string; flags: string[] }> {
    const root = await temporaryFolder()
    for (const [folder, width] of [
      ['gt', 10],
      ['pred', 5],
    ] as const) {
      await mkdir(join(root, folder))
      const data = Uint8Array.from({ length: 200 }, (_, pixel) => (pixel % 20 < width ? 255 : 0))
      await writeFile(join(root, folder, 'a.png'), encodeLabelPng({ width: 20, height: 10, data }))
    }
    const paths = ['--gt', join(root, 'gt'), '--pred', join(root, 'pred')]
    return { root, flags: ['--preset', 'plain', '--num-classes', '2', ...paths, ...noThreads] }
  }

  test('scores masks of 0 and 255 as classes, from pairs or a file', async () => {
    const { root, flags } = await masks()
    const file = join(root, 'map.json')
    await writeFile(file, '{"255": 1}')
    for (const map of ['255=1', file]) {
      const { exitCode, out } = await inverseform('metrics', ...flags, '--map-ids', map, '--json')
      expect(exitCode).toBe(0)
      const { scores } = JSON.parse(out)
      expect(scores.classes.map(({ iou }: { iou: number }) => iou)).toEqual([100 / 150, 50 / 100])
      expect(scores.pixels).toBe(200)
    }
    const page = join(root, 'page')
    await inverseform('metrics', ...flags, '--map-ids', '255=1', '--out', page)
    expect(await readdir(join(page, 'images'))).toEqual(['a_errors.png', 'a_prediction.png', 'a_truth.png'])
  })

  test('without it, a warning beside the score names the flag', async () => {
    const { flags } = await masks()
    const { out, err } = await inverseform('metrics', ...flags)
    expect(out).toMatch(/^warning: /im)
    expect(err).toContain('--map-ids 255=1')
  })
})

describe('void of --reduce-zero-label with another ignore index than 255', () => {
  async function scored(...flags: string[]) {
    const root = await temporaryFolder()
    for (const [folder, ids] of [
      ['gt', [0, 1, 1, 2, 0, 2, 2, 1]],
      ['pred', [2, 0, 0, 1, 0, 1, 0, 0]],
    ] as const) {
      await mkdir(join(root, folder))
      const bytes = encodeLabelPng({ width: 4, height: 2, data: Uint8Array.from(ids) })
      await writeFile(join(root, folder, 'a.png'), bytes)
    }
    const paths = ['--gt', join(root, 'gt'), '--pred', join(root, 'pred')]
    const all = ['--num-classes', '3', '--reduce-zero-label', ...paths, ...noThreads, ...flags]
    return inverseform('metrics', ...all, '--json')
  }

  test.each([
    ['255', (3 / 4 + 2 / 3) / 2],
    ['0', (0 + 2 / 3 + 0) / 3],
    ['-1', (3 / 5 + 2 / 3 + 0) / 3],
    ['none', (3 / 5 + 2 / 3 + 0) / 3],
  ])('is counted as Hugging Face does, with %s', async (ignore, meanIou) => {
    const { exitCode, out } = await scored('--preset', 'huggingface', '--ignore-index', ignore)
    expect(exitCode).toBe(0)
    const { huggingFace, scores } = JSON.parse(out)
    expect(huggingFace.mean_iou).toBeCloseTo(meanIou, 14)
    expect(scores.meanIou).toBeCloseTo(meanIou, 14)
  })

  test("is refused with boundaries, and by eval's way of counting", async () => {
    const boundary = await scored('--preset', 'huggingface', '--ignore-index', '0', '--boundary')
    expect(boundary.exitCode).not.toBe(0)
    expect(boundary.err).toContain('--boundary needs --ignore-index 255 with --reduce-zero-label.')
    const plain = await scored('--preset', 'plain', '--ignore-index', '0')
    expect(plain.err).toContain('has the target id 255')
  })
})

describe('names of classes', () => {
  test('are read from lines or JSON, and say how many classes there are', async () => {
    const { root, trainIds } = await dataset()
    const file = join(root, 'names')
    const names = Array.from({ length: 20 }, (_, i) => `thing ${i}`)
    const flags = [
      '--preset',
      'plain',
      '--gt',
      join(root, 'truth'),
      '--pred',
      trainIds,
      '--class-names',
      file,
    ]
    for (const contents of [`${names.join('\r\n')}\n`, JSON.stringify(names)]) {
      await writeFile(file, contents)
      const { exitCode, out } = await inverseform('metrics', ...flags, ...noThreads)
      expect(exitCode).toBe(0)
      expect(out).toContain('thing 19')
    }
    for (const contents of ['[1, 2]', '[', '', 'a\n\nb', 'a,1,2,3\nb', '[{"name": "a", "color": 1}]']) {
      await writeFile(file, contents)
      const { exitCode, err } = await inverseform('metrics', ...flags, ...noThreads)
      expect(exitCode).toBe(exitCodes.input)
      expect(err).toContain(file)
    }
    const colored = names.map((name, i) => ({ name, color: [i, 2 * i, 255] }))
    for (const contents of [
      JSON.stringify(colored),
      colored.map(({ name, color }) => `${name}, ${color.join(', ')}`).join('\n'),
    ]) {
      await writeFile(file, contents)
      const page = join(root, 'page')
      expect((await inverseform('metrics', ...flags, '--out', page, ...noThreads)).exitCode).toBe(0)
      expect(await text(join(page, 'index.html'))).toContain('rgb(19,38,255)')
    }
    const { exitCode, err } = await inverseform('metrics', ...flags, '--num-classes', '7', ...noThreads)
    expect(exitCode).not.toBe(0)
    expect(err).toMatch(/^hint: /m)
  })

  test('are in tables of well-known data sets, with what their label files hold', async () => {
    const { root, trainIds } = await dataset()
    const flags = ['--preset', 'mmseg', '--gt', join(root, 'truth'), '--pred', trainIds, ...noThreads]
    const noted = await inverseform('metrics', ...flags, '--class-names', 'ade20k')
    expect(noted.err).toContain('pass --reduce-zero-label')
    const { exitCode, out, err } = await inverseform(
      ...['metrics', ...flags, '--class-names', 'ade20k', '--reduce-zero-label'],
    )
    expect(exitCode).toBe(0)
    expect(out).toContain('chest of drawers')
    expect(err).not.toContain('--reduce-zero-label')
    const unknown = await inverseform('metrics', ...flags, '--class-names', 'nowhere')
    expect(unknown.exitCode).toBe(exitCodes.input)
    expect(unknown.err).toMatch(/^hint: .*ade20k/m)
  })

  test('plain folders: the first error has the whole command, which works', async () => {
    const { root, trainIds } = await dataset()
    const truth = join(root, 'truth of all')
    await rename(join(root, 'truth'), truth)
    for (const args of [
      ['--gt', truth, '--pred', trainIds],
      ['--gt', truth, '--pred', trainIds, '--no-instances', '--boundary'],
      ['--gt', truth, '--pred', trainIds, '--preset', 'plain'],
      ['--gt', truth, '--pred', trainIds, '--ignore-index', '0'],
    ]) {
      const { exitCode, err } = await inverseform('metrics', ...args)
      expect(exitCode).not.toBe(0)
      const [, line] =
        /^hint: .*`inverseform (metrics .*?)`, where N is the number of classes/m.exec(err) ?? []
      const words = line.match(/"[^"]*"|\S+/g)!.map((word) => word.replaceAll('"', ''))
      for (const arg of args.filter((word) => word !== '--no-instances')) expect(words).toContain(arg)
      const told = words.map((word) => (word === 'N' ? '20' : word))
      const scored = await inverseform(...told, ...noThreads)
      expect(scored.exitCode, scored.err).toBe(0)
      expect(scored.out).toContain('of 20 classes')
    }
    const missing = await inverseform('metrics', '--num-classes', '20')
    expect(missing.err).toContain(
      '`inverseform metrics --num-classes 20 --preset plain --gt TRUTH --pred PREDICTIONS`',
    )
    const names = await inverseform('metrics', '--gt', truth, '--pred', trainIds)
    expect(names.err).toMatch(/^hint: .*--gt-suffix and --pred-suffix/m)
  })

  test('hints name flags, not options of the library', async () => {
    const { err } = await inverseform('metrics', '--pred', 'somewhere')
    expect(err).toMatch(/^hint: .*--gt/m)
    expect(err).not.toContain('`data`')
  })
})

describe('merged states', () => {
  test('keep images and data set, and merge again', async () => {
    const { root, trainIds } = await dataset()
    const [first, second, both] = ['1.json', '2.json', 'both.json'].map((name) => join(root, name))
    const truth = (split: string, image: number) =>
      join(root, 'gtFine', split, 'ulm', `ulm_00000${image}_000019_gtFine_labelIds.png`)
    await mkdir(join(root, 'gtFine/train/ulm'), { recursive: true })
    await rename(truth('val', 2), truth('train', 2))
    const count = (split: string, state: string) =>
      inverseform(
        ...['metrics', '--gt', root, '--no-instances', ...noThreads, '--split', split, '--save-state', state],
      )
    await count('val', first)
    await count('train', second)
    const merged = await inverseform('metrics', '--merge', first, second, '--json', '--save-state', both)
    expect(JSON.parse(merged.out).run).toEqual({ merged: `${first}, ${second}`, images: '3' })
    const again = await inverseform('metrics', '--merge', both, '--json')
    expect(JSON.parse(again.out)).toEqual({
      ...JSON.parse(merged.out),
      run: { merged: both, images: '3' },
    })
    const mmseg = await inverseform('metrics', '--preset', 'mmseg', '--merge', both)
    expect(mmseg).toMatchObject({ exitCode: exitCodes.input, out: '' })
    expect(mmseg.err).toContain('no scores by class')

    const flags = ['--preset', 'plain', '--num-classes', '20', ...noThreads, '--save-state', first]
    await inverseform('metrics', '--gt', join(root, 'truth'), '--pred', trainIds, ...flags)
    const page = join(root, 'page')
    await inverseform('metrics', '--merge', first, '--out', page)
    expect(await text(join(page, 'index.html'))).toContain('<title>20 classes')
  })

  test('have a title with their splits', async () => {
    const { root } = await dataset()
    const page = join(root, 'page')
    const flags = ['--gt', root, '--no-instances', '--bootstrap', '50', ...noThreads]
    await rename(join(root, 'gtFine/val'), join(root, 'gtFine/train'))
    await inverseform('metrics', ...flags, '--split', 'train', '--save-state', join(root, 's.json'))
    await inverseform('metrics', '--merge', join(root, 's.json'), '--out', page)
    expect(await text(join(page, 'index.html'))).toContain('<title>Cityscapes train')
  })

  test('refuse flags that select metrics or images', async () => {
    const { root } = await dataset()
    const state = join(root, 's.json')
    await inverseform('metrics', '--gt', root, '--no-instances', ...noThreads, '--save-state', state)
    for (const flags of [
      ['--gt', root],
      ['--pred', root],
      ['--split', 'train'],
      ['--no-instances'],
      ['--ids', 'trainIds'],
      ['--boundary'],
      ['--surface'],
      ['--num-classes', '7'],
      ['--ignore-index', '0'],
      ['--reduce-zero-label'],
      ['--gt-suffix', '.png'],
      ['--pred-suffix', '.png'],
      ['--workers', '2'],
      ['--worst', '2', '--out', root],
    ]) {
      const { exitCode, out, err } = await inverseform('metrics', '--merge', state, ...flags)
      expect({ flags, exitCode, out }).toEqual({ flags, exitCode: exitCodes.usage, out: '' })
      expect(err).toContain(flags[0])
    }
    const official = await inverseform('metrics', '--merge', state, '--official-json')
    expect(official.exitCode).toBe(exitCodes.usage)
    expect(official.err).toContain('hint: Name the file to write: --official-json <file>.')
    const file = join(root, 'official.json')
    expect(await inverseform('metrics', '--official-json', file, '--merge', state)).toMatchObject({
      exitCode: 0,
    })
    expect(JSON.parse((await text(file)).replaceAll('NaN', 'null'))).toHaveProperty('averageScoreClasses')
  })
})

describe('outputs', () => {
  /** Expects an error before any image is read. */
  async function refused(exitCode: number, message: string, root: string, ...args: string[]): Promise<void> {
    const flags = ['--gt', root, '--no-instances', ...noThreads]
    const result = await inverseform('metrics', ...flags, ...args)
    expect({ exitCode: result.exitCode, out: result.out }).toEqual({ exitCode, out: '' })
    expect(result.err).toContain(message)
    expect(result.err).not.toContain('images')
  }

  test('are checked before the work', async () => {
    const { root } = await dataset()
    const file = join(root, 'file')
    await writeFile(file, '')
    for (const flag of ['--save-state', '--official-json', '--out']) {
      await refused(exitCodes.output, 'could not be created', root, flag, join(file, 'x'))
      // This folder exists but allows no new files.
      await refused(exitCodes.output, '/dev/fd', root, flag, '/dev/fd/x')
    }
    for (const flag of ['--save-state', '--official-json']) {
      await refused(exitCodes.output, `${root} is a folder`, root, flag, root)
    }
    await mkdir(join(root, 'report/index.html'), { recursive: true })
    await refused(exitCodes.output, 'index.html is a folder', root, '--out', join(root, 'report'))
    expect((await readdir(root)).filter((name) => name.startsWith('.'))).toEqual([])
  })

  test('must have different paths', async () => {
    const { root } = await dataset()
    await mkdir(join(root, 'out'))
    await symlink(join(root, 'out'), join(root, 'link'))
    const [s, same, link] = ['out/s.json', 'out/../out/s.json', 'link/s.json'].map(
      (path) => `${root}/${path}`,
    )
    for (const other of [s, same, link]) {
      await refused(
        exitCodes.usage,
        'Two outputs have the path',
        root,
        '--save-state',
        s,
        '--official-json',
        other,
      )
    }
    const inReport = ['--out', join(root, 'out'), '--save-state', join(root, 'link/results.json')]
    await refused(exitCodes.usage, 'Two outputs have the path', root, ...inReport)
    expect(await readdir(join(root, 'out'))).toEqual([])
  })

  test('that fail late do not cost the scores', async () => {
    const { root } = await dataset()
    const folder = join(root, 'out')
    const { run } = await import('../src/run.js')
    let [out, err] = ['', '']
    const terminal = {
      out: (said: string) => (out += said),
      // The folder becomes a file after the last image.
      err: (said: string) => {
        err += said
        if (!said.startsWith('3/3')) return
        rmSync(folder, { recursive: true })
        writeFileSync(folder, '')
      },
      interactive: false,
    }
    const state = ['--save-state', join(folder, 's.json')]
    const exitCode = await run(['metrics', '--gt', root, '--no-instances', ...noThreads, ...state], terminal)
    expect({ exitCode, err }).toEqual({ exitCode: exitCodes.output, err: expect.stringContaining('error: ') })
    expect(out).toContain('Score Average')
  })

  test('are not created without images to score', async () => {
    const root = await temporaryFolder()
    const { exitCode } = await inverseform('metrics', '--gt', join(root, 'typo'), '--official-json')
    expect(exitCode).toBe(exitCodes.input)
    expect(await readdir(root)).toEqual([])
  })
})

describe('presets for other data sets', () => {
  test('pairs files by path and reduces the zero label', async () => {
    const { root, trainIds } = await dataset()
    const flags = [
      '--gt',
      join(root, 'truth'),
      '--pred',
      trainIds,
      '--num-classes',
      '19',
      '--reduce-zero-label',
    ]
    const run = (...args: string[]) => inverseform('metrics', ...flags, ...noThreads, ...args)
    const json = JSON.parse((await run('--preset', 'mmseg', '--json')).out)
    const percent = Object.entries(json.mmseg.summary).map(
      ([key, value]) => `${key}: ${(value as number).toFixed(4)}`,
    )
    expect(Object.keys(json.mmseg.summary)).toEqual(['aAcc', 'mIoU', 'mAcc'])

    const mmseg = await run('--preset', 'mmseg')
    // Another data set with 19 classes does not have Cityscapes' names.
    expect(mmseg.out).toMatch(/^Class +IoU +Acc\nclass 0 +\d+\.\d\d +\d+\.\d\d\n/)
    expect(mmseg.out).toContain(`\n${percent.join('  ')}\n`)

    const huggingFace = await run('--preset', 'huggingface')
    expect(huggingFace.out).toMatch(
      /^mean_iou: 0\.\d+\nmean_accuracy: .*\noverall_accuracy: .*\nper_category_iou: \[/,
    )
    const [, meanIou] = /mean_iou: (\S+)/.exec(huggingFace.out) as RegExpExecArray
    expect(Number(meanIou)).toBeCloseTo(json.scores.meanIou, 12)

    const absent = await run('--preset', 'huggingface', '--num-classes', '20')
    expect(absent.out).toMatch(/per_category_iou: \[.*, nan\]\n/)
    expect(absent.out).not.toContain('NaN')

    const plain = await run('--preset', 'plain')
    expect(plain.out).toContain(`mean IoU                ${(100 * json.scores.meanIou).toFixed(2)} %  over`)
  })

  test('accepts suffixes, numbers of classes and ignored ids', async () => {
    const folder = await temporaryFolder()
    const write = (file: string, ...data: number[]) =>
      writeFile(join(folder, file), encodeLabelPng({ width: 4, height: 1, data: Uint8Array.from(data) }))
    await write('a_truth.png', 0, 1, 2, 9)
    await write('a_pred.png', 0, 2, 2, 0)
    const flags = ['metrics', '--preset', 'plain', '--gt', folder, '--pred', folder, ...noThreads]
    const suffixes = ['--gt-suffix', '_truth.png', '--pred-suffix', '_pred.png', '--num-classes', '3']
    const { out } = await inverseform(...flags, ...suffixes, '--ignore-index', '9')
    expect(out).toContain('class 2')
    await write('b.png', 1, 1, 1, 1)
    const whole = await inverseform(...flags, '--gt-suffix', '', '--pred-suffix', '', '--num-classes', '10')
    expect(whole.err).toContain('3/3 images')
    expect(whole.out).toContain('100.00 %  over 4 of 10 classes')
    expect(out).toContain('50.00 %  over 3 of 3 classes')
    const counted = await inverseform(...flags, ...suffixes, '--ignore-index', 'none')
    expect(counted).toMatchObject({ exitCode: exitCodes.input, err: expect.stringContaining('target id 9') })
  })

  test('refuses flags that contradict each other', async () => {
    const usage = async (message: string, ...args: string[]) => {
      const { exitCode, err } = await inverseform('metrics', ...args)
      expect(exitCode).toBe(exitCodes.usage)
      expect(err).toContain(message)
    }
    await usage('--num-classes', '--preset', 'mmseg', '--gt', golden, '--pred', results)
    await usage('--gt', '--preset', 'mmseg', '--num-classes', '3')
    await usage('--preset', '--num-classes', '3')
    await usage('--preset', '--reduce-zero-label')
    await usage('--ids', '--preset', 'plain', '--num-classes', '3', '--ids', 'trainIds')
    await usage('--official-json', '--preset', 'plain', '--num-classes', '3', '--official-json')
    await usage('--ignore-index', '--preset', 'plain', '--ignore-index', 'x')
    const plain = ['--preset', 'plain', '--num-classes', '3']
    await usage('--split', ...plain, '--split', 'train')
    await usage('--no-instances', ...plain, '--no-instances')
    await usage('--gt-suffix', '--gt-suffix', '_x.png')
    await usage('--pred-suffix', '--pred-suffix', '_x.png')
    await usage('--worst', '--gt', golden, '--worst', '3')
    for (const samples of ['1', '0', '1.5', '1000001', 'x']) {
      await usage('from 2 to 1000000', '--gt', golden, '--bootstrap', samples)
    }
    for (const workers of ['-1', '', 'x']) {
      await usage('an integer of at least 0', '--gt', golden, '--workers', workers)
    }
  })
})

test('stops when interrupted', async () => {
  const { run } = await import('../src/run.js')
  let err = ''
  const terminal = { out: () => {}, err: (said: string) => (err += said), interactive: false }
  const exitCode = await run(['metrics', '--gt', golden], terminal, AbortSignal.abort())
  expect({ exitCode, err }).toEqual({ exitCode: exitCodes.interrupted, err: 'Interrupted.\n' })
})

test('scores perfect predictions of the demo data set as perfect', async () => {
  const folder = await temporaryFolder()
  const name = 'drawnton_000000_000019'
  await copyFile(join(demo, `${name}_gtFine_labelIds.png`), join(folder, `${name}_gtFine_labelIds.png`))
  await mkdir(join(folder, 'results'))
  await copyFile(join(demo, `${name}_gtFine_labelIds.png`), join(folder, 'results', `${name}.png`))
  const { out } = await inverseform('metrics', ...noThreads, '--gt', folder, '--no-instances', '--boundary')
  expect(out).toContain('Score Average : 1.000')
  expect(out).toMatch(/0\.0005 of the diagonal +\d+ +1\.000 +1\.000 +1\.000/)
})
