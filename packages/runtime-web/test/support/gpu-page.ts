/** Functions that the tests of the GPU call in the browser. They compare the GPU with JavaScript. */

import { zoo } from '@inverseform/backbones'
import { constant, conv2d, type Graph, imageInput, relu, type Value } from '@inverseform/backbones/graph'
import {
  arrayEngine,
  enlargedLabels,
  featureMap,
  type Network,
  type PaintStyle,
  paintPixels,
  paintSettings,
  type RgbImage,
  type RunOptions,
  type Session,
  segmentImages,
  type Tensor,
  type View,
} from '@inverseform/runtime'
import { product, seededRandom } from '@inverseform/shared'
import * as ort from 'onnxruntime-web/webgpu'
import { type BrowserGpu, startedGpu } from '../../src/devices/browser-devices.js'
import { configureOnnxRuntime, gpuBackend, wasmBackend } from '../../src/devices/onnx-backend.js'
import { findGpu } from '../../src/gpu/adapter.js'
import { gpuPainter } from '../../src/gpu/painter.js'
import { pictureOnGpu } from '../../src/gpu/picture.js'
import type { GpuImage } from '../../src/gpu/pixels.js'
import type { GpuTensor } from '../../src/gpu/tensor.js'
import { openImage } from '../../src/images/read-image.js'
import { pictureOnArrays } from '../../src/picture/on-arrays.js'
import { networkRunner } from '../../src/worker/network-runner.js'
import { gpuWork } from './count-gpu-work.js'

const startGpu = async (): Promise<BrowserGpu> => startedGpu(await (await findGpu()).start())
let shared: Promise<BrowserGpu> | undefined
const pageGpu = () => (shared ??= startGpu())

/** Creates an image with shapes and texture. */
function imageOf(width: number, height: number, seed = 1): RgbImage {
  const next = seededRandom(seed)
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const pixel = Math.floor(i / 3)
    const [x, y] = [pixel % width, Math.floor(pixel / width)]
    return 128 + 90 * Math.sin((x * (1 + (i % 3)) + seed) / 9) * Math.cos(y / 7) + 30 * next()
  })
  return { data, width, height }
}

/** Returns a tiny network with a class map and an edge map at a quarter of the image's size. */
function tinyGraph(numClasses: number): Graph {
  let seed = 7
  const weight = (...shape: number[]): Value => {
    const next = seededRandom(seed++)
    const length = product(shape)
    return constant(`w${seed}`, shape, async () => Float32Array.from({ length }, () => 2 * next() - 1))
  }
  const half = (x: Value, from: number, to: number) =>
    conv2d(x, weight(to, from, 3, 3), weight(to), { stride: 2, padding: 1 })
  const features = relu(half(imageInput('image', 3), 3, 6))
  return { outputs: { logits: half(features, 6, numClasses), edge: half(features, 6, 1) } }
}

/** Returns the same network for both engines. It runs on WebAssembly, so that only the steps around it differ. */
async function tinyNetworks(gpu: BrowserGpu, numClasses: number) {
  configureOnnxRuntime({ threads: 1 })
  const graph = tinyGraph(numClasses)
  const session = await wasmBackend().createSession(graph)
  const { engine } = gpu
  const onGpu: Session<GpuTensor> = {
    async run({ image }) {
      const outputs = await session.run({ image: await engine.download(image) })
      return Object.fromEntries(Object.entries(outputs).map(([name, map]) => [name, engine.upload(map)]))
    },
    dispose: () => session.dispose(),
  }
  const facts = { graph, info: zoo.hrnet18, numClasses, memoryBudget: 2 ** 30 }
  const arrays: Network = { ...facts, session, engine: arrayEngine }
  const gpuNetwork: Network<GpuTensor, GpuImage> = { ...facts, session: onGpu, engine }
  return { arrays, gpu: gpuNetwork }
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]))
  return largest
}

function shareDiffering(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let differing = a.length === b.length ? 0 : Number.POSITIVE_INFINITY
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) differing++
  return differing / a.length
}

/** Segments the same images with both engines. */
async function compareSegmentations(
  sizes: { width: number; height: number; numClasses: number; count?: number },
  options: RunOptions,
) {
  const { width, height, numClasses, count = 1 } = sizes
  const gpu = await pageGpu()
  const networks = await tinyNetworks(gpu, numClasses)
  const images = Array.from({ length: count }, (_, i) => imageOf(width, height, i + 1))
  const before = gpuWork.buffers.size
  const found = await segmentImages(networks.gpu, images, options)
  const leaked = gpuWork.buffers.size - before
  const expected = await segmentImages(networks.arrays, images, options)
  const differences = expected.map((segmentation, i) => ({
    labels: segmentation.labels && shareDiffering(found[i].labels!, segmentation.labels),
    confidence: segmentation.confidence && largestDifference(found[i].confidence!, segmentation.confidence),
    edges: segmentation.edges && largestDifference(found[i].edges!, segmentation.edges),
    logits: segmentation.logits && largestDifference(found[i].logits!, segmentation.logits),
  }))
  const distinct = new Set(expected.flatMap(({ labels = [] }) => Array.from(labels))).size
  return { differences, leaked, tiles: found.map(({ tiles }) => tiles), distinct }
}

/** Aborts a request between tiles, and counts the buffers left. */
async function abortBetweenTiles() {
  const gpu = await pageGpu()
  const networks = await tinyNetworks(gpu, 19)
  const before = gpuWork.buffers.size
  const aborted = new AbortController()
  const runs: number[] = []
  const work = segmentImages(networks.gpu, [imageOf(173, 101)], {
    tile: { width: 96, height: 64, overlap: 32 },
    flip: true,
    signal: aborted.signal,
    onProgress({ done }) {
      runs.push(done)
      if (done === 11) aborted.abort('enough')
    },
  })
  const reason = await work.catch((reason) => reason)
  return { reason, runs: runs.length, leaked: gpuWork.buffers.size - before }
}

type MapKind = 'random' | 'smooth' | 'tied'

function mapOf(kind: MapKind, shape: readonly number[], seed: number): Tensor {
  const [n, channels, height, width] = shape
  const next = seededRandom(seed)
  const data = Float32Array.from({ length: n * channels * height * width }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width) % height]
    const c = Math.floor(i / (width * height)) % channels
    if (kind === 'random') return 20 * next() - 10
    if (kind === 'smooth') return 5 * Math.sin(x / 5 + c) + 5 * Math.cos(y / 3 - 2 * c)
    // Pairs of classes with the same values everywhere: the first of each must win.
    return 3 * Math.sin(x + y + 5 * (c >> 1))
  })
  return { data, shape }
}

/** Returns the share of labels that differ from the CPU's. */
async function compareLabels(
  kind: MapKind,
  map: { width: number; height: number; numClasses: number },
  size: { width: number; height: number },
  mirrored = false,
) {
  const { engine } = await pageGpu()
  const shape = [2, map.numClasses, map.height, map.width]
  const [plain, flipped] = [mapOf(kind, shape, 3), mapOf(kind, shape, 4)]
  const upright = mirrorTensor(flipped)
  const mean = {
    data: plain.data.map((value, i) => (mirrored ? (value + upright.data[i]) / 2 : value)),
    shape,
  }
  const maps = [
    { map: engine.upload(plain), mirrored: false },
    ...(mirrored ? [{ map: engine.upload(flipped), mirrored: true }] : []),
  ]
  const { labels } = await engine.readClasses(maps, { image: 1, ...size, labels: true, confidence: false })
  for (const { map } of maps) engine.release(map)
  const expected = enlargedLabels(featureMap(mean, 1, 'logits'), size.width, size.height)
  return {
    differing: shareDiffering(labels!, expected),
    distinct: new Set(expected).size,
    type: labels!.constructor.name,
  }
}

/** Returns the largest difference between the network inputs of both engines, for each form of an image. */
async function compareViews(width: number, height: number, view: View) {
  const { engine } = await pageGpu()
  const rgb = imageOf(width, height)
  const rgba = new Uint8ClampedArray(4 * width * height)
  for (let i = 0; i < width * height; i++) rgba.set([...rgb.data.subarray(3 * i, 3 * i + 3), 255], 4 * i)
  const imageData = new ImageData(rgba, width, height)
  const expected = (await arrayEngine.load([rgb, rgb])).view(view)
  const forms = { rgb, imageData, bitmap: await createImageBitmap(imageData) }
  const differences: Record<string, number> = {}
  for (const [form, image] of Object.entries(forms)) {
    const batch = await engine.load([imageOf(width, height, 2), image])
    const found = engine.download(batch.view(view))
    batch.dispose()
    const { data, shape } = await found
    const second = data.length / 2
    differences[form] = largestDifference(data.subarray(second), expected.data.subarray(second))
    if (shape.join() !== expected.shape.join()) differences[form] = Number.NaN
  }
  return differences
}

/** Returns the network's input for an image file, as the GPU computes it. */
async function viewOfFile(bytes: readonly number[]) {
  const { engine } = await pageGpu()
  const context = { signal: new AbortController().signal, maxPixels: 1e6 }
  const image = await openImage(new Blob([Uint8Array.from(bytes)]), context)
  const { width, height } = image
  const batch = await engine.load([image])
  const view = batch.view({ width, height, mirrored: false, tile: { x: 0, y: 0, width, height } })
  const { data } = await engine.download(view)
  engine.release(view)
  batch.dispose()
  return { data: Array.from(data), form: image.constructor.name }
}

/** Counts the bytes read back for outputs of maps like those of hrnet. */
async function bytesReadFor(
  width: number,
  height: number,
  wanted: { labels: boolean; confidence: boolean },
): Promise<number> {
  const { engine } = await pageGpu()
  const map = engine.upload(mapOf('smooth', [1, 19, height / 8, width / 8], 1))
  const before = gpuWork.bytesRead
  await engine.readClasses([{ map, mirrored: false }], { image: 0, width, height, ...wanted })
  engine.release(map)
  return gpuWork.bytesRead - before
}

/** Swaps left and right. */
function mirrorTensor({ data, shape }: Tensor): Tensor {
  const width = shape[3]
  return { data: data.map((_, i) => data[i - (i % width) + width - 1 - (i % width)]), shape }
}

function pixelsOf(bitmap: ImageBitmap): Uint8ClampedArray {
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', {
    willReadFrequently: true,
  })
  context!.drawImage(bitmap, 0, 0)
  return context!.getImageData(0, 0, bitmap.width, bitmap.height).data
}

/** Paints the same image on the GPU and in JavaScript. */
async function comparePictures(
  width: number,
  height: number,
  options: RunOptions,
  styles: readonly PaintStyle[],
) {
  const gpu = await pageGpu()
  const networks = await tinyNetworks(gpu, 19)
  const image = imageOf(width, height)
  const painter = gpuPainter(gpu.gpu)
  const buffers = gpuWork.buffers.size
  const picture = await pictureOnGpu(gpu, painter, networks.gpu, image, { ...options, edges: true })
  const outputs = ['labels', 'edges'] as const
  const [expected] = await segmentImages(networks.arrays, [image], { ...options, outputs })
  const labels = await picture.labels()
  const read = gpuWork.bytesRead
  const painted = []
  for (const style of styles) {
    const settings = paintSettings(style, { numClasses: 19, edges: true }, '')
    painted.push({ settings, pixels: pixelsOf(await picture.paint(settings)) })
  }
  const bytesRead = gpuWork.bytesRead - read
  picture.dispose()
  const leaked = gpuWork.buffers.size - buffers
  const shares = painted.map(({ settings, pixels }) => {
    const data = paintPixels(image, { ...expected, labels }, settings)
    return pixels.filter((value, i) => Math.abs(value - data[i]) > 1).length / data.length
  })
  const varied = painted.map(({ pixels }) => new Set(new Uint32Array(pixels.buffer)).size)
  const kept = await pictureOnArrays(networks.arrays, image, { ...options, edges: true })
  const onArrays = pixelsOf(await kept.paint(painted[0].settings))
  return {
    shares,
    onArrays: largestDifference(onArrays, paintPixels(image, expected, painted[0].settings)),
    labels: shareDiffering(labels, expected.labels),
    edgeShare: expected.edges.filter((edge) => edge >= 0.5).length / labels.length,
    bytesRead,
    leaked,
    varied,
    tiles: picture.info.tiles,
  }
}

/** Paints a picture that is larger than a canvas on the GPU can be. */
async function largePicture(width: number) {
  const gpu = await pageGpu()
  const { session, graph, info, numClasses, memoryBudget } = (await tinyNetworks(gpu, 19)).gpu
  const facts = { graph, info, numClasses, memoryBudget, edgeHead: true, precision: 'float32' } as const
  const runner = networkRunner({ device: 'webgpu', session, gpu }, facts)
  const request = { image: imageOf(width, 4), options: {} }
  const context = { signal: new AbortController().signal, onProgress() {} }
  const picture = await runner.createPicture(request, context)
  const bitmap = await picture.paint(paintSettings({}, { numClasses: 19, edges: true }, ''))
  return {
    largestTexture: gpu.gpu.device.limits.maxTextureDimension2D,
    painted: bitmap.width,
    labels: (await picture.labels()).length,
  }
}

type Failure = { code?: string; message?: string; hint?: string }
const failureOf = (work: () => Promise<unknown>): Promise<Failure> =>
  work().then(
    () => ({}),
    ({ code, message, hint }) => ({ code, message, hint }),
  )

/** Returns the errors of reading classes from the maps of two images, one of which has a value that is not finite. */
async function notFinite(value: number): Promise<Failure[]> {
  const { engine } = await pageGpu()
  const map = mapOf('smooth', [2, 19, 16, 32], 1)
  map.data[map.data.length - 100] = value
  const uploaded = engine.upload(map)
  const failures: Failure[] = []
  for (const [labels, confidence] of [
    [true, false],
    [false, true],
    [true, true],
  ]) {
    const request = { width: 61, height: 33, labels, confidence }
    const maps = [{ map: uploaded, mirrored: false }]
    await engine.readClasses(maps, { ...request, image: 0 })
    failures.push(await failureOf(() => engine.readClasses(maps, { ...request, image: 1 })))
  }
  engine.release(uploaded)
  return failures
}

/** Returns the errors of a buffer that is too large, of invalid use, and of a device that is lost during work. */
async function failures() {
  const { gpu, engine } = await startGpu()
  const tooLarge = await failureOf(async () => gpu.createBuffer(gpu.maxBufferBytes + 4))
  const small = engine.upload({ data: new Float32Array(19), shape: [1, 19, 1, 1] })
  const request = { image: 0, width: 70_000, height: 1, labels: true, confidence: false }
  const wide = { ...small, shape: [1, 19, 1, 40_000] }
  const unrepresentable = await failureOf(() => engine.readClasses([{ map: wide, mirrored: false }], request))
  gpu.device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE })
  const fault = await failureOf(() => gpu.finish())
  const recovered = await failureOf(() => gpu.finish())
  const underWay = failureOf(() => gpu.settle(() => new Promise(() => {})))
  gpu.device.destroy()
  const lost = await underWay
  const afterwards = await failureOf(() => engine.download(small))
  return { tooLarge, unrepresentable, fault, recovered, lost, afterwards }
}

/** Makes the device report an error that WebGPU returns to no caller. */
function causeFault({ device }: BrowserGpu['gpu']): void {
  device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE }).destroy()
}

/** Returns the errors of work during which the device reports an error, and the buffers left. */
async function faults() {
  const gpu = await pageGpu()
  const network = (await tinyNetworks(gpu, 19)).gpu
  const painter = gpuPainter(gpu.gpu)
  const image = imageOf(64, 32)
  const before = gpuWork.buffers.size
  const faulty: Session<GpuTensor> = {
    ...network.session,
    async run(feeds) {
      const outputs = await network.session.run(feeds)
      causeFault(gpu.gpu)
      return outputs
    },
  }
  const making = await failureOf(() =>
    pictureOnGpu(gpu, painter, { ...network, session: faulty }, image, { edges: true }),
  )
  const leaked = gpuWork.buffers.size - before
  const picture = await pictureOnGpu(gpu, painter, network, image, { edges: true })
  const settings = paintSettings({}, { numClasses: 19, edges: true }, '')
  causeFault(gpu.gpu)
  const painting = await failureOf(() => picture.paint(settings))
  const paintingAgain = await failureOf(() => picture.paint(settings))
  picture.dispose()

  const session = await gpuBackend(gpu.gpu, 'float32').createSession(tinyGraph(19))
  const input = gpu.engine.upload({ data: new Float32Array(3 * 64 * 32), shape: [1, 3, 32, 64] })
  const { dispose } = ort.Tensor.prototype
  let disposed = 0
  ort.Tensor.prototype.dispose = function () {
    disposed++
    return dispose.apply(this)
  }
  causeFault(gpu.gpu)
  const running = await failureOf(() => session.run({ image: input }))
  ort.Tensor.prototype.dispose = dispose
  gpu.engine.release(input)
  await session.dispose()
  return { making, leaked, painting, paintingAgain, running, disposed }
}

const exposed = {
  abortBetweenTiles,
  hasGpu: async () => 'device' in (await pageGpu()).gpu,
  compareSegmentations,
  compareLabels,
  compareViews,
  comparePictures,
  bytesReadFor,
  viewOfFile,
  notFinite,
  failures,
  faults,
  largePicture,
}

declare global {
  /** The functions above. */
  var gpuHarness: typeof exposed
}
globalThis.gpuHarness = exposed
Object.assign(globalThis, { harness: {} })
