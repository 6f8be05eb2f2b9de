/// <reference types="@webgpu/types" />
import {
  type ClassRequest,
  type Engine,
  type ImageBatch,
  type Labels,
  notFinite,
  type Readout,
  type Tensor,
  type ViewMap,
} from '@inverseform/runtime'
import { product } from '@inverseform/shared'
import type { Gpu } from './gpu.js'
import { kernel } from './kernel.js'
import { addTile, divideByWeights } from './kernels/blend-tiles.js'
import { checkInterpolable } from './kernels/interpolation.js'
import { readClasses } from './kernels/read-classes.js'
import { viewImages } from './kernels/view-images.js'
import { checkGpuImage, type GpuImage, type GpuPixels, uploadImage } from './pixels.js'
import type { GpuTensor } from './tensor.js'
import { gpuBlender } from './tile-blender.js'

export interface GpuImageBatch extends ImageBatch<GpuTensor> {
  readonly images: readonly GpuPixels[]
}

/** Classes of an image's pixels in a GPU's memory. The caller destroys the buffers. */
export interface GpuClasses {
  /** 4 labels per word, the first in the lowest bits; 2 with more than 256 classes. Then a word: see `checkFinite`. */
  readonly labels: GPUBuffer
  /** float32, then a word as in `labels`; one element if confidence was not requested. */
  readonly confidence: GPUBuffer
}

export interface GpuEngine extends Engine<GpuTensor, GpuImage> {
  load(images: readonly GpuImage[]): Promise<GpuImageBatch>
  readClasses(maps: readonly ViewMap<GpuTensor>[], request: ClassRequest): Promise<Readout>
  /** Computes what `readClasses` returns, and leaves it in the GPU's memory. */
  classify(maps: readonly ViewMap<GpuTensor>[], request: Omit<ClassRequest, 'labels'>): GpuClasses
  upload(tensor: Tensor): GpuTensor
  copy(tensor: GpuTensor): GpuTensor
}

/** Computes the steps around a network in WGSL, in the memory of the GPU that runs the network. */
export function gpuEngine(gpu: Gpu): GpuEngine {
  const view = kernel(gpu, viewImages)
  const classes = kernel(gpu, readClasses)
  const blend = { addTile: kernel(gpu, addTile), divideByWeights: kernel(gpu, divideByWeights) }

  function tensorIn(buffer: GPUBuffer, shape: readonly number[]): GpuTensor {
    return { buffer, shape, free: () => buffer.destroy() }
  }

  function uploadAll(images: readonly GpuImage[]): GpuPixels[] {
    const uploaded: GpuPixels[] = []
    try {
      for (const image of images) uploaded.push(uploadImage(gpu, image))
      return uploaded
    } catch (error) {
      for (const { buffer } of uploaded) buffer.destroy()
      throw error
    }
  }

  function batchOf(images: readonly GpuPixels[]): GpuImageBatch {
    const [{ width: imageWidth, height: imageHeight }] = images
    return {
      images,
      count: images.length,
      width: imageWidth,
      height: imageHeight,
      view({ width: viewWidth, height: viewHeight, mirrored, tile: { x, y, width, height } }) {
        checkInterpolable(imageWidth, viewWidth)
        checkInterpolable(imageHeight, viewHeight)
        const shape = [images.length, 3, height, width]
        const planes = gpu.createBuffer(4 * product(shape))
        images.forEach(({ buffer, bytesPerPixel, bytesPerRow }, i) => {
          view({
            count: height * width,
            uniforms: {
              imageWidth,
              imageHeight,
              bytesPerPixel,
              bytesPerRow,
              viewWidth,
              viewHeight,
              mirrored: Number(mirrored),
              x,
              y,
              width,
              offset: i * 3 * height * width,
            },
            buffers: [buffer, planes],
          })
        })
        return tensorIn(planes, shape)
      },
      dispose() {
        for (const { buffer } of images) buffer.destroy()
      },
    }
  }

  function classify(
    [first, second = first, ...more]: readonly ViewMap<GpuTensor>[],
    { image, width, height, confidence }: Omit<ClassRequest, 'labels'>,
  ): GpuClasses {
    if (more.length > 0) throw new RangeError('`maps` must be one or two maps.')
    const [, channels, mapHeight, mapWidth] = first.map.shape
    checkInterpolable(mapWidth, width)
    checkInterpolable(mapHeight, height)
    const perWord = labelsPerWord(channels)
    const count = Math.ceil((width * height) / perWord)
    const labels = gpu.createBuffer(4 * (count + 1))
    const probabilities = gpu.createBuffer(confidence ? 4 * (width * height + 1) : 4)
    classes({
      count,
      uniforms: {
        width,
        height,
        mapWidth,
        mapHeight,
        numClasses: channels,
        offset: image * channels * mapHeight * mapWidth,
        views: second === first ? 1 : 2,
        firstMirrored: Number(first.mirrored),
        secondMirrored: Number(second.mirrored),
        perWord,
        withConfidence: Number(confidence),
      },
      buffers: [first.map.buffer, second.map.buffer, labels, probabilities],
    })
    return { labels, confidence: probabilities }
  }

  return {
    checkImage: checkGpuImage,
    load: async (images) => batchOf(uploadAll(images)),
    blender: (shape) => gpuBlender(gpu, blend, shape),
    classify,
    async readClasses(maps, request) {
      const found = classify(maps, request)
      try {
        const pixels = request.width * request.height
        const numClasses = maps[0].map.shape[1]
        /** Reads the elements of a buffer with the word after them. */
        const read = async (buffer: GPUBuffer, bytes: number) => {
          const whole = Math.ceil(bytes / 4) * 4
          const content = await gpu.read(buffer, whole + 4)
          checkFinite(new Uint32Array(content, whole)[0], request.image)
          return content
        }
        const labels = request.labels && (await read(found.labels, labelBytes(numClasses, pixels)))
        const confidence = request.confidence && (await read(found.confidence, 4 * pixels))
        return {
          ...(labels && { labels: labelsIn(labels, numClasses, pixels) }),
          ...(confidence && { confidence: new Float32Array(confidence, 0, pixels) }),
        }
      } finally {
        found.labels.destroy()
        found.confidence.destroy()
      }
    },
    upload: ({ data, shape }) => tensorIn(gpu.createBuffer(data), shape),
    copy({ buffer, shape }) {
      const bytes = 4 * product(shape)
      const copied = gpu.createBuffer(bytes)
      gpu.submit((encoder) => encoder.copyBufferToBuffer(buffer, 0, copied, 0, bytes))
      return tensorIn(copied, shape)
    },
    async download({ buffer, shape }) {
      return { data: new Float32Array(await gpu.read(buffer, 4 * product(shape))), shape }
    },
    release: (map) => map.free(),
  }
}

/** Returns the number of labels in a word: a label has one byte with up to 256 classes, else two. */
export const labelsPerWord = (numClasses: number): 2 | 4 => (numClasses <= 256 ? 4 : 2)

/** Reads packed labels back to main memory. */
export async function readLabels(
  gpu: Gpu,
  labels: GPUBuffer,
  numClasses: number,
  pixels: number,
): Promise<Labels> {
  return labelsIn(await gpu.read(labels, labelBytes(numClasses, pixels)), numClasses, pixels)
}

/**
 * Checks the word after the labels in a GPU's memory, without reading the labels.
 * @throws `inference-failed` if a logit was not finite
 */
export async function checkLabels(
  gpu: Gpu,
  labels: GPUBuffer,
  numClasses: number,
  pixels: number,
): Promise<void> {
  const after = Math.ceil(labelBytes(numClasses, pixels) / 4) * 4
  checkFinite(new Uint32Array(await gpu.read(labels, 4, after))[0], 0)
}

function checkFinite(flag: number, image: number): void {
  if (flag !== 0) throw notFinite('logits', image)
}

const labelBytes = (numClasses: number, pixels: number): number => (4 / labelsPerWord(numClasses)) * pixels

function labelsIn(content: ArrayBuffer, numClasses: number, pixels: number): Labels {
  return labelsPerWord(numClasses) === 4
    ? new Uint8Array(content, 0, pixels)
    : new Uint16Array(content, 0, pixels)
}
