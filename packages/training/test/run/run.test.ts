import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readImage } from '@inverseform/runtime-node'
import { chromiumPath, launch } from '@inverseform/testing/browser'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openRun, type Run } from '../../src/node/index.js'
import { rgbPng } from '../../src/node/run/pictures.js'
import { crc32c, decodeEvents } from './events.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inverseform-run-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const record = (step: number) => ({
  step,
  loss: 3 / step,
  terms: { crossEntropy: 2 / step, inverseForm: 1 / step },
  learningRate: 0.01 / step,
  seconds: 0.5,
  images: 2,
})
const score = (step: number) => ({
  step,
  meanIou: step / 100,
  boundaryF: { 1: 0.25, 3: 0.5, 5: Number.NaN },
  classIou: [0.5, null],
})

/** Records steps, with an evaluation after every fourth. */
async function train(run: Run, from: number, to: number) {
  for (let step = from; step <= to; step++) {
    await run.step(record(step))
    if (step % 4 === 0) await run.evaluation(score(step))
  }
}

const lines = () => readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
const eventFiles = () =>
  readdirSync(folder)
    .filter((name) => name.includes('tfevents'))
    .sort()
const eventsOf = (name: string) => decodeEvents(new Uint8Array(readFileSync(join(folder, name))))

describe('metrics.jsonl', () => {
  test('has a line of JSON a step and an evaluation', async () => {
    await using run = await openRun(folder)
    await train(run, 1, 4)
    const parsed = lines()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(parsed).toHaveLength(5)
    expect(parsed[1]).toEqual({
      step: 2,
      loss: 1.5,
      crossEntropy: 1,
      inverseForm: 0.5,
      learningRate: 0.005,
      imagesPerSecond: 4,
    })
    expect(parsed[4]).toEqual({
      step: 4,
      meanIou: 0.04,
      boundaryF: { 1: 0.25, 3: 0.5, 5: null },
      classIou: [0.5, null],
    })
  })

  test.each([0, 1, 4, 5, 9, 12])('resumed from step %i equals that of an uninterrupted run', async (step) => {
    const whole = mkdtempSync(join(tmpdir(), 'inverseform-run-'))
    const uninterrupted = await openRun(whole)
    await train(uninterrupted, 1, 12)
    // Killed after step 12 while it wrote a line: the last checkpoint is of `step`.
    await train(await openRun(folder), 1, 12)
    appendFileSync(join(folder, 'metrics.jsonl'), '{"step":13,"lo')
    writeFileSync(join(folder, '.inverseform-1234.tmp'), 'half a checkpoint')
    mkdirSync(join(folder, 'pictures'), { recursive: true })
    writeFileSync(join(folder, 'pictures/.inverseform-5678.tmp'), 'half a picture')
    const resumed = await openRun(folder, { resume: step })
    expect(resumed.history.steps.map((each) => each.step)).toEqual(
      Array.from({ length: step }, (_, i) => i + 1),
    )
    await train(resumed, step + 1, 12)
    expect(lines()).toBe(readFileSync(join(whole, 'metrics.jsonl'), 'utf8'))
    expect(resumed.history).toEqual(uninterrupted.history)
    const names = readdirSync(folder, { recursive: true }) as string[]
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([])
    rmSync(whole, { recursive: true })
  })

  test('of another run is not replaced or added to', async () => {
    await (await openRun(folder)).close()
    // It failed before its first step.
    const run = await openRun(folder)
    await run.step(record(1))
    await expect(openRun(folder)).rejects.toThrow(/has a run already/)
    writeFileSync(join(folder, 'metrics.jsonl'), 'not JSON\n')
    await expect(openRun(folder, { resume: 1 })).rejects.toThrow(/metrics\.jsonl: line 1 is not a step/)
    await expect(openRun(join(folder, 'other'), { resume: 1 })).rejects.toThrow(/no run to resume/)
  })

  test('has no term under the key of something else', async () => {
    await using run = await openRun(folder)
    await expect(run.step({ ...record(1), terms: { learningRate: 1 } })).rejects.toThrow(
      'A term of the loss cannot be named learningRate.',
    )
  })
})

describe('TensorBoard files', () => {
  test('hold the scalars, with the checksums of their format', async () => {
    // The check value of CRC-32C (RFC 3720, appendix B.4: 32 bytes of zeros).
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    await using run = await openRun(folder)
    await train(run, 1, 4)
    const [name, ...others] = eventFiles()
    expect(others).toEqual([])
    const [version, ...events] = eventsOf(name)
    expect(version.version).toBe('brain.Event:2')
    expect(Math.abs((version.wallTime as number) - Date.now() / 1000)).toBeLessThan(60)
    expect(events.map(({ step }) => step)).toEqual([1, 2, 3, 4, 4])
    expect(events[2].scalars).toEqual({
      'loss/total': 1,
      'loss/crossEntropy': Math.fround(2 / 3),
      'loss/inverseForm': Math.fround(1 / 3),
      learningRate: Math.fround(0.01 / 3),
      imagesPerSecond: 4,
    })
    expect(events[4].scalars).toEqual({
      'evaluation/meanIou': Math.fround(0.04),
      'evaluation/boundaryF1': 0.25,
      'evaluation/boundaryF3': 0.5,
      'evaluation/boundaryF5': Number.NaN,
    })
  })

  test('say where a resumed run goes on', async () => {
    await train(await openRun(folder), 1, 300)
    await train(await openRun(folder, { resume: 200 }), 201, 202)
    const files = eventFiles()
    expect(files).toHaveLength(2)
    const [, restart, ...events] = eventsOf(files[1])
    // SessionLog.START is 1.
    expect(restart).toMatchObject({ step: 201, session: 1 })
    expect(events.map(({ step }) => step)).toEqual([201, 202])
    expect(eventsOf(files[0]).at(-1)?.step).toBe(300)
  })
})

/** A picture of two classes, whose prediction is off by two columns. */
function picture(width: number, height: number) {
  const labels = (edge: number) =>
    Uint8Array.from({ length: width * height }, (_, i) => (i % width < edge ? 0 : 13))
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7) % 256)
  return { name: 'aachen', image: { data, width, height }, target: labels(8), prediction: labels(10) }
}

describe('pictures', () => {
  test('stay on the page of a run that goes on', async () => {
    const run = await openRun(folder)
    await train(run, 1, 3)
    await run.evaluation(score(4), [picture(24, 16)])
    await run.close()
    const shown = () => readFileSync(join(folder, 'index.html'), 'utf8').match(/pictures\/[^"]+/g)
    const before = shown()
    expect(before).toContain('pictures/1-prediction.png?step=4')
    await (await openRun(folder, { resume: 4 })).close()
    expect(shown()).toEqual(before)
    await (await openRun(folder, { resume: 3 })).close()
    expect(shown()).toBeNull()
  })

  test('are PNG files of every stride-th pixel', async () => {
    const [width, height] = [7, 5]
    const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * i) % 256)
    const { data, ...size } = await readImage(await rgbPng(rgb, width, height))
    expect(size).toMatchObject({ width, height })
    expect([...data]).toEqual([...rgb])
    const half = await readImage(await rgbPng(rgb, width, height, 2))
    expect([half.width, half.height]).toEqual([4, 3])
    expect([...half.data.subarray(12, 15)]).toEqual([...rgb.subarray(3 * 2 * width, 3 * 2 * width + 3)])
  })
})

test.skipIf(!chromiumPath)('the page shows curves and pictures from a file: URL, and fits', async () => {
  const browser = await launch()
  try {
    const run = await openRun(folder, { totalSteps: 40, facts: [['model', 'hrnet16-slim']] })
    await train(run, 1, 23)
    await run.evaluation(score(24), [picture(24, 16)])
    for (const width of [390, 1280]) {
      const tab = await browser.newPage({ viewport: { width, height: 900 } })
      const failures: string[] = []
      tab.on('requestfailed', (request) => void failures.push(request.url()))
      tab.on('console', (message) => void failures.push(message.text()))
      await tab.goto(pathToFileURL(join(folder, 'index.html')).href)
      await tab.evaluate(() => {
        for (const image of Array.from(document.images)) image.loading = 'eager'
      })
      await expect
        .poll(() => tab.evaluate(() => Array.from(document.images, (image) => image.naturalWidth)))
        .toEqual([24, 24, 24, 24])
      expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
      expect(failures).toEqual([])
      await tab.close()
    }
    expect(readFileSync(join(folder, 'index.html'), 'utf8')).toContain('http-equiv="refresh"')
    await run.close()
    expect(readFileSync(join(folder, 'index.html'), 'utf8')).not.toContain('http-equiv="refresh"')
  } finally {
    await browser.close()
  }
})

test('a page that cannot be written is an error of close, and does not hide another error', async () => {
  const runs = [await openRun(join(folder, 'closed')), await openRun(join(folder, 'left'))]
  for (const { folder: of } of runs) {
    rmSync(join(of, 'index.html'))
    mkdirSync(join(of, 'index.html'))
  }
  await expect(runs[0].close()).rejects.toMatchObject({ code: 'write-failed' })
  const left = async () => {
    await using run = runs[1]
    throw new Error(`step of ${run.folder}`)
  }
  await expect(left()).rejects.toThrow('step of')
})
