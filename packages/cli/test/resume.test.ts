import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { encodeLabelPng } from '@inverseform/cityscapes'
import { seededRandom } from '@inverseform/shared'
import { beforeAll, describe, expect, test } from 'vitest'
import { contentsOf } from '../../../tools/scale/contents.js'
import { exitCodes } from '../src/exit-codes.js'
import { DamagedState, readCheckedJson, writeCheckedJson } from '../src/state/checked-file.js'
import { checkpoint, dataset, eventsOf, interruptedAt, inverseform, temporaryFolder } from './command-line.js'
import { copyOf, evaluation, kill, smallDataset, start, writePredictions } from './scale.js'

/** The demo data set in small, which tests must not change. */
let small: string
/** Flags of an evaluation of it, and of the large one, which takes long enough to be stopped. */
let plain: string[]
const large = ['eval', '--checkpoint', checkpoint, '--data', dataset, '--pictures', '0']

beforeAll(async () => {
  small = await smallDataset(await mkdtemp(join(tmpdir(), 'inverseform-test-')))
  plain = evaluating(small)
  return () => rm(small, { recursive: true })
})

const evaluating = (data: string): string[] => [
  ...['eval', '--checkpoint', checkpoint, '--data', data, '--pictures', '0'],
]

describe('an evaluation that is killed', () => {
  let finished: string
  let expected: Record<string, string>
  beforeAll(async () => {
    finished = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
    await inverseform(...evaluation(small), '--out', finished)
    expected = await contentsOf(finished)
    return () => rm(finished, { recursive: true })
  })

  test('ends with the same results, page and predictions when it is resumed, at any moment', async () => {
    const random = seededRandom(1)
    for (const workers of ['1', '2']) {
      const out = join(await temporaryFolder(), 'out')
      const resumed = [...evaluation(small), '--workers', workers, '--resume', '--out', out]
      // The start takes several times as long as the images.
      for (const from of [undefined, 'tensors loaded']) {
        const run = start(...resumed)
        if (from !== undefined) await run.says(from)
        const moment = (from === undefined ? 900 : 300) * random()
        await Promise.race([run.ended, setTimeout(moment)])
        await kill(run)
      }
      const { exitCode, err } = await inverseform(...resumed)
      expect({ exitCode, err }).toMatchObject({ exitCode: 0 })
      expect(await contentsOf(out)).toEqual(expected)
      const files = await readdir(out, { recursive: true })
      expect(files.filter((name) => name.includes('.inverseform'))).toEqual([])
    }
  })

  test('has nothing left to do when it is finished', async () => {
    const { exitCode, err } = await inverseform(...evaluation(small), '--resume', '--out', finished)
    expect(exitCode).toBe(0)
    expect(err).toContain('note: 6 of 6 images are done already.')
    expect(await contentsOf(finished)).toEqual(expected)
  })
})

// Windows has no signals, so another process cannot send them.
test.skipIf(process.platform === 'win32')(
  'an evaluation that is terminated writes what it has scored',
  async () => {
    const out = join(await temporaryFolder(), 'out')
    // Slow enough to be stopped before its end.
    const run = start(...large, '--scales', '0.5,1', '--flip', '--out', out)
    await run.says('1/6 images')
    run.child.kill('SIGTERM')
    const { exitCode, out: printed, err } = await run.ended
    expect({ exitCode, printed }).toEqual({ exitCode: exitCodes.terminated, printed: '' })
    expect(err).toMatch(/^Partial result: only \d of 6 images were scored\. SIGTERM was received\.$/m)
    const { partial, images } = JSON.parse(await readFile(join(out, 'results.json'), 'utf8'))
    expect(partial).toEqual({ scored: images.length, total: 6, reason: 'SIGTERM was received.' })
    const files = await readdir(out, { recursive: true })
    expect(files.filter((name) => name.includes('.inverseform'))).toEqual([])
  },
)

describe('a folder with an unfinished run', () => {
  let unfinished: string
  beforeAll(async () => {
    unfinished = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
    await interruptedAt('1/6 images', ...plain, '--out', unfinished)
    return () => rm(unfinished, { recursive: true })
  })

  test('is refused without --resume, and started anew with --restart', async () => {
    const out = await temporaryFolder()
    await cp(unfinished, out, { recursive: true })
    const refused = await inverseform(...plain, '--out', out)
    expect(refused.exitCode).toBe(exitCodes.usage)
    expect(refused.err).toMatch(/has an unfinished run\.\nhint: .*--resume.*--restart/)
    const { exitCode, err } = await inverseform(...plain, '--restart', '--out', out)
    expect(exitCode).toBe(0)
    expect(err).not.toContain('done already')
  })

  test('refuses other options, data and checkpoints, and names them', async () => {
    const folder = await temporaryFolder()
    const out = join(folder, 'out')
    await cp(unfinished, out, { recursive: true })
    const [other, converted] = [join(folder, 'other.pth'), join(folder, 'other.safetensors')]
    await copyFile(checkpoint, other)
    await inverseform('convert', checkpoint, '--out', converted)
    for (const [flags, differences] of [
      [['--flip'], ['flip true, not false']],
      [
        ['--scales', '0.5,1', '--limit', '3', '--loss', '--checkpoint', converted],
        [
          'scales 0.5, 1, not default',
          'not 3 of its images',
          'loss true, not false',
          'checkpoint with SHA-256',
        ],
      ],
    ] as const) {
      const { exitCode, err } = await inverseform(...plain, ...flags, '--resume', '--out', out)
      expect(exitCode).toBe(exitCodes.usage)
      for (const difference of differences) expect(err).toContain(difference)
    }
    // The same bytes under another name are the same checkpoint.
    expect((await inverseform(...plain, '--checkpoint', other, '--resume', '--out', out)).exitCode).toBe(0)
  })

  test('does the images again whose files have changed', async () => {
    const folder = await temporaryFolder()
    const [data, out] = [await copyOf(small, join(folder, 'data')), join(folder, 'out')]
    const run = [...evaluating(data), '--out', out]
    await inverseform(...run, '--limit', '2')
    const labels = join(data, 'gtFine/val/drawnton')
    await copyFile(
      join(labels, 'drawnton_000004_000019_gtFine_labelIds.png'),
      join(labels, 'drawnton_000001_000019_gtFine_labelIds.png'),
    )
    const { exitCode, err } = await inverseform(...run, '--limit', '2', '--resume')
    expect(exitCode).toBe(0)
    expect(err).toContain('The files of 1 images have changed')
    const resumed = await contentsOf(out)
    await inverseform(...run, '--limit', '2', '--restart')
    expect(await contentsOf(out)).toEqual(resumed)
  })
})

describe('a state that is damaged', () => {
  test('is found, whichever byte is another, set aside, and done again', async () => {
    const out = await temporaryFolder()
    await inverseform(...plain, '--limit', '1', '--out', out)
    const expected = await contentsOf(out)
    const path = join(out, 'state/part-00000.json')
    const bytes = await readFile(path)
    const flipped = (place: number) => bytes.map((byte, i) => (i === place ? byte ^ 1 : byte))
    const places = [0, 40, 80, Math.floor(bytes.length / 2), bytes.length - 1]
    for (const damaged of [...places.map(flipped), bytes.subarray(0, bytes.length / 2), new Uint8Array()]) {
      await writeFile(path, damaged)
      await expect(readCheckedJson(path)).rejects.toThrow(DamagedState)
    }
    for (const damaged of [flipped(places[3]), new Uint8Array()]) {
      await writeFile(path, damaged)
      const { exitCode, err } = await inverseform(...plain, '--limit', '1', '--resume', '--out', out)
      expect(exitCode).toBe(0)
      expect(err).toContain('part-00000.json is damaged')
      expect(await readFile(`${path}.damaged`)).toEqual(Buffer.from(damaged))
      expect(await contentsOf(out)).toEqual(expected)
    }
  })

  test.each(['run.json', 'part-00000.json'])(
    'is refused, with a way out, if %s is a folder',
    async (name) => {
      const out = await temporaryFolder()
      await inverseform(...plain, '--limit', '1', '--out', out)
      const path = join(out, 'state', name)
      await rm(path)
      await mkdir(path)
      for (const flags of [[], ['--resume'], ['--restart']]) {
        const { err } = await inverseform(...plain, '--limit', '1', ...flags, '--out', out)
        expect(err).toMatch(
          /^error: .*\.json .*\.\nhint: The state of a run has a file there\. .*move it away/im,
        )
      }
      await rm(path, { recursive: true })
      expect((await inverseform(...plain, '--limit', '1', '--resume', '--out', out)).exitCode).toBe(0)
    },
  )

  test('of another version of the state: --restart starts anew, as the hint says', async () => {
    const out = await temporaryFolder()
    await inverseform(...plain, '--limit', '1', '--out', out)
    const expected = await contentsOf(out)
    const path = join(out, 'state/run.json')
    const { sha256, ...json } = await readCheckedJson(path)
    await writeCheckedJson(path, { ...json, version: 2 })
    const refused = await inverseform(...plain, '--limit', '1', '--resume', '--out', out)
    expect(refused).toMatchObject({
      exitCode: exitCodes.input,
      err: expect.stringMatching(/inverseform\.run, version 1\.\nhint: .*--restart/),
    })
    expect((await inverseform(...plain, '--limit', '1', '--restart', '--out', out)).exitCode).toBe(0)
    expect(await contentsOf(out)).toEqual(expected)
  })

  test('in the file that describes the run: the parts are kept', async () => {
    const out = await temporaryFolder()
    await inverseform(...plain, '--limit', '2', '--out', out)
    const expected = await contentsOf(out)
    const path = join(out, 'state/run.json')
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('"flip":false', '"flip":true '))
    const refused = await inverseform(...plain, '--limit', '2', '--flip', '--resume', '--out', out)
    expect(refused).toMatchObject({
      exitCode: exitCodes.input,
      err: expect.stringContaining('is of another run'),
    })
    await writeFile(path, text.slice(0, 100))
    const { exitCode, err } = await inverseform(...plain, '--limit', '2', '--resume', '--out', out)
    expect(exitCode).toBe(0)
    expect(err).toContain('run.json is damaged')
    expect(err).toContain('2 of 2 images are done already')
    expect(await contentsOf(out)).toEqual(expected)
  })
})

describe('a folder of somebody else', () => {
  test.each([
    ['index.html', '<h1>My page</h1>'],
    ['results.json', '{"format": "mine"}'],
    ['images/cat.jpg', 'a cat'],
    ['state/run.json', '{"my": "state"}'],
    ['state/part-00000.json', '{"my": "part"}'],
  ])('that has %s is refused, and left as it is', async (name, contents) => {
    const out = await temporaryFolder()
    const path = join(out, name)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, contents)
    for (const flags of [[], ['--resume'], ['--restart']]) {
      const { exitCode, err } = await inverseform(...plain, ...flags, '--out', out)
      expect(exitCode).toBe(exitCodes.usage)
      expect(err).toContain(name.split('/')[0])
      expect(await readFile(path, 'utf8')).toBe(contents)
    }
    expect(await readdir(out)).toHaveLength(1)
  })
})

test('two runs into one folder: the second is refused and names the first', async () => {
  const out = join(await temporaryFolder(), 'out')
  const run = start(...large, '--out', out)
  await run.says('tensors loaded')
  for (const command of [large, ['predict', join(dataset, 'leftImg8bit'), '--checkpoint', checkpoint]]) {
    const { exitCode, err } = await inverseform(...command, '--out', out)
    expect(exitCode).toBe(exitCodes.output)
    expect(err).toMatch(new RegExp(`^error: .* is being written by process ${run.child.pid} on `))
  }
  expect((await run.ended).exitCode).toBe(0)
})

describe('a bad image', () => {
  const scores = async (out: string) => {
    const { scores, confusion, images } = JSON.parse(await readFile(join(out, 'results.json'), 'utf8'))
    return { scores, confusion, images }
  }

  test('ends the run, which writes what it has scored and says so; --resume goes on', async () => {
    const folder = await temporaryFolder()
    const [data, out] = [await copyOf(small, join(folder, 'data')), join(folder, 'out')]
    const bad = join(data, 'leftImg8bit/val/drawnton/drawnton_000002_000019_leftImg8bit.png')
    const good = await readFile(bad)
    await writeFile(bad, good.subarray(0, 500))
    const run = [...evaluating(data), '--out', out]
    const { exitCode, out: printed, err } = await inverseform(...run)
    expect({ exitCode, printed }).toEqual({ exitCode: exitCodes.input, printed: '' })
    expect(err).toMatch(/^Partial result: only 2 of 6 images were scored\. .*000002/m)
    expect(err).toContain('--resume')
    const results = JSON.parse(await readFile(join(out, 'results.json'), 'utf8'))
    expect(results.partial).toMatchObject({ scored: 2, total: 6 })
    expect(await readFile(join(out, 'index.html'), 'utf8')).toContain('only 2 of 6 images were scored')
    await writeFile(bad, good)
    expect((await inverseform(...run, '--resume')).exitCode).toBe(0)
    const complete = JSON.parse(await readFile(join(out, 'results.json'), 'utf8'))
    expect(complete).toMatchObject({ skipped: [], images: { length: 6 } })
    expect(complete).not.toHaveProperty('partial')
  })

  test('is skipped and listed with --on-error skip, and counts nowhere', async () => {
    const folder = await temporaryFolder()
    const data = await copyOf(small, join(folder, 'data'))
    const city = (part: string) => join(data, part, 'val/drawnton')
    const bad = join(city('leftImg8bit'), 'drawnton_000002_000019_leftImg8bit.png')
    await writeFile(bad, 'no image')
    const other = encodeLabelPng({ width: 4, height: 2, data: new Uint8Array(8) })
    await writeFile(join(city('gtFine'), 'drawnton_000004_000019_gtFine_labelIds.png'), other)
    const run = [...evaluating(data), '--on-error', 'skip']
    const out = join(folder, 'out')
    const skipped = await inverseform(...run, '--log-json', '--out', out)
    expect(skipped.exitCode).toBe(exitCodes.skipped)
    const events = eventsOf(skipped.err)
    const scored = events.filter(({ event }) => event === 'image-done')
    expect(scored).toHaveLength(4)
    const stages = ['decode', 'preprocess', 'network', 'postprocess', 'score', 'write']
    for (const { seconds } of scored) expect(Object.keys(seconds as object)).toEqual(stages)
    expect(events.filter(({ event }) => event === 'image-skipped')).toMatchObject([
      { image: 'drawnton_000002_000019', code: 'unreadable' },
      { image: 'drawnton_000004_000019', code: 'size-mismatch' },
    ])
    expect(events.at(-1)).toMatchObject({ event: 'run-end', level: 'warn', images: 4, skipped: 2 })
    expect(skipped.out).toMatch(/^skipped: drawnton_000002_000019: .*drawnton_000002/m)
    const results = JSON.parse(await readFile(join(out, 'results.json'), 'utf8'))
    expect(results.skipped.map(({ name }: { name: string }) => name)).toEqual([
      'drawnton_000002_000019',
      'drawnton_000004_000019',
    ])
    expect(await readFile(join(out, 'index.html'), 'utf8')).toContain('Skipped images')
    // A run that is resumed says the same.
    const resumed = await inverseform(...run, '--log-json', '--resume', '--out', out)
    expect(resumed.exitCode).toBe(exitCodes.skipped)
    expect(eventsOf(resumed.err).at(-1)).toMatchObject({ event: 'run-end', images: 0, exitCode: 8 })

    for (const part of ['leftImg8bit', 'gtFine']) {
      for (const name of await readdir(city(part))) {
        if (/00000[24]_/.test(name)) await rm(join(city(part), name))
      }
    }
    const four = join(folder, 'four')
    expect((await inverseform(...run, '--out', four)).exitCode).toBe(0)
    expect(await scores(out)).toEqual(await scores(four))
  })

  test('among bad images alone is an error', async () => {
    const folder = await temporaryFolder()
    const data = await copyOf(small, join(folder, 'data'))
    const city = join(data, 'leftImg8bit/val/drawnton')
    for (const name of await readdir(city)) await writeFile(join(city, name), 'no image')
    const run = [...evaluating(data), '--on-error', 'skip']
    const { exitCode, err } = await inverseform(...run, '--out', join(folder, 'out'))
    expect(exitCode).toBe(exitCodes.input)
    expect(err).toContain('All 6 images failed.')
  })
})

// Windows needs a privilege to create links.
test.skipIf(process.platform === 'win32')('a loop of links in a data set is no endless loop', async () => {
  const folder = await temporaryFolder()
  const data = await copyOf(small, join(folder, 'data'))
  const run = [...evaluating(data), '--limit', '1']
  await symlink('..', join(data, 'leftImg8bit/val/drawnton/loop'))
  expect((await inverseform(...run)).exitCode).toBe(0)
  await symlink('loop', join(data, 'leftImg8bit/val/loop'))
  const { exitCode, err } = await inverseform(...run)
  expect(exitCode).toBe(exitCodes.input)
  expect(err).toMatch(/^error: .*val\/loop cannot be listed: .*too many symbolic links.*\nhint: /m)
})

describe('metrics', () => {
  let predictions: string
  beforeAll(async () => {
    predictions = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
    await writePredictions(join(predictions, 'predictions'), small)
    return () => rm(predictions, { recursive: true })
  })
  const metrics = (folder: string, workers = '2') => [
    ...['metrics', '--gt', small, '--pred', join(folder, 'predictions'), '--workers', workers],
    ...['--boundary', '--surface', '--bootstrap', '50'],
  ]
  const bad = 'predictions/drawnton_000003_000019_pred_labelIds.png'

  test('that are killed end with the same results when they are resumed', async () => {
    const folder = await temporaryFolder()
    const [out, expected] = [join(folder, 'out'), join(folder, 'expected')]
    // Large enough to be killed before it ends.
    const gt = await smallDataset(join(folder, 'gt'), 2)
    await writePredictions(join(folder, 'predictions'), gt)
    const pairs = [...metrics(folder, '0'), '--gt', gt]
    await inverseform(...pairs, '--out', expected)
    const run = start(...pairs, '--out', out)
    const filesOf = (folder: string) => readdir(folder).catch((): string[] => [])
    while (!(await filesOf(join(out, 'state'))).includes('part-00000.json')) await setTimeout(5)
    await kill(run)
    const { exitCode, err: said } = await inverseform(...pairs, '--workers', '2', '--resume', '--out', out)
    expect(exitCode).toBe(0)
    expect(said).toMatch(/[1-5] of 6 images are done already/)
    expect(await contentsOf(out)).toEqual(await contentsOf(expected))
    const { err } = await inverseform(...pairs, '--resume', '--out', out)
    expect(err).toContain('6 of 6 images are done already')
    const other = await inverseform(...pairs, '--no-instances', '--resume', '--out', out)
    expect(other).toMatchObject({ exitCode: exitCodes.usage, err: expect.stringContaining('metrics ') })
  })

  test('skip a bad pair, or stop with what was scored', async () => {
    const folder = await temporaryFolder()
    await cp(join(predictions, 'predictions'), join(folder, 'predictions'), { recursive: true })
    await writeFile(join(folder, bad), 'no image')
    const [out, six] = [join(folder, 'out'), join(folder, 'six')]
    const resultsOf = async (of: string) => JSON.parse(await readFile(join(of, 'results.json'), 'utf8'))
    for (const workers of ['0', '2']) {
      const stopped = await inverseform(...metrics(folder, workers), '--restart', '--out', out)
      expect(stopped).toMatchObject({ exitCode: exitCodes.input, out: '' })
      expect(stopped.err).toMatch(/^Partial result: only \d of 6 images were scored/m)
      expect((await resultsOf(out)).partial).toMatchObject({ total: 6 })
      const skip = [...metrics(folder, workers), '--on-error', 'skip']
      const resumed = await inverseform(...skip, '--resume', '--out', out)
      expect(resumed.exitCode).toBe(exitCodes.skipped)
      const results = await resultsOf(out)
      expect(results.skipped).toMatchObject([{ name: 'drawnton_000003_000019' }])
      expect(results.perImage.images).toHaveLength(5)
      expect(await readFile(join(out, 'index.html'), 'utf8')).toContain('Skipped images')
    }
    // The scores are those of the data set without the pair.
    const [gt, five] = [await copyOf(small, join(folder, 'gt')), await resultsOf(out)]
    await rm(join(gt, 'gtFine/val/drawnton/drawnton_000003_000019_gtFine_labelIds.png'))
    await rm(join(folder, bad))
    await inverseform(...metrics(folder), '--gt', gt, '--out', six)
    const { run, skipped, seconds, ...scores } = await resultsOf(six)
    expect(five).toMatchObject(scores)
  })

  test('of bad pairs alone are an error', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'predictions'))
    for (const name of await readdir(join(predictions, 'predictions'))) {
      await writeFile(join(folder, 'predictions', name), 'no image')
    }
    const { exitCode, err } = await inverseform(...metrics(folder), '--on-error', 'skip')
    expect(exitCode).toBe(exitCodes.input)
    expect(err).toContain('All 6 images failed.')
  })
})

describe('predict', () => {
  const images = join(dataset, 'leftImg8bit')
  const labels = ['predict', images, '--checkpoint', checkpoint, '--outputs', 'labels']

  test('goes on where it was killed, and leaves no state', async () => {
    const out = join(await temporaryFolder(), 'out')
    const run = start(...labels, '--out', out)
    await run.says('1/6 images')
    await kill(run)
    expect((await inverseform(...labels, '--out', out)).exitCode).toBe(exitCodes.usage)
    const first = join(out, 'drawnton_000000_000019_leftImg8bit_labelIds.png')
    const { mtimeMs } = await stat(first)
    const { exitCode, err, out: json } = await inverseform(...labels, '--resume', '--json', '--out', out)
    expect(exitCode).toBe(0)
    expect(err).toMatch(/\d of 6 images are done already/)
    expect(JSON.parse(json).images).toHaveLength(6)
    expect((await stat(first)).mtimeMs).toBe(mtimeMs)
    // An output that somebody removed is written again.
    await rm(first)
    await inverseform(...labels, '--resume', '--out', out)
    expect((await stat(first)).size).toBeGreaterThan(0)
    expect((await inverseform(...labels, '--out', out)).exitCode).toBe(0)
    expect(await readdir(out)).toHaveLength(6)
  })

  test('skips a bad image', async () => {
    const folder = await temporaryFolder()
    const input = join(folder, 'in')
    await mkdir(input)
    await writeFile(join(input, 'a.png'), 'no image')
    await copyFile(
      join(small, 'leftImg8bit/val/drawnton/drawnton_000000_000019_leftImg8bit.png'),
      join(input, 'b.png'),
    )
    const run = ['predict', input, '--checkpoint', checkpoint, '--outputs', 'labels']
    const skipped = await inverseform(...run, '--on-error', 'skip', '--json', '--out', join(folder, 'out'))
    expect(skipped.exitCode).toBe(exitCodes.skipped)
    expect(JSON.parse(skipped.out)).toMatchObject({
      images: { length: 1 },
      failed: [{ image: join(input, 'a.png') }],
    })
  })
})
