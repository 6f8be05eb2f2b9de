import { cp, mkdir, readdir, readFile, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { requiredParameters } from '@inverseform/backbones'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { exitCodes } from '../../src/exit-codes.js'
import { eventsOf, inverseform, temporaryFolder } from '../command-line.js'

const [height, width] = [96, 192]
const everyPart = [
  ...new Set(
    [...requiredParameters('hrnet16-slim', { auxiliaryHeads: true }).keys()].map(
      (name) => name.split('.')[0],
    ),
  ),
]

/** Writes two images and their label maps, with the labels 0 and 1 unless `label` says otherwise. */
async function folders(label: (image: number, pixel: number) => number = (_, pixel) => pixel % 2) {
  const folder = await temporaryFolder()
  const [images, gt] = [join(folder, 'images'), join(folder, 'gt')]
  for (const each of [images, gt]) await mkdir(each)
  const raw = (channels: 1 | 3) => ({ raw: { width, height, channels } }) as const
  for (const image of [0, 1]) {
    const pixels = Uint8Array.from({ length: 3 * height * width }, (_, i) => (i * 37) % 251)
    await sharp(pixels, raw(3))
      .png()
      .toFile(join(images, `${image}.png`))
    const labels = Uint8Array.from({ length: height * width }, (_, pixel) => label(image, pixel))
    await sharp(labels, raw(1))
      .toColorspace('b-w')
      .png()
      .toFile(join(gt, `${image}.png`))
  }
  const out = join(folder, 'run')
  const sources = ['--images', images, '--gt', gt, '--workers', '0', '--out', out]
  const network = [
    '--model',
    'hrnet16-slim',
    '--num-classes',
    '3',
    '--crop',
    '64x128',
    '--loss',
    'cross-entropy',
  ]
  return { out, images, gt, args: ['train', ...sources, ...network, '--steps', '3'] }
}

test('a label out of range is named with its file and pixel', async () => {
  const { args, gt, out } = await folders((image, pixel) =>
    image === 1 && pixel === 40 * width + 77 ? 7 : pixel % 2,
  )
  const { exitCode, err } = await inverseform(...args)
  expect(err).toContain(`${join(gt, '1.png')} has the class 7 at row 40, column 77, but 3 classes are 0 to 2`)
  expect(err).toContain('--map-ids')
  expect(exitCode).toBe(exitCodes.input)
  expect(await readdir(out)).toEqual([])
})

test.each([
  ['one class', 1, 'only the class 1'],
  ['ignored pixels', 255, 'no class at all, only ignored pixels'],
])('a data set of %s is refused', async (_, label, message) => {
  const { args } = await folders(() => label)
  const { exitCode, err } = await inverseform(...args)
  expect(err).toContain(message)
  expect(exitCode).toBe(exitCodes.input)
})

test('a folder without label maps is an error', async () => {
  const { args, gt } = await folders()
  for (const name of await readdir(gt)) await rm(join(gt, name))
  const { exitCode, err } = await inverseform(...args)
  expect(err).toContain(`${gt} has no *.png; found nothing`)
  expect(exitCode).toBe(exitCodes.input)
})

test('a batch that does not fit into memory is refused before images are read', async () => {
  const { args, images, out } = await folders()
  await rm(images, { recursive: true })
  const { exitCode, err } = await inverseform(...args, '--batch', '4096', '--crop', '1024x2048')
  expect(err).toMatch(
    /error: A step needs about \d+ GiB of memory, but [\d.]+ GiB are free\.\nhint: .*--accumulate/,
  )
  expect(exitCode).toBe(exitCodes.runtime)
  await expect(stat(out)).rejects.toThrow('ENOENT')
})

test('a run is not overwritten, goes on with its own options, and says when its checkpoint is damaged', async () => {
  const { args, out } = await folders()
  expect(await inverseform(...args)).toMatchObject({
    exitCode: 0,
    err: expect.stringContaining('2 images for training'),
  })
  const again = await inverseform(...args)
  expect(again).toMatchObject({
    exitCode: exitCodes.usage,
    err: expect.stringContaining('has a run already'),
  })

  const other = await inverseform('train', '--resume', '--out', out, '--batch', '2', '--model', 'hrnet18')
  expect(other.err).toContain('The run has --model hrnet16-slim, --batch 1, got --model hrnet18, --batch 2.')
  expect(other.exitCode).toBe(exitCodes.usage)

  const killed = `${out}-killed`
  await cp(out, killed, { recursive: true })
  await rm(join(killed, 'last.safetensors'))
  const taken = await inverseform('train', '--resume', '--out', killed)
  expect(taken.err).toContain('last.safetensors does not exist, but')
  expect(taken.exitCode).toBe(exitCodes.input)
  await rm(join(killed, 'last.pth'))
  const anew = await inverseform('train', '--resume', '--out', killed)
  expect(anew.err).toContain('has no last.safetensors, so the run starts from its beginning.')
  expect(anew.exitCode).toBe(0)
  const last = (folder: string) => readFile(join(folder, 'last.safetensors'))
  expect((await last(killed)).equals(await last(out))).toBe(true)

  await truncate(join(killed, 'last.safetensors'), 100_000)
  const damaged = await inverseform('train', '--resume', '--out', killed)
  expect(damaged.err).toContain('the file has only 100000')
  expect(damaged.err).toContain('pass its last.pth as --checkpoint')
  expect(damaged.exitCode).toBe(exitCodes.checkpoint)

  // A run that was killed between its two files left the second one of an earlier step.
  await truncate(join(out, 'last.pth'), 10)
  const done = await inverseform('train', '--resume', '--out', out)
  expect(done.err).toContain('note: All 3 steps of the run are done.')
  expect((await readFile(join(out, 'last.pth'))).equals(await readFile(join(killed, 'last.pth')))).toBe(true)
  const fewer = await inverseform('train', '--resume', '--out', out, '--steps', '1')
  expect(fewer.err).toContain('--steps is 1, but the run has done 3.')
  expect(fewer.exitCode).toBe(exitCodes.usage)
})

test('a run that diverges names the term, keeps its checkpoint, and goes on with other rates', async () => {
  const { args, out } = await folders()
  const { exitCode, err } = await inverseform(...args, '--save-every', '1', '--learning-rate', '1e30')
  expect(err).toMatch(/error: The loss term \w+ is NaN in step 2, on \d\.\nhint: .*last checkpoint/)
  expect(exitCode).toBe(exitCodes.diverged)
  expect(await readdir(out)).toContain('last.safetensors')
  const resumed = await inverseform('train', '--resume', '--log-json', '--out', out, '--clip', '1')
  const events = eventsOf(resumed.err)
  expect(events).toContainEqual(
    expect.objectContaining({
      event: 'note',
      message: 'The run goes on with --clip 1; it had --clip (default).',
    }),
  )
  expect(events.at(-1)).toMatchObject({
    ...{ event: 'run-stopped', level: 'error', code: 'training-diverged', exitCode: exitCodes.diverged },
  })
  expect(JSON.parse(await readFile(join(out, 'options.json'), 'utf8'))).toMatchObject({ clip: 1 })
})

test.each<[string, string[], RegExp]>([
  [
    'another number of names than classes',
    ['--num-classes', '3', '--class-names', 'cityscapes'],
    /error: --class-names has 19 names, but --num-classes is 3\./,
  ],
  [
    'a distance that takes other coefficients',
    ['--loss', 'joint', '--distance', 'euclidean'],
    /error: --distance euclidean takes 6 coefficients, but the small InverseNet gives 4\./,
  ],
  [
    'an InverseNet that the loss does not use',
    ['--loss', 'cross-entropy', '--inversenet', 'x.pth'],
    /error: --inversenet cannot be used with --loss cross-entropy\./,
  ],
  ['a key without a checkpoint', ['--key', 'ema'], /error: --key cannot be used without --checkpoint\./],
  [
    'too many threads',
    ['--threads', '100000'],
    /error: `?(--)?threads`? must be an integer .*1024, got 100000\./,
  ],
  ['images for evaluation alone', ['--val-gt', 'x'], /error: --val-images is missing\./],
  ['a split of plain folders', ['--val-split', 'test'], /error: --images cannot be used with --val-split\./],
  ['a warm-up of all steps', ['--warmup', '3'], /error: `?(--)?warmup`? is 3 of 3 steps/],
  ['nothing to train', ['--freeze', everyPart.join(',')], /error: --freeze leaves nothing to train\./],
  ['a part that is no name', ['--freeze', ','], /such as backbone,aux_head/],
  ['an average of too much', ['--ema', '1.5'], /error: --ema must be/],
])('%s is an error', async (_, flags, message) => {
  const { args } = await folders()
  const { exitCode, err } = await inverseform(...args, ...flags)
  expect(err).toMatch(message)
  expect(exitCode).toBe(exitCodes.usage)
})

test('images without a label map are named', async () => {
  const { args, gt } = await folders()
  await rm(join(gt, '1.png'))
  const { exitCode, err } = await inverseform(...args)
  expect(err).toContain('note: Images without a label map are left out: 1.')
  expect(err).toContain('1 images for training')
  expect(exitCode).toBe(0)
})
