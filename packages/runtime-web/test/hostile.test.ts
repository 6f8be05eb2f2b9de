import { readFileSync } from 'node:fs'
import { randomInteger, seededRandom } from '@inverseform/shared'
import { bytes, Code, dict, global, type Pickled, tensor, torchZip, tuple, uint } from '@inverseform/testing'
import { chromiumPath, launch, serve } from '@inverseform/testing/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage } from './support/browser.js'
import { pageOf } from './support/files.js'

const image = (name: string) =>
  readFileSync(new URL(`../../testing/fixtures/hostile/${name}`, import.meta.url))

/** Makes a checkpoint that calls a function 100,000 times on one remembered string of 1 MiB. */
function callBomb(): Uint8Array {
  const length = 2 ** 20
  const remembered = bytes('X', uint(length, 4), 'x'.repeat(length), 'q\0')
  const args = bytes(tuple(new Code(bytes('h\0')), 'latin1').bytes, 'q\x01')
  const encode = bytes(global('_codecs', 'encode').bytes, 'q\x02')
  const one = bytes('h\x02h\x01R0')
  const calls = Buffer.alloc(100_000 * one.length, one)
  return torchZip(new Code(bytes(remembered, '0', args, '0', encode, '0', calls, '}')), {})
}

/** Makes a checkpoint with 5,000 tensors on one deflated storage. */
function manyViews(): Uint8Array {
  const floats = 2 ** 18
  const view = tensor({ shape: [1], strides: [1], length: floats })
  const names = Array.from({ length: 5000 }, (_, i) => [`w${i}`, new Code(bytes('h\0'))] as const)
  const state = new Map<Pickled, Pickled>([['w', new Code(bytes(view.bytes, 'q\0'))], ...names])
  const random = seededRandom(7)
  const storage = Uint8Array.from({ length: 4 * floats }, () => randomInteger(random, 0, 63))
  return torchZip(state, { 0: storage }, { deflate: true })
}

describe.skipIf(!chromiumPath)('a hostile file ends soon in an error, in the browser', () => {
  let site: Awaited<ReturnType<typeof serve>>
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    site = await serve(
      new Map<string, Uint8Array | string>([
        ...(await pageOf('sources-page.ts')),
        ['/models/calls.pth', callBomb()],
        ['/models/views.pth', manyViews()],
        [
          '/models/attack.pth',
          torchZip(new Code(bytes(global('os', 'system').bytes, tuple('true').bytes, 'R')), {}),
        ],
        ['/models/nothing.pth', torchZip(dict({ epoch: 3 }), {})],
        ...['bomb23k.png', 'svg-adj.png', 'svg-huge.png'].map((name) => [`/${name}`, image(name)] as const),
      ]),
    )
    browser = await launch()
    page = await openPage(browser, site.origin)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.[Symbol.asyncDispose]()
  })

  test.each([
    ['calls', 'limit-exceeded', /bytes that its calls touch/],
    ['views', 'checkpoint-mismatch', /tensor/],
    ['attack', 'unsafe-checkpoint', /os\.system/],
    ['nothing', 'invalid-checkpoint', /holds no tensors/],
  ])('the checkpoint %s', async (name, code, message) => {
    const started = performance.now()
    const failure = await page.evaluate(
      (checkpoint) => sources.failureOf(() => sources.createSegmenter({ checkpoint, device: 'wasm' })),
      `/models/${name}.pth`,
    )
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(performance.now() - started).toBeLessThan(5000)
  })

  test.each([
    ['svg-adj.png', 'unreadable', /cannot be decoded: SVG is not supported\.$/],
    ['svg-huge.png', 'unreadable', /cannot be decoded: SVG is not supported\.$/],
    ['bomb23k.png', 'limit-exceeded', /has 23000x23000 = 529000000 pixels, at most 67108864 are allowed\.$/],
  ])('the image %s', async (name, code, message) => {
    const failure = await page.evaluate(
      (url) => sources.failureOf(() => sources.rgbOf(url, 2 ** 26)),
      `/${name}`,
    )
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('formats that browsers do not decode are named', async () => {
    const messages = await page.evaluate(async () => {
      const kinds = ['II*\0\x08\0\0\0', '\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'hello', '']
      const messages = []
      for (const kind of kinds) {
        const bytes = Uint8Array.from(kind, (character) => character.charCodeAt(0))
        messages.push((await sources.failureOf(() => sources.rgbOf(bytes))).message)
      }
      return messages
    })
    expect(messages).toEqual([
      'The image cannot be decoded: TIFF is not supported.',
      'The image cannot be decoded: HEIC is not supported.',
      'The image cannot be decoded: it is not an image.',
      'The image cannot be decoded: it is empty.',
    ])
  })
})
