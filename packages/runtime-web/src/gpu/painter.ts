/// <reference types="@webgpu/types" />
import type { PaintSettings, ViewMap } from '@inverseform/runtime'
import { labelsPerWord } from './engine.js'
import type { Gpu } from './gpu.js'
import { NO_HIGHLIGHT, paintCode, paintUniforms } from './kernels/paint.js'
import type { GpuPixels } from './pixels.js'
import type { GpuTensor } from './tensor.js'

/** A picture's data in a GPU's memory. */
export interface GpuPaintable {
  readonly image: GpuPixels
  readonly numClasses: number
  /** Packed as in `GpuClasses`. */
  readonly labels: GPUBuffer
  readonly edges?: GpuEdges
}

export interface GpuEdges {
  /** One or two maps, each [1,1,height,width]. */
  readonly maps: readonly ViewMap<GpuTensor>[]
  readonly kind: 'logit' | 'probability'
}

export type GpuPainter = (paintable: GpuPaintable, settings: PaintSettings) => ImageBitmap

/** Returns a painter with its own canvas. Nothing is read back. */
export function gpuPainter(gpu: Gpu): GpuPainter {
  const canvas = new OffscreenCanvas(1, 1)
  const context = canvas.getContext('webgpu') as GPUCanvasContext
  const format = navigator.gpu.getPreferredCanvasFormat()
  context.configure({ device: gpu.device, format, alphaMode: 'opaque' })
  let pipeline: GPURenderPipeline | undefined

  return ({ image, numClasses, labels, edges }, settings) => {
    pipeline ??= compile(gpu.device, format)
    const { width, height } = image
    Object.assign(canvas, { width, height })
    const uniforms = gpu.createBuffer(
      uniformsOf({ image, numClasses, labels, edges }, settings),
      GPUBufferUsage.UNIFORM,
    )
    const colors = gpu.createBuffer(packColors(settings.colors))
    const [first = labels, second = first] = edges?.maps.map(({ map }) => map.buffer) ?? []
    const buffers = [uniforms, first, second, image.buffer, labels, colors]
    const bindGroup = gpu.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    })
    gpu.submit((encoder) => {
      const view = context.getCurrentTexture().createView()
      const pass = encoder.beginRenderPass({
        colorAttachments: [{ view, loadOp: 'clear', storeOp: 'store' }],
      })
      pass.setPipeline(pipeline!)
      pass.setBindGroup(0, bindGroup)
      pass.draw(3)
      pass.end()
    })
    uniforms.destroy()
    colors.destroy()
    return canvas.transferToImageBitmap()
  }
}

function compile(device: GPUDevice, format: GPUTextureFormat): GPURenderPipeline {
  const module = device.createShaderModule({ label: 'paint', code: paintCode })
  return device.createRenderPipeline({
    label: 'paint',
    layout: 'auto',
    vertex: { module },
    fragment: { module, targets: [{ format }] },
  })
}

function uniformsOf(
  { image, numClasses, edges }: GpuPaintable,
  { opacity, outlines, edges: edgeStyle, highlight = NO_HIGHLIGHT }: PaintSettings,
): Uint32Array {
  const [first, second] = edges?.maps ?? []
  const [, , mapHeight = 1, mapWidth = 1] = first?.map.shape ?? []
  const { color: [outlineRed, outlineGreen, outlineBlue] = [0, 0, 0], width: lineWidth = 0 } = outlines ?? {}
  const { color: [edgeRed, edgeGreen, edgeBlue] = [0, 0, 0], threshold = 0.5 } = edgeStyle ?? {}
  const integers: Record<(typeof paintUniforms.integers)[number], number> = {
    width: image.width,
    height: image.height,
    bytesPerPixel: image.bytesPerPixel,
    bytesPerRow: image.bytesPerRow,
    perWord: labelsPerWord(numClasses),
    highlight,
    hasOutlines: Number(outlines !== undefined),
    hasEdges: Number(edgeStyle !== undefined),
    edgesAreLogits: Number(edges?.kind === 'logit'),
    mapWidth,
    mapHeight,
    views: second ? 2 : 1,
    firstMirrored: Number(first?.mirrored ?? false),
    secondMirrored: Number(second?.mirrored ?? false),
  }
  const floats: Record<(typeof paintUniforms.floats)[number], number> = {
    opacity,
    lineWidth,
    outlineRed,
    outlineGreen,
    outlineBlue,
    // The probability is the sigmoid of the logit, so the threshold becomes a logit.
    threshold: edges?.kind === 'logit' ? Math.log(threshold / (1 - threshold)) : threshold,
    edgeRed,
    edgeGreen,
    edgeBlue,
  }
  const packed = Float32Array.from(paintUniforms.floats, (name) => floats[name])
  return Uint32Array.from([
    ...paintUniforms.integers.map((name) => integers[name]),
    ...new Uint32Array(packed.buffer),
  ])
}

function packColors(colors: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: colors.length / 3 }, (_, i) => {
    return colors[3 * i] | (colors[3 * i + 1] << 8) | (colors[3 * i + 2] << 16)
  })
}
