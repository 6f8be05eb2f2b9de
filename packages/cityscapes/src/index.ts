export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export { colourise, edgeImage, edgeOverlay, errorColours, errorMask, overlay } from './colouring.js'
export { edgeMap } from './edges.js'
export {
  type Category,
  categories,
  classNames,
  IGNORE,
  type Label,
  labelIdToTrainId,
  labels,
  palette,
  type Rgb,
  toLabelIds,
  toTrainIds,
  trainIdToLabelId,
} from './labels.js'
export {
  type ClassScores,
  ConfusionMatrix,
  type ConfusionMatrixJson,
  type IdArray,
  type SegmentationScores,
} from './metrics/confusion.js'
export { type ImageScores, scoreImage, worstImages } from './metrics/image-scores.js'
export type { Metric } from './metrics/metric.js'
export { decodeLabelPng, encodeLabelPng, type LabelMap, MAX_LABEL_PIXELS } from './png.js'
export { confusionSvg } from './report/confusion-svg.js'
export {
  type ReportComparison,
  type ReportImage,
  type ReportOptions,
  type ReportPanel,
  type ReportRun,
  reportHtml,
} from './report/html.js'
export { classTable, scoreSummary } from './report/table.js'
