// The plain side of evaluate/run.mjs: runs the exported network on ONNX Runtime with its defaults. The logits have the image's size.
import { normalizeImages } from '@inverseform/runtime'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { serve } from './side.mjs'

const session = await InferenceSession.create(process.argv[2])
const scales = process.argv[3].split(',').map(Number)

serve(async (image) => {
  const timings = { preprocess: 0, network: 0, postprocess: 0 }
  let last = performance.now()
  const lap = (stage) => {
    const now = performance.now()
    timings[stage] += now - last
    last = now
  }
  const pixels = { data: normalizeImages([image]).data, width: image.width, height: image.height }
  let prediction
  for (const scale of scales) {
    const [width, height] = [image.width, image.height].map((size) => Math.floor(size * scale))
    const { data } = scale === 1 ? pixels : resize(pixels, { width, height })
    lap('preprocess')
    const outputs = await session.run({ image: new Tensor('float32', data, [1, 3, height, width]) })
    lap('network')
    const logits = { data: outputs.logits.data, width, height }
    const attention = outputs.attention && { data: outputs.attention.data, width, height }
    prediction = prediction ? blend(prediction, logits, attention, scale) : logits
    lap('postprocess')
  }
  const labels = argmax(prediction)
  lap('postprocess')
  return { labels, timings }
})

/** Blends in one scale by hierarchical multi-scale attention, from larger to smaller scales. Overwrites `prediction`. */
function blend(prediction, logits, attention, scale) {
  if (scale >= 1) return mix(logits, attention, resize(prediction, logits))
  const gated = { ...logits, data: logits.data.map((x, i) => x * attention.data[i % attention.data.length]) }
  return mix(resize(gated, prediction), resize(attention, prediction), prediction, true)
}

/** Returns `attention · upper + (1 − attention) · lower`. If `gated`, `upper` is already multiplied by the attention. */
function mix(upper, attention, lower, gated = false) {
  const plane = attention.data.length
  for (let i = 0; i < lower.data.length; i++) {
    const a = attention.data[i % plane]
    lower.data[i] = (gated ? 1 : a) * upper.data[i] + (1 - a) * lower.data[i]
  }
  return lower
}

/** Resizes bilinearly with half-pixel centers and clamped edges. */
function resize(map, { width, height }) {
  const planes = map.data.length / (map.width * map.height)
  const data = new Float32Array(planes * width * height)
  const columns = axis(map.width, width)
  const rows = axis(map.height, height)
  let at = 0
  for (let k = 0; k < planes; k++) {
    const plane = map.data.subarray(k * map.width * map.height, (k + 1) * map.width * map.height)
    for (const [top, bottom, wy] of rows) {
      for (const [left, right, wx] of columns) {
        const upper = plane[top * map.width + left] * (1 - wx) + plane[top * map.width + right] * wx
        const lower = plane[bottom * map.width + left] * (1 - wx) + plane[bottom * map.width + right] * wx
        data[at++] = upper * (1 - wy) + lower * wy
      }
    }
  }
  return { data, width, height }
}

function axis(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.max(0, ((i + 0.5) * from) / to - 0.5)
    const lower = Math.floor(position)
    return [lower, Math.min(lower + 1, from - 1), position - lower]
  })
}

function argmax({ data, width, height }) {
  const plane = width * height
  const labels = new Uint8Array(plane)
  const largest = data.slice(0, plane)
  for (let k = 1; k * plane < data.length; k++) {
    for (let i = 0, at = k * plane; i < plane; i++, at++) {
      if (data[at] > largest[i]) {
        largest[i] = data[at]
        labels[i] = k
      }
    }
  }
  return labels
}
