// Our side of metrics/run.mjs: our metrics on the maps that numpy_side.py reads. Answers in the same form.
//
// usage: ours.mjs FOLDER HEIGHT WIDTH
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { BoundaryF, BoundaryIou, ConfusionMatrix, SurfaceDistances, TrimapIou } from '@inverseform/cityscapes'
import { distanceTransform } from '@inverseform/core'

const [folder, ...size] = process.argv.slice(2)
const [height, width] = size.map(Number)
const [target, prediction] = ['target', 'prediction'].map(
  (name) => new Uint8Array(readFileSync(`${folder}/${name}.u8`)),
)
const image = { target, prediction, width, height }
const nothing = (value) => (Number.isNaN(value) ? null : value)

/** Returns an update to time and its results. Both sides return the same lists. */
function metric(make, list) {
  const used = make()
  return {
    run: () => used.update(image),
    found: () => {
      const fresh = make()
      fresh.update(image)
      return list(fresh.compute(), fresh)
    },
  }
}

const rows = {
  confusion: metric(
    () => new ConfusionMatrix(),
    (_, matrix) => matrix.rows(),
  ),
  edt: (() => {
    const edges = boundary()
    let distances
    return {
      run: () => {
        distances = distanceTransform(edges, height, width)
      },
      found: () =>
        createHash('sha1')
          .update(Int32Array.from(distances, (d) => Math.round(d * d)))
          .digest('hex'),
    }
  })(),
  boundaryF: metric(
    () => new BoundaryF(),
    ({ tolerances }) => tolerances.map(({ classes }) => classes.map(({ f }) => nothing(f))),
  ),
  boundaryIou: metric(
    () => new BoundaryIou({ ratios: [0.005] }),
    ({ ratios }) => ratios[0].classes.map(({ intersection, union }) => [intersection, union]),
  ),
  trimap: metric(
    () => new TrimapIou(),
    ({ bands }) => bands.map(({ meanIou, accuracy }) => [meanIou, accuracy]),
  ),
  surface: metric(
    () => new SurfaceDistances(),
    ({ classes }) =>
      classes.map(({ hausdorff, hd95Pooled, assdMeanOfDirected }) =>
        [hausdorff, hd95Pooled, assdMeanOfDirected].map(nothing),
      ),
  ),
}

/** Marks pixels with a 4-neighbor of a different class, where neither is void. */
function boundary() {
  const edges = new Uint8Array(target.length)
  const mark = (a, b) => {
    if (target[a] !== target[b] && target[a] !== 255 && target[b] !== 255) edges[a] = edges[b] = 1
  }
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (x + 1 < width) mark(i, i + 1)
      if (y + 1 < height) mark(i, i + width)
    }
  }
  return edges
}

process.stdout.write('{}\n')
for await (const line of createInterface({ input: process.stdin })) {
  const { run, found } = rows[line]
  const [start, used] = [performance.now(), process.cpuUsage()]
  run()
  const [wall, { user, system }] = [performance.now() - start, process.cpuUsage(used)]
  process.stdout.write(`${JSON.stringify({ wall, cpu: (user + system) / 1000, found: found() })}\n`)
}
