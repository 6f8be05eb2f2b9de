import { fileURLToPath } from 'node:url'
import { seededRandom } from '@inverseform/shared'
import {
  BoundaryF,
  BoundaryIou,
  bootstrap,
  Calibration,
  ConfusionMatrix,
  IGNORE,
  type MetricsReportOptions,
  PerImageScores,
  PixelLevelEvaluation,
  SurfaceDistances,
  TrimapIou,
  toTrainIds,
} from '../../src/index.js'
import { matchPairs, readInstanceIds, readLabelIds } from '../../src/node.js'

const folder = new URL('../fixtures/metrics/', import.meta.url)

/** All metrics of the three golden images, with confidences made up. */
export async function goldenMetrics(): Promise<
  Required<Omit<MetricsReportOptions, 'classNames' | 'palette' | 'partial' | 'skipped'>>
> {
  const official = new PixelLevelEvaluation()
  const perImage = new PerImageScores()
  const confusion = new ConfusionMatrix()
  const calibration = new Calibration()
  const boundaryF = new BoundaryF({ tolerances: [1, 0.008, 5] })
  const boundaryIou = new BoundaryIou({ ratios: [0.02, 0.005] })
  const trimap = new TrimapIou()
  const surface = new SurfaceDistances()
  const pairs = await matchPairs({
    data: fileURLToPath(folder),
    predictions: fileURLToPath(new URL('results', folder)),
  })
  const next = seededRandom(1)
  for (const { name, ...files } of pairs) {
    const { data, width, height } = await readLabelIds(files.target)
    const { data: labelIds } = await readLabelIds(files.prediction)
    const { data: instanceIds } = await readInstanceIds(files.instanceIds!)
    official.update({ name, width, height, target: data, prediction: labelIds, instanceIds })
    const prediction = toTrainIds(labelIds)
    // A prediction that is no class is an error for these metrics.
    const target = toTrainIds(data).map((id, i) => (prediction[i] === IGNORE ? IGNORE : id))
    const image = { name, width, height, target, prediction }
    for (const metric of [confusion, boundaryF, boundaryIou, trimap, surface]) metric.update(image)
    perImage.update(image)
    const confidence = Float32Array.from(target, (id, i) => 1 - next() * (id === prediction[i] ? 0.4 : 0.9))
    calibration.update({ ...image, confidence })
  }
  const summary = perImage.compute()
  return {
    title: 'golden metrics',
    facts: [['data set', 'three images']],
    official: official.compute(),
    confusion,
    perImage: summary,
    interval: bootstrap(perImage),
    boundaryF: boundaryF.compute(),
    boundaryIou: boundaryIou.compute(),
    trimap: trimap.compute(),
    surface: surface.compute(),
    calibration: calibration.compute(),
    images: summary.images.slice(0, 2).map(({ name }) => ({
      name,
      panels: ['truth', 'prediction'].map((title) => ({ title, src: `images/${name}_${title}.png` })),
    })),
  }
}
