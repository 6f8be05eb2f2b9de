import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { toLabelIds } from '@inverseform/cityscapes'
import { createSegmenter, paint, readImage } from '@inverseform/runtime-node'
import { chromiumPath, launch } from '@inverseform/testing/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  DEMO_CHECKPOINT,
  demoImage,
  fakeCamera,
  keepOne,
  openPlayground,
  type Playground,
  savedFile,
  savedLabels,
  segmented,
  sidePixels,
  smallImage,
} from './support/playground.js'
import { type BuiltSite, buildSite, previewSite, type Site } from './support/site.js'

const axe = createRequire(import.meta.url).resolve('axe-core')

/** Returns the accessibility rules that the page violates, and where. */
async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: axe })
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof import('axe-core') }).axe.run()
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
  })
}

const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

/** Returns the elements that reach beyond the page, or whose text does not fit. */
const cutOff = (page: Page) =>
  page.evaluate(() => {
    const shown = Array.from(document.querySelectorAll<HTMLElement>('main *, header *')).filter(
      (element) => element.checkVisibility() && !element.closest('.visually-hidden, .stage, option, svg'),
    )
    const right = document.documentElement.clientWidth
    return shown
      .filter(
        (element) =>
          element.getBoundingClientRect().right > right + 1 || element.scrollWidth > element.clientWidth + 1,
      )
      .filter(
        (element) => getComputedStyle(element).display !== 'inline' && !element.matches('input, select'),
      )
      .map((element) => element.outerHTML.slice(0, 100))
  })

/** Counts the live tracks of the page's media streams. */
const liveTracks = (page: Page) =>
  page.evaluate(
    () => streams.flatMap((stream) => stream.getTracks()).filter((t) => t.readyState === 'live').length,
  )

/** Records a video of a moving bar, 128x64, about three seconds long. */
async function makeVideo(page: Page): Promise<Buffer> {
  const base64 = await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 128, height: 64 })
    const context = canvas.getContext('2d')!
    const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: 'video/webm' })
    const chunks: Blob[] = []
    recorder.ondataavailable = ({ data }) => chunks.push(data)
    recorder.start()
    for (let i = 0; i < 60; i++) {
      context.fillStyle = '#345'
      context.fillRect(0, 0, 128, 64)
      context.fillStyle = '#dc9'
      context.fillRect(2 * i, 0, 20, 64)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    recorder.stop()
    await new Promise((resolve) => recorder.addEventListener('stop', resolve))
    const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer())
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  })
  return Buffer.from(base64, 'base64')
}

declare global {
  var streams: MediaStream[]
}

describe.skipIf(!chromiumPath)('the playground', () => {
  let files: BuiltSite
  let site: Site
  let browser: Browser
  let playground: Playground
  let page: Page
  beforeAll(async () => {
    if (!chromiumPath) return
    files = await buildSite()
    site = await previewSite(files.folder)
    browser = await launch({ args: fakeCamera })
    playground = await openPlayground(browser, site.url, { viewport: { width: 1280, height: 900 } })
    page = playground.page
  })
  afterAll(async () => {
    await browser?.close()
    await site?.[Symbol.asyncDispose]()
    await files?.[Symbol.asyncDispose]()
  })

  test('compares the bundled checkpoints at once, and says what InverseForm is', async () => {
    expect(await page.getByLabel('A, left').locator('option:checked').textContent()).toBe(
      'Without InverseForm',
    )
    expect(await page.getByLabel('B, right').locator('option:checked').textContent()).toBe('With InverseForm')
    expect(await page.locator('.slot .name').allInnerTexts()).toEqual([
      'hrnet16-slim-demo-without-inverseform.pth',
      'hrnet16-slim-demo.pth',
    ])
    expect((await sidePixels(page, 'a')).equals(await sidePixels(page, 'b'))).toBe(false)
    expect(await page.locator('#times thead th').allTextContents()).toEqual([
      'Stage',
      'Without InverseForm',
      'With InverseForm',
    ])
    for (const [title, checkpoint] of [
      ['Without InverseForm', DEMO_CHECKPOINT.replace('.pth', '-without-inverseform.pth')],
      ['With InverseForm', DEMO_CHECKPOINT],
    ]) {
      await using node = await createSegmenter({ checkpoint, device: 'cpu' })
      const { labels } = await node.segment(demoImage(0))
      expect(Buffer.compare((await savedLabels(page, 'Train ids', title)).data, labels as Uint8Array)).toBe(0)
    }
    const links = await page
      .locator('header a')
      .evaluateAll((all) => all.map((a) => (a as HTMLAnchorElement).href))
    expect(links).toEqual([
      'https://arxiv.org/abs/2104.02745',
      'https://github.com/Qualcomm-AI-research/InverseForm',
      'https://github.com/inverseform/inverseform-ts#readme',
    ])
    expect(await accessibilityProblems(page)).toEqual([])
  })

  test('fits phones and desktops while it compares', async () => {
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 900 })
      expect(await overflow(page)).toBe(0)
      expect(await cutOff(page)).toEqual([])
    }
  })

  test('shows one checkpoint where the other is removed, chosen from the bundled ones', async () => {
    await keepOne(page)
    expect(await page.getByLabel('A, left').locator('option:checked').textContent()).toBe('Image')
    expect(await page.getByLabel('B, right').locator('option:checked').textContent()).toBe('Segmentation')
  })

  test('labels the demo image as Node does, and lists its classes', async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    await using node = await createSegmenter({ checkpoint: DEMO_CHECKPOINT, device: 'cpu' })
    const expected = (await node.segment(demoImage(0))).labels as Uint8Array

    const trainIds = await savedLabels(page, 'Train ids')
    expect(trainIds).toMatchObject({
      width: 512,
      height: 256,
      name: 'drawnton_000000_000019_leftImg8bit_labelTrainIds.png',
    })
    expect(Buffer.compare(trainIds.data, expected)).toBe(0)
    const labelIds = await savedLabels(page, 'Label ids')
    expect(Buffer.compare(labelIds.data, toLabelIds(expected))).toBe(0)

    const road = expected.filter((label) => label === 0).length / expected.length
    const classes = new Set(expected).size
    const items = page.locator('#legend button')
    expect(await items.count()).toBe(classes)
    expect(await items.filter({ hasText: 'road' }).textContent()).toContain(`${(100 * road).toFixed(1)} %`)
    expect(await segmented(page, 'drawnton_000000')).toContain(
      `${classes} classes: road ${(100 * road).toFixed(1)} %`,
    )
    const facts = await page.locator('.slot .facts').textContent()
    for (const fact of ['hrnet16-slim', '19 classes', 'edge head', 'WebAssembly']) {
      expect(facts).toContain(fact)
    }
    expect(await page.locator('#times tbody tr').allInnerTexts()).toEqual([
      expect.stringMatching(/^Decode\s+[\d.,]+ ms$/),
      expect.stringMatching(/^Preprocess\s+[\d.,]+ ms$/),
      expect.stringMatching(/^Network\s+[\d.,]+ ms$/),
      expect.stringMatching(/^Postprocess\s+[\d.,]+ ms$/),
      expect.stringMatching(/^Paint\s+[\d.,]+ ms$/),
    ])
  })

  test('shows why each device was used or not', async () => {
    const details = page.locator('.slot details')
    await details.locator('summary').press('Enter')
    expect(await details.locator('li').allInnerTexts()).toEqual([
      expect.stringMatching(/^WebGPU, unavailable: [A-Z].*\.$/),
      expect.stringMatching(/^WebAssembly, used: [A-Z].*\.$/),
    ])
    await details.locator('summary').press('Enter')
  })

  test('the wipe moves by keyboard and by pointer', async () => {
    const wipe = page.getByRole('slider', { name: 'Wipe' })
    await wipe.focus()
    const box = (await page.locator('#stage').boundingBox())!
    const divider = async () => {
      const { x, width } = (await page.locator('.divider').boundingBox())!
      return (x + width / 2 - box.x) / box.width
    }
    await page.keyboard.press('ArrowRight')
    expect(await wipe.inputValue()).toBe('51')
    expect(await divider()).toBeCloseTo(0.51, 2)
    expect(await wipe.getAttribute('aria-valuetext')).toBe('A 51 %, B 49 %')
    await page.keyboard.press('Home')
    expect(await divider()).toBeCloseTo(0, 2)
    await page.mouse.move(box.x + 4, box.y + 90)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width / 4, box.y + 90, { steps: 4 })
    await page.mouse.up()
    expect(await divider()).toBeCloseTo(0.25, 2)
    await wipe.fill('50')
  })

  test('highlights a class by pointer, by keyboard and when pressed', async () => {
    const view = page.getByLabel('B, right')
    await view.selectOption('Segmentation')
    const { data: labels } = await savedLabels(page, 'Train ids')
    const sky = page.getByRole('button', { name: /^sky/ })
    const plain = await sidePixels(page, 'b')
    const changed = (pixels: Buffer, of: (label: number) => boolean) => {
      let [differing, all] = [0, 0]
      for (let i = 0; i < labels.length; i++) {
        if (!of(labels[i])) continue
        all++
        if ([0, 1, 2].some((c) => pixels[4 * i + c] !== plain[4 * i + c])) differing++
      }
      return differing / all
    }
    const expectHighlight = (on: boolean) =>
      expect
        .poll(async () => {
          const pixels = await sidePixels(page, 'b')
          return [
            changed(pixels, (label) => label === 10) > 0.01,
            changed(pixels, (label) => label !== 10) > 0.9,
          ]
        })
        .toEqual([false, on])

    await sky.hover()
    await expectHighlight(true)
    await page.mouse.move(0, 0)
    await expectHighlight(false)
    await sky.focus()
    await expectHighlight(true)
    await page.keyboard.press('Enter')
    expect(await sky.getAttribute('aria-pressed')).toBe('true')
    await page.getByRole('slider', { name: 'Wipe' }).focus()
    await expectHighlight(true)
    await sky.press('Enter')
    await page.getByRole('slider', { name: 'Wipe' }).focus()
    await expectHighlight(false)
  })

  test('saves the overlay and the outlines as they are painted in Node', async () => {
    await using node = await createSegmenter({ checkpoint: DEMO_CHECKPOINT, device: 'cpu' })
    const image = await readImage(demoImage(0))
    const segmentation = await node.segment(image)
    const black = { opacity: 1, colors: new Uint8Array(3 * 19) }
    for (const [name, style] of [
      ['Overlay', {}],
      ['Outlines', black],
    ] as const) {
      const { file, path } = await savedFile(page, name)
      expect(file).toBe(`drawnton_000000_000019_leftImg8bit_${name.toLowerCase()}.png`)
      const saved = await readImage(path)
      const painted = paint(image, segmentation, style)
      const off = saved.data.filter(
        (value, i) => Math.abs(value - painted.data[4 * Math.floor(i / 3) + (i % 3)]) > 1,
      )
      expect(saved).toMatchObject({ width: 512, height: 256 })
      expect(off).toHaveLength(0)
    }
  })

  test('applies the opacity of the colors and the threshold of the edges', async () => {
    const view = page.getByLabel('B, right')
    const opacity = page.getByRole('slider', { name: 'Overlay' })
    await view.selectOption('Segmentation')
    await opacity.fill('100')
    const { data: labels } = await savedLabels(page, 'Train ids')
    // Inside of the road: its outlines are white.
    const around = [-1024, -512, 0].flatMap((row) => [-2, -1, 0, 1, 2].map((column) => row + column))
    const road = labels.findLastIndex(
      (_, i) => i >= 512 * 255 + 8 && around.every((step) => labels[i + step] === 0),
    )
    await expect
      .poll(async () => [...(await sidePixels(page, 'b')).subarray(4 * road, 4 * road + 3)])
      .toEqual([128, 64, 128])
    const classes = await sidePixels(page, 'b')
    await view.selectOption('Segmentation + edges')
    const slider = page.getByRole('slider', { name: 'Edges' })
    expect(await slider.isEnabled()).toBe(true)
    const differing = async () =>
      (await sidePixels(page, 'b')).filter((value, i) => value !== classes[i]).length
    // The outlines of the labels are gone.
    await expect.poll(differing).toBeGreaterThan(0)
    const edges = await differing()
    await slider.fill('5')
    await expect.poll(differing).toBeGreaterThan(edges + 100)
    await page.getByRole('slider', { name: 'Edges' }).fill('90')
    await opacity.fill('50')
  })

  test('shows errors of a file next to its control, and keeps the previous results', async () => {
    const before = await page.locator('#legend').textContent()
    await page.locator('.slot .file').setInputFiles({
      name: 'wrong.pth',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from('no checkpoint at all'),
    })
    const checkpointProblem = page.locator('.slot').getByRole('alert')
    await checkpointProblem.waitFor()
    expect(await checkpointProblem.textContent()).toMatch(/\S.*\. [A-Z].*\.$/)
    await page.locator('#image-file').setInputFiles({
      name: 'wrong.png',
      mimeType: 'image/png',
      buffer: Buffer.from('no image at all'),
    })
    const imageProblem = page.locator('.picture').getByRole('alert')
    await imageProblem.waitFor()
    expect(await imageProblem.textContent()).toContain('wrong.png cannot be decoded: it is not an image.')
    expect(await page.locator('#legend').textContent()).toBe(before)
    expect(await page.locator('.slot .name').textContent()).toBe('hrnet16-slim-demo.pth')
    await page.getByLabel('Device').selectOption('WebGPU')
    const deviceProblem = page.locator('#device-problem')
    await deviceProblem.waitFor()
    expect(await deviceProblem.textContent()).toMatch(/WebGPU.*\.$/)
    expect(await page.getByLabel('Device').inputValue()).toBe('auto')
    expect(await accessibilityProblems(page)).toEqual([])

    await page.locator('#image-file').setInputFiles(smallImage('right.png'))
    await segmented(page, 'right.png')
    expect(await imageProblem.isHidden()).toBe(true)
  })

  test('compares two checkpoints', async () => {
    await page.getByRole('button', { name: 'Demo image 2' }).click()
    await segmented(page, 'drawnton_000001')
    await page.getByRole('button', { name: 'Compare with a second checkpoint' }).click()
    const second = page.getByRole('group', { name: 'Checkpoint 2' })
    await second.locator('.file').setInputFiles(DEMO_CHECKPOINT)
    await page.getByText('agree on 100.0 % of the pixels').waitFor()
    expect(await page.getByLabel('A, left').inputValue()).toBe('classes-1')
    expect(await page.getByLabel('B, right').inputValue()).toBe('classes-2')
    expect(await page.locator('#legend button').first().locator('.share').count()).toBe(2)
    expect((await sidePixels(page, 'a')).equals(await sidePixels(page, 'b'))).toBe(true)
    const one = await savedLabels(page, 'Train ids', 'With InverseForm')
    const two = await savedLabels(page, 'Train ids', 'Checkpoint 2')
    expect(Buffer.compare(two.data, one.data)).toBe(0)
    expect(await second.locator('.model-choice option:checked').textContent()).toBe(
      'Own: hrnet16-slim-demo.pth',
    )
    expect(await accessibilityProblems(page)).toEqual([])
    await second.getByRole('button', { name: 'Remove' }).click()
    await page.getByText(/^\d+ classes found\.$/).waitFor()
    expect(await page.getByLabel('B, right').locator('option').allInnerTexts()).toEqual([
      'Image',
      'Segmentation',
      'Segmentation + edges',
    ])
    expect(await second.count()).toBe(0)
  })

  test('accepts dropped images and checkpoints', async () => {
    const drop = async (selector: string, { name, buffer }: { name: string; buffer: Buffer }) => {
      const transfer = await page.evaluateHandle(
        ({ name, bytes }) => {
          const transfer = new DataTransfer()
          transfer.items.add(new File([Uint8Array.from(bytes)], name))
          return transfer
        },
        { name, bytes: [...buffer] },
      )
      await page.dispatchEvent(selector, 'dragover', { dataTransfer: transfer })
      await page.dispatchEvent(selector, 'drop', { dataTransfer: transfer })
    }
    await drop('#stage', smallImage('dropped.png'))
    await segmented(page, 'dropped.png')
    await drop('#stage', { name: 'dropped.safetensors', buffer: Buffer.from('{}') })
    await page.locator('.slot').getByRole('alert').waitFor()
  })

  test('loads a checkpoint from a URL', async () => {
    const checkpoint = await page.evaluate(() =>
      performance.getEntriesByType('resource').find(({ name }) => name.endsWith('.png')),
    )
    const url = page.getByLabel('URL of a checkpoint')
    await url.fill((checkpoint as { name: string }).name)
    await url.press('Enter')
    const problem = page.locator('.slot').getByRole('alert')
    await problem.filter({ hasText: /drawnton.*png/ }).waitFor()
    const { asset } = await page.evaluate(async () => {
      const { src } = document.scripts[0]
      const code = await (await fetch(src)).text()
      return { asset: new URL(/[\w.-]*\.pth(?=["'`])/.exec(code)![0], src).href }
    })
    await url.fill(asset)
    await url.press('Enter')
    await page
      .locator('.slot .name')
      .filter({ hasText: asset.split('/').at(-1) })
      .waitFor()
    expect(await problem.isHidden()).toBe(true)
  })

  test('shows that the camera is not allowed', async () => {
    await page.getByRole('button', { name: 'Camera' }).click()
    const problem = page.locator('.picture').getByRole('alert')
    await problem.waitFor()
    expect(await problem.textContent()).toBe(
      'This page may not use the camera. Allow it in the browser’s settings for this page, then try again.',
    )
    expect(await page.getByRole('button', { name: 'Camera' }).getAttribute('aria-pressed')).toBe('false')
  })

  test('segments frames of the camera until it is stopped', async () => {
    await page.context().grantPermissions(['camera'])
    await page.evaluate(() => {
      globalThis.streams = []
      const devices = navigator.mediaDevices
      const open = devices.getUserMedia.bind(devices)
      devices.getUserMedia = async (constraints) => {
        const stream = await open(constraints)
        streams.push(stream)
        return stream
      }
    })
    const camera = page.getByRole('button', { name: 'Camera' })
    await camera.click()
    await page.getByRole('row', { name: /Images per second/ }).waitFor()
    const picture = page.getByRole('img', { name: /^Camera: \d+ class/ })
    await picture.waitFor()
    expect(await liveTracks(page)).toBe(1)
    expect(await page.getByRole('status').textContent()).toBe('Camera: on.')
    await page.getByRole('button', { name: 'Stop camera' }).click()
    await page.getByRole('status').filter({ hasText: 'Camera: off.' }).waitFor()
    expect(await liveTracks(page)).toBe(0)
    await picture.waitFor()

    await camera.click()
    await expect.poll(() => liveTracks(page)).toBe(1)
    await page.getByRole('button', { name: 'Demo image 3' }).click()
    await page.getByRole('img', { name: /^drawnton_000002/ }).waitFor()
    expect(await liveTracks(page)).toBe(0)
    expect(await page.getByRole('row', { name: /Images per second/ }).count()).toBe(0)
  })

  test('does not start a camera that another image replaces while it is opened', async () => {
    await page.evaluate(() => {
      const { prototype } = HTMLMediaElement
      const { play } = prototype
      prototype.play = async function () {
        prototype.play = play
        await new Promise((resolve) => setTimeout(resolve, 1000))
        await play.call(this)
      }
    })
    await page.getByRole('button', { name: 'Camera' }).click()
    await expect.poll(() => liveTracks(page)).toBe(1)
    await page.getByRole('button', { name: 'Demo image 2' }).click()
    await page.getByRole('img', { name: /^drawnton_000001/ }).waitFor()
    await expect.poll(() => liveTracks(page), { timeout: 5000 }).toBe(0)
    expect(await page.getByRole('img', { name: /^drawnton_000001/ }).isVisible()).toBe(true)
    expect(await page.getByRole('row', { name: /Images per second/ }).count()).toBe(0)
  })

  test('plays a video file, and saves what is shown as a video', async () => {
    const video = await makeVideo(page)
    await page
      .locator('#image-file')
      .setInputFiles({ name: 'drive.webm', mimeType: 'video/webm', buffer: video })
    await page.getByRole('button', { name: 'Record' }).click()
    await page.getByText(/^\d:\d\d.* · [\d.]+ images per second$/).waitFor()
    await page.getByRole('row', { name: /Images per second/ }).waitFor()
    await page.getByRole('img', { name: /^drive\.webm: \d+ class/ }).waitFor()
    // The end of the video ends the recording too.
    const download = await page.waitForEvent('download')
    expect(download.suggestedFilename()).toMatch(/^drive_overlay\.(webm|mp4)$/)
    const saved = await readFile(await download.path())
    const size = await page.evaluate(async (base64) => {
      const video = document.createElement('video')
      video.src = `data:video/webm;base64,${base64}`
      video.muted = true
      await video.play()
      return [video.videoWidth, video.videoHeight]
    }, saved.toString('base64'))
    expect(size).toEqual([128, 64])
    await page.getByRole('button', { name: 'Play again' }).click()
    await page.getByRole('button', { name: 'Stop video' }).click()
    await page.getByRole('status').filter({ hasText: 'drive.webm: off.' }).waitFor()

    await page
      .locator('#image-file')
      .setInputFiles({ name: 'x.mp4', mimeType: 'video/mp4', buffer: Buffer.from('x') })
    const problem = page.locator('.picture').getByRole('alert')
    await problem.waitFor()
    expect(await problem.textContent()).toBe(
      'x.mp4 cannot be played by this browser. Convert it to MP4 with H.264, or to WebM.',
    )
    expect(await page.getByRole('button', { name: 'Play again' }).isHidden()).toBe(true)
  })

  test('fits phones and desktops, light and dark, and is accessible in each', async () => {
    for (const width of [390, 1280]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height: 844 })
        await page.emulateMedia({ colorScheme })
        expect(await overflow(page)).toBe(0)
        expect(await accessibilityProblems(page)).toEqual([])
      }
    }
  })

  test('logs no errors and sends no requests to other origins', () => {
    expect(playground.complaints).toEqual([])
  })
})
