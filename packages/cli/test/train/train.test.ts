import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  checkpoint,
  dataset,
  eventsOf,
  interruptedAt,
  inverseform,
  temporaryFolder,
} from '../command-line.js'

const options = [
  ...[
    '--data',
    dataset,
    '--split',
    'val',
    '--model',
    'hrnet16-slim',
    '--loss',
    'cross-entropy',
    '--steps',
    '3',
  ],
  ...['--crop', '64x128', '--evaluate-images', '1', '--evaluate-every', '2', '--workers', '0'],
]

/** Lines of metrics.jsonl without what depends on the time. */
async function metricsIn(folder: string) {
  const lines = (await readFile(join(folder, 'metrics.jsonl'), 'utf8')).trimEnd().split('\n')
  return lines.map((line) => ({ ...JSON.parse(line), imagesPerSecond: 0 }))
}

/** The events of a training but for what others print too. */
const withoutNotes = (err: string) =>
  eventsOf(err).filter(({ event }) => event !== 'note' && event !== 'progress')

test('an interrupted run that is resumed equals an uninterrupted one', async () => {
  const folder = await temporaryFolder()
  const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')]
  const first = await inverseform('train', ...options, '--out', whole)
  expect(first.err).toMatch(
    /1\/3 steps .* loss [\d.]+ \(crossEntropy [\d.]+, auxiliary [\d.]+\) {2}[\d.]+ images\/s/,
  )
  expect(first).toMatchObject({
    exitCode: 0,
    out: expect.stringMatching(/^best mean IoU [\d.]+ %\n.*index\.html\n$/),
  })

  expect(first.err).toMatch(/\n3 images in .* images\/s: step .*, evaluate .*, write .* s\n$/)
  const stopped = await interruptedAt('1/3 steps', 'train', ...options, '--log-json', '--out', parts)
  expect(stopped.exitCode).toBe(143)
  expect(withoutNotes(stopped.err)).toMatchObject([
    { event: 'run-start', command: 'train', model: 'hrnet16-slim', steps: 3, done: 0, evaluationImages: 1 },
    { event: 'step-done', step: 1 },
    { event: 'checkpoint-saved', step: 1, file: 'last.safetensors' },
    { event: 'checkpoint-saved', step: 1, file: 'last.pth' },
    { event: 'run-stopped', level: 'warn', exitCode: 143, images: 1 },
  ])
  expect(await metricsIn(parts)).toHaveLength(1)
  const resumed = await inverseform('train', '--resume', '--log-json', '--out', parts)
  expect(resumed).toMatchObject({ exitCode: 0, out: first.out.replace(whole, parts) })
  expect(await metricsIn(parts)).toEqual(await metricsIn(whole))
  const events = withoutNotes(resumed.err)
  const lines = events.map(({ event, step, file }) => [event, step, file].filter(Boolean).join(' '))
  // The last evaluation may be the best one.
  expect(lines.filter((line) => line !== 'checkpoint-saved 3 best.pth')).toEqual([
    ...['run-start', 'step-done 2', 'evaluation-done 2', 'checkpoint-saved 2 best.pth'],
    ...['checkpoint-saved 2 last.safetensors', 'checkpoint-saved 2 last.pth'],
    ...[
      'step-done 3',
      'evaluation-done 3',
      'checkpoint-saved 3 last.safetensors',
      'checkpoint-saved 3 last.pth',
      'run-end',
    ],
  ])
  expect(events[0]).toMatchObject({ steps: 3, done: 1 })
  // Events have the values of metrics.jsonl.
  const [, { step, loss, learningRate, imagesPerSecond, ...terms }, { meanIou, boundaryF, classIou }] =
    await metricsIn(parts)
  expect(events[1]).toMatchObject({ step, loss, learningRate, terms })
  expect(events[1].imagesPerSecond).toBeGreaterThan(0)
  expect(events[2]).toMatchObject({ step, meanIou, boundaryF, classIou })
  expect(events.at(-1)).toMatchObject({ exitCode: 0, images: 2, seconds: { total: expect.any(Number) } })
  for (const file of ['last.safetensors', 'last.pth', 'best.pth', 'options.json']) {
    const [one, other] = [await readFile(join(whole, file)), await readFile(join(parts, file))]
    expect(one.equals(other), file).toBe(true)
  }
  // The page lists the options of the run.
  expect(await readFile(join(parts, 'index.html'), 'utf8')).not.toContain('log json')
  const again = await inverseform('train', ...options, '--out', whole)
  expect(again).toMatchObject({ exitCode: 2, err: expect.stringContaining('has a run already') })
}, 120_000)

test('a run starts from a checkpoint, with a config, and says what fits', async () => {
  const folder = await temporaryFolder()
  const config = join(folder, 'config.yaml')
  await writeFile(
    config,
    `data: ${dataset}\nsplit: val\nloss: cross-entropy\nsteps: 1\ncrop: 64x128\nworkers: 0\nevaluate-every: 0\n`,
  )
  const out = join(folder, 'run')
  const args = ['--config', config, '--model', 'hrnet16-slim', '--checkpoint', checkpoint, '--out', out]
  const { exitCode, err } = await inverseform('train', ...args)
  expect(err).toMatch(/note: 7\d\d tensors of the checkpoint are loaded\.\nnote: \d+ are left out: .*edge/)
  expect(exitCode).toBe(0)
  const options = JSON.parse(await readFile(join(out, 'options.json'), 'utf8'))
  expect(options).toMatchObject({ checkpoint, steps: 1, crop: [64, 128], 'evaluate-every': 0 })
})

test.each<[string, string[], RegExp]>([
  ['--out', [], /error: --out is missing/],
  ['--model', ['--out', 'x'], /error: --model is missing/],
  ['--steps', ['--out', 'x', '--model', 'hrnet18'], /error: --steps is missing/],
  ['data', ['--out', 'x', '--model', 'hrnet18', '--steps', '1'], /error: --data is missing/],
  ['--gt', ['--out', 'x', '--model', 'hrnet18', '--steps', '1', '--images', 'y'], /error: --gt is missing/],
])('without %s it says what to pass', async (_, args, message) => {
  const { exitCode, err } = await inverseform('train', ...args)
  expect(err).toMatch(message)
  expect(exitCode).toBe(2)
})

test('without a run to resume it says so', async () => {
  const folder = await temporaryFolder()
  const { exitCode, err } = await inverseform('train', '--resume', '--out', folder)
  expect(err).toContain(`${folder} has no run to resume.`)
  expect(exitCode).toBe(3)
})
